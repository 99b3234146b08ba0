import type { Clock } from '../../core/clock.ts';
import {
  initialLiveness,
  type Liveness,
  type LivenessEvent,
  nextTickAt,
  PROBE_TIMEOUT_MS,
  stepLiveness,
  type Verdict,
  verdict,
} from '../../core/server/liveness.ts';

export interface LivenessPorts {
  clock: Clock;
  /** What the process handle says; always true where there is none. */
  isAlive(): boolean;
  /** Whether the server answers at all within `timeoutMs`. */
  probe(timeoutMs: number): Promise<boolean>;
  /** Called when the verdict has changed. */
  onVerdict(verdict: Verdict): void;
}

/** Watches one running server by the rules of `liveness.ts`: one timer, and a probe only after a silence. */
export class LivenessWatch {
  readonly #ports: LivenessPorts;
  #state: Liveness;
  #told: Verdict = 'healthy';
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(ports: LivenessPorts) {
    this.#ports = ports;
    this.#state = initialLiveness(ports.clock.now());
    this.#arm();
  }

  heard(): void {
    this.#take({ type: 'bytes' });
  }

  turnStarted(turn: string): void {
    this.#take({ type: 'turn-started', turn });
  }

  turnEnded(turn: string): void {
    this.#take({ type: 'turn-ended', turn });
  }

  /** Nothing is probed or told after this. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #take(event: LivenessEvent): void {
    if (this.#isStopped) return;
    const now = this.#ports.clock.now();
    const { state, probe } = stepLiveness(this.#state, event, now);
    this.#state = state;
    if (probe) void this.#probe();
    const found = verdict(state, now);
    if (found === this.#told) return;
    this.#told = found;
    // The timer in place may be hours of patience away from what the new verdict needs.
    this.#arm();
    this.#ports.onVerdict(found);
  }

  async #probe(): Promise<void> {
    const isAnswered = await this.#ports.probe(PROBE_TIMEOUT_MS).catch(() => false);
    this.#take({ type: isAnswered ? 'probe-answered' : 'probe-failed' });
    this.#arm();
  }

  /** One timer, not reset by each byte: when it fires early, it is armed again for the rest. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const at = nextTickAt(this.#state);
    if (at === undefined || this.#isStopped) return;
    this.#cancelTimer = this.#ports.clock.setTimer(Math.max(0, at - this.#ports.clock.now()), () => {
      this.#take({ type: 'tick', alive: this.#ports.isAlive() });
      this.#arm();
    });
  }
}
