import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Size at which the file becomes `<name>.1` and a new one begins, bytes: two files are kept, 4 MiB in all. */
export const LOG_FILE_BYTES = 2 * 1024 * 1024;
/** Text that waits for the disk, characters. A process that writes faster loses lines here, and the log says how many. */
export const LOG_PENDING_CHARS = 256 * 1024;

/**
 * The log file of a server's output. It never grows without bound and never fails the one who writes: a disk that
 * cannot be written costs the log only.
 */
export class ProcessLog {
  #pending: string[] = [];
  #pendingChars = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor(readonly path: string) {}

  line(text: string): void {
    if (this.#pendingChars + text.length > LOG_PENDING_CHARS) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push(text);
    this.#pendingChars += text.length;
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything written so far is on disk, or lost. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      if (this.#dropped > 0)
        lines.push(`[holdfast] ${this.#dropped} lines were not written: too many at once`);
      this.#pending = [];
      this.#pendingChars = 0;
      this.#dropped = 0;
      try {
        await this.#append(`${lines.join('\n')}\n`);
      } catch {
        // Said above: the log is lost, the server is not.
      }
    }
    this.#writing = undefined;
  }

  async #append(text: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const size = await stat(this.path).then(
      (found) => found.size,
      () => 0,
    );
    if (size > 0 && size + Buffer.byteLength(text) > LOG_FILE_BYTES)
      await rename(this.path, `${this.path}.1`);
    await appendFile(this.path, text, { mode: 0o600 });
  }
}
