import type { Clock } from '../../../src/core/clock.ts';
import { systemClock } from '../../../src/node/clock.ts';

interface Timer {
  at: number;
  ms: number;
  fn: () => void;
  /** Once thawed: cancels the real timer that took its place. */
  cancelReal: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<Timer>();
  readonly #awaited = new Set<() => void>();
  #isThawed = false;

  now(): number {
    return this.#now;
  }

  setTimer(ms: number, fn: () => void): () => void {
    if (this.#isThawed) return systemClock.setTimer(ms, fn);
    const timer: Timer = { at: this.#now + ms, ms, fn, cancelReal: () => {} };
    this.#timers.add(timer);
    for (const look of this.#awaited) look();
    return () => {
      this.#timers.delete(timer);
      timer.cancelReal();
    };
  }

  /** Moves on by `ms`, firing what is due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
    }
    this.#now = end;
  }

  /** The wall clock is set, as after a sleep or by an administrator; no timer notices. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Resolves when a timer of exactly `ms` is armed, at once if one is. */
  armed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (![...this.#timers].some((timer) => timer.ms === ms)) return;
        this.#awaited.delete(look);
        resolve();
      };
      this.#awaited.add(look);
      look();
    });
  }

  /** From now on timers are real: for the end of a test, when nobody moves the clock any more. */
  thaw(): void {
    this.#isThawed = true;
    for (const timer of this.#timers) timer.cancelReal = systemClock.setTimer(timer.ms, timer.fn);
    this.#timers.clear();
  }

  get timers(): number {
    return this.#timers.size;
  }

  #next(end: number): Timer | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}
