/** Tells when something in a folder, or a file, may have changed. */
import * as fs from 'node:fs';

/**
 * The system's notices are a promise it does not keep everywhere: network and container file systems give none, and a
 * folder that does not exist yet cannot be watched. So a look every 500 ms stands behind them.
 */
const LOOK_MS = 500;

export class Changes {
  readonly #path: string;
  #watcher: fs.FSWatcher | undefined;
  #wake: (() => void) | undefined;
  #isDirty = false;

  constructor(path: string) {
    this.#path = path;
    this.#watch();
  }

  /** Resolves at the next change, or when it is time to look anyway; at once when something changed meanwhile. */
  async next(): Promise<void> {
    this.#watch();
    if (!this.#isDirty) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#isDirty = false;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = fs.watch(this.#path, () => {
        this.#isDirty = true;
        this.#wake?.();
      });
      this.#watcher.on('error', () => this.close());
    } catch {
      // Not there yet, or no watches left: the look every 500 ms serves.
    }
  }
}
