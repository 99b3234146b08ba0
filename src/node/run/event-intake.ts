import type { Clock } from '../../core/clock.ts';
import type { EngineEvent } from '../../core/engine.ts';
import { concerns } from '../../core/journal/conversation.ts';
import { pushCoalesced } from './coalesce.ts';

/** Events are written and shown in batches this far apart, ms: quick to the eye, few writes in a burst. */
export const BATCH_MS = 40;

/** Where a run takes the server's events in: its own ones, in batches, held back while it asks how things stand. */
export class EventIntake {
  readonly #clock: Clock;
  readonly #onBatch: () => void;
  /** The run's session and its sub-agents'. */
  readonly #sessions = new Set<string>();
  #pending: EngineEvent[] = [];
  #held: EngineEvent[] = [];
  #holds = 0;
  #cancelTimer: (() => void) | undefined;

  /** @param onBatch called when a batch is due; it takes it with `take`. */
  constructor(clock: Clock, onBatch: () => void) {
    this.#clock = clock;
    this.#onBatch = onBatch;
  }

  addSession(sessionId: string): void {
    this.#sessions.add(sessionId);
  }

  /** Takes events of the stream. Those of other sessions are left out. */
  add(events: readonly EngineEvent[]): void {
    const batch = this.#holds > 0 ? this.#held : this.#pending;
    for (const event of events) if (this.#isOurs(event)) pushCoalesced(batch, event);
    if (this.#pending.length > 0) this.#cancelTimer ??= this.#clock.setTimer(BATCH_MS, this.#onBatch);
  }

  /** Live events wait from here on: they may be newer than what the server is being asked for. */
  hold(): void {
    this.#holds++;
  }

  /** What the server answered comes before the events that waited. */
  addAnswer(events: readonly EngineEvent[]): void {
    for (const event of events) if (this.#isOurs(event)) this.#pending.push(event);
  }

  release(): void {
    this.#holds--;
    if (this.#holds === 0) this.add(this.#held.splice(0));
  }

  /** The batch so far, which is empty then. */
  take(): EngineEvent[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    return this.#pending.splice(0);
  }

  /** A sub-agent's session is known from here on, not only once its record is folded. */
  #isOurs(event: EngineEvent): boolean {
    if (!concerns(this.#sessions, event)) return false;
    if (event.type === 'session') this.#sessions.add(event.sessionId);
    return true;
  }
}
