/** Tells when something in a folder, or a file, may have changed. */
import * as fs from 'node:fs';
import type { Clock } from '../../core/clock.ts';

/**
 * The system's notices are a promise it does not keep everywhere: network and container file systems give none, and a
 * folder that does not exist yet cannot be watched. So a look this often stands behind them, ms.
 */
export const LOOK_MS = 500;

export class Changes {
  readonly #path: string;
  readonly #clock: Clock;
  #watcher: fs.FSWatcher | undefined;
  #wake: (() => void) | undefined;
  #isDirty = false;
  #wasNoticed = true;
  #isClosed = false;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#watch();
  }

  /** Whether the system told of a change before the last `next` resolved, or could not have told of one. */
  get wasNoticed(): boolean {
    return this.#wasNoticed || this.#watcher === undefined;
  }

  /**
   * Resolves at the next change, or when it is time to look anyway; at once when something changed meanwhile.
   * @returns false when this was closed and there is no more to wait for.
   */
  async next(): Promise<boolean> {
    this.#watch();
    if (!this.#isDirty && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.setTimer(LOOK_MS, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#wasNoticed = this.#isDirty;
    this.#isDirty = false;
    return !this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#wake?.();
  }

  #watch(): void {
    if (this.#watcher !== undefined || this.#isClosed) return;
    try {
      this.#watcher = fs.watch(this.#path, () => {
        this.#isDirty = true;
        this.#wake?.();
      });
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // Not there yet, or no watches left: the look every 500 ms serves.
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
