/**
 * The one event stream of a server, shared by all runs that use it. It reconnects for as long as the server
 * lives, and tells its listeners when it was away: what streamed meanwhile is told nowhere again, so they
 * must re-read.
 *
 *   connecting ──▶ open ──(it ends)──▶ lost ──(backoff)──▶ connecting
 *                  │  ▲
 *        (in doubt)│  │ it has opened, and takes the place of the first: told as lost and open
 *                  ▼  │
 *             open, and another stream is tried
 *
 * A stream in doubt stays until another one is open: a server that is only busy answers neither, and loses nothing.
 * Whatever is not the one stream in use is inert: nothing is told twice.
 */
import type { Clock } from '../../core/clock.ts';
import type { EngineClient, EngineEvent } from '../../core/engine.ts';
import { deafAfter, doubt, isFruitless, nextLook } from '../../core/stream/deafness.ts';
import { reconnectDelay } from '../../core/stream/reconnect.ts';

export interface HubListener {
  onEvents(events: readonly EngineEvent[]): void;
  /** `open` is told at once to a listener that comes while the stream is open. */
  onState(state: 'open' | 'lost', reason?: string): void;
}

export interface HubLog {
  info(text: string): void;
  warn(text: string): void;
}

export interface HubOptions {
  client: EngineClient;
  clock: Clock;
  log: HubLog;
  /** The user's own limit for the gap between two heartbeats, ms; 0 for none. */
  heartbeatGapMs: number;
  /** Bytes of any kind came on the stream in use. */
  onBytes?: () => void;
}

/** A stream that lived this long, ms, was a good one: losing it begins the backoff anew. */
const WORTH_MS = 10_000;

/** One connection, from being asked for to its end. */
interface Stream {
  openedAt: number;
  heardAt: number;
  close(): void;
}

export class EventHub {
  readonly #options: HubOptions;
  readonly #listeners = new Set<HubListener>();
  readonly #odd = new Map<string, number>();
  #state: 'connecting' | 'open' | 'lost' | 'closed' = 'connecting';
  #failures = 0;
  /** How many streams in a row were replaced that had brought nothing. */
  #fruitless = 0;
  /** The one in use, or on the way to be. */
  #stream: Stream | undefined;
  /** While the one in use is in doubt: what is to take its place, and why. */
  #other: { stream: Stream; reason: string; why: 'doubt' | 'deaf' } | undefined;
  #cancelTimer: () => void = () => undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#stream = this.#ask();
  }

  /** Adds a listener; the returned function removes it. */
  listen(listener: HubListener): () => void {
    this.#listeners.add(listener);
    if (this.#state === 'open') listener.onState('open');
    return () => this.#listeners.delete(listener);
  }

  /** Another stream takes the place of the open one, once it is open itself: the server told less than happened. */
  renew(reason: string): void {
    this.#tryOther(reason, 'deaf');
  }

  /** Ends the stream for good. Listeners hear nothing more. */
  close(): void {
    this.#state = 'closed';
    this.#listeners.clear();
    this.#cancelTimer();
    this.#dropOther();
    this.#stream?.close();
    this.#stream = undefined;
  }

  #ask(): Stream {
    const now = this.#options.clock.now();
    const stream: Stream = { openedAt: now, heardAt: now, close: () => undefined };
    const isInUse = (): boolean => this.#stream === stream;
    stream.close = this.#options.client.stream({
      onOpen: () => this.#onOpen(stream),
      onBytes: () => {
        if (isInUse()) this.#onBytes(stream);
      },
      onEvents: (events) => {
        if (isInUse()) for (const listener of [...this.#listeners]) listener.onEvents(events);
      },
      onOdd: (odd) => {
        if (isInUse()) this.#count(odd);
      },
      onEnd: (reason) => this.#onEnd(stream, reason),
    });
    return stream;
  }

  #onOpen(stream: Stream): void {
    const other = this.#other;
    if (other?.stream === stream) {
      this.#other = undefined;
      this.#fruitless = this.#stream !== undefined && isFruitless(this.#stream) ? this.#fruitless + 1 : 0;
      this.#stream?.close();
      this.#stream = stream;
      this.#options.log.info(`event stream opened anew: ${other.reason}`);
      this.#tell('lost', other.reason);
    }
    if (this.#stream !== stream) return;
    stream.openedAt = stream.heardAt = this.#options.clock.now();
    this.#state = 'open';
    this.#watch(stream);
    this.#tell('open');
  }

  #onBytes(stream: Stream): void {
    stream.heardAt = this.#options.clock.now();
    // It was only silent, as it turns out.
    if (this.#other?.why === 'doubt') this.#dropOther();
    this.#options.onBytes?.();
  }

  #onEnd(stream: Stream, reason: string): void {
    const { clock, log } = this.#options;
    if (this.#other?.stream === stream) this.#other = undefined;
    if (this.#stream !== stream) return;
    this.#cancelTimer();
    const wasOpen = this.#state === 'open';
    // A stream that is accepted and ends at once must not be asked for in a hot loop.
    if (wasOpen && clock.now() - stream.openedAt >= WORTH_MS) this.#failures = 0;
    const delay = reconnectDelay(this.#failures++);
    // What was to take its place is on its way already.
    this.#stream = this.#other?.stream;
    this.#other = undefined;
    this.#state = this.#stream === undefined ? 'lost' : 'connecting';
    if (this.#stream === undefined) {
      this.#cancelTimer = clock.setTimer(delay, () => {
        this.#state = 'connecting';
        this.#stream = this.#ask();
      });
    }
    if (!wasOpen) return;
    log.info(`event stream lost (${reason}), connecting again`);
    this.#tell('lost', reason);
  }

  /** Wakes up by itself, whether anything comes or not. One timer, not reset by each byte. */
  #watch(stream: Stream): void {
    const { clock, heartbeatGapMs } = this.#options;
    const deafAfterMs = deafAfter(heartbeatGapMs, this.#fruitless);
    const ms = nextLook(stream.heardAt, deafAfterMs, clock.now());
    const dueAt = clock.now() + ms;
    this.#cancelTimer();
    this.#cancelTimer = clock.setTimer(ms, () => {
      const now = clock.now();
      const found = doubt({ heardAt: stream.heardAt, dueAt }, deafAfterMs, now);
      if (found === 'slept') this.#tryOther('this machine slept, or its clock was set', 'doubt');
      if (found === 'silent')
        this.#tryOther(`nothing came for ${Math.round((now - stream.heardAt) / 1000)} s`, 'doubt');
      this.#watch(stream);
    });
  }

  /** @param why a doubt is over with the next byte of the stream that is open */
  #tryOther(reason: string, why: 'doubt' | 'deaf'): void {
    if (this.#state !== 'open') return;
    if (this.#other === undefined) this.#other = { stream: this.#ask(), reason, why };
    else if (why === 'deaf') this.#other = { ...this.#other, reason, why };
  }

  #dropOther(): void {
    this.#other?.stream.close();
    this.#other = undefined;
  }

  #tell(state: 'open' | 'lost', reason?: string): void {
    for (const listener of [...this.#listeners]) listener.onState(state, reason);
  }

  /** Odd events are logged once per kind and counted; they never disturb. */
  #count(odd: { kind: string; problem: string; path?: string }): void {
    const key = `${odd.problem} ${odd.kind}${odd.path === undefined ? '' : ` at ${odd.path}`}`;
    const count = (this.#odd.get(key) ?? 0) + 1;
    this.#odd.set(key, count);
    if (count === 1) this.#options.log.warn(`event of the server: ${key}`);
  }
}
