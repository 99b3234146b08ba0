/**
 * The one event stream of a server, shared by all runs that use it. It reconnects for as long as the server
 * lives, and tells its listeners when it was away: what streamed meanwhile is told nowhere again, so they
 * must re-read.
 */
import type { Clock } from '../../core/clock.ts';
import type { EngineClient, EngineEvent } from '../../core/engine.ts';
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

/** A stream that lived this long, ms, was a good one: losing it begins the backoff anew. */
const WORTH_MS = 10_000;

export class EventHub {
  readonly #client: EngineClient;
  readonly #clock: Clock;
  readonly #log: HubLog;
  readonly #onBytes: (count: number) => void;
  readonly #listeners = new Set<HubListener>();
  readonly #odd = new Map<string, number>();
  #state: 'connecting' | 'open' | 'lost' | 'closed' = 'connecting';
  #failures = 0;
  #openedAt = 0;
  #stop: () => void = () => undefined;

  constructor(
    client: EngineClient,
    clock: Clock,
    log: HubLog,
    onBytes: (count: number) => void = () => undefined,
  ) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#onBytes = onBytes;
    this.#connect();
  }

  /** Adds a listener; the returned function removes it. */
  listen(listener: HubListener): () => void {
    this.#listeners.add(listener);
    if (this.#state === 'open') listener.onState('open');
    return () => this.#listeners.delete(listener);
  }

  /** Ends the stream for good. Listeners hear nothing more. */
  close(): void {
    this.#state = 'closed';
    this.#listeners.clear();
    this.#stop();
  }

  #connect(): void {
    this.#stop = this.#client.stream({
      onOpen: () => {
        if (this.#state === 'closed') return;
        this.#state = 'open';
        this.#openedAt = this.#clock.now();
        for (const listener of [...this.#listeners]) listener.onState('open');
      },
      onBytes: (count) => this.#onBytes(count),
      onEvents: (events) => {
        for (const listener of [...this.#listeners]) listener.onEvents(events);
      },
      onOdd: (odd) => this.#count(odd),
      onEnd: (reason) => this.#onEnd(reason),
    });
  }

  #onEnd(reason: string): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    // A stream that is accepted and ends at once must not be asked for in a hot loop.
    if (wasOpen && this.#clock.now() - this.#openedAt >= WORTH_MS) this.#failures = 0;
    this.#state = 'lost';
    const delay = reconnectDelay(this.#failures++);
    if (wasOpen) {
      this.#log.info(`event stream lost (${reason}), connecting again in ${delay} ms`);
      for (const listener of [...this.#listeners]) listener.onState('lost', reason);
    }
    this.#stop = this.#clock.setTimer(delay, () => {
      if (this.#state === 'closed') return;
      this.#state = 'connecting';
      this.#connect();
    });
  }

  /** Odd events are logged once per kind and counted; they never disturb. */
  #count(odd: { kind: string; problem: string; path?: string }): void {
    const key = `${odd.problem} ${odd.kind}${odd.path === undefined ? '' : ` at ${odd.path}`}`;
    const count = (this.#odd.get(key) ?? 0) + 1;
    this.#odd.set(key, count);
    if (count === 1) this.#log.warn(`event of the server: ${key}`);
  }
}
