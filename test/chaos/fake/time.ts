/** Time that passes only when it is told to, so that a point with minutes of silence takes milliseconds. */
import type { Clock } from '../../../src/core/clock.ts';

interface Timer {
  at: number;
  /** Timers of the same moment fire in the order in which they were armed. */
  order: number;
  fn: () => void;
}

export class VirtualTime {
  #now = Date.UTC(2026, 0, 1);
  #order = 0;
  readonly #timers = new Set<Timer>();
  #holds = 0;

  now(): number {
    return this.#now;
  }

  /** Time stands still until the returned function is called: for what takes real time, such as files. */
  hold(): () => void {
    this.#holds += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds -= 1;
      isHeld = false;
    };
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: (this.#order += 1), fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /**
   * Fires one timer after the other, with everything that follows from each, until it is so.
   * @returns false when it is not so within `ms`, or never will be because nothing is left to happen.
   */
  async passUntil(isSo: () => boolean, ms: number): Promise<boolean> {
    const end = this.#now + ms;
    for (;;) {
      do await settled();
      while (this.#holds > 0);
      if (isSo()) return true;
      const next = this.#next();
      if (next === undefined || next.at > end) return false;
      this.#timers.delete(next);
      this.#now = next.at;
      next.fn();
    }
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.passUntil(() => false, ms);
    this.#now = end;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order))
        next = timer;
    }
    return next;
  }
}

/** The clock of one process of ours. When that dies, nothing that it had planned happens any more. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  readonly #armed = new Set<() => void>();
  #isDead = false;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  now(): number {
    return this.#time.now();
  }

  setTimer(ms: number, fn: () => void): () => void {
    if (this.#isDead) return () => undefined;
    const disarm = this.#time.after(ms, () => {
      this.#armed.delete(disarm);
      fn();
    });
    this.#armed.add(disarm);
    return () => {
      this.#armed.delete(disarm);
      disarm();
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get timers(): number {
    return this.#armed.size;
  }

  die(): void {
    this.#isDead = true;
    for (const disarm of this.#armed) disarm();
    this.#armed.clear();
  }
}

/** Resolves when no promise has anything left to do. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
