/** The three streams of the command, and what may be done with them. */
import type { Readable, Writable } from 'node:stream';
import { formatLine, type Line, plainLine } from './plain-text.ts';

/**
 * Output that nobody has read yet, bytes. A reader that is this far behind (a pager left open) counts as gone: what
 * was said is in the journal, and memory is not the place to keep it.
 */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

export interface Streams {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean };
}

export class Terminal {
  /** Called once when nobody reads the output any more, as in `holdfast … | head`. */
  onReaderGone: () => void = () => {};
  readonly stdin: Streams['stdin'];
  readonly #stdout: Streams['stdout'];
  readonly #stderr: Streams['stderr'];
  readonly #env: Readonly<Record<string, string | undefined>>;
  #isReaderGone = false;
  #isStderrGone = false;

  constructor({ stdin, stdout, stderr }: Streams, env: Readonly<Record<string, string | undefined>>) {
    this.stdin = stdin;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#env = env;
    // Any error of an output means that it cannot be written; EPIPE is the usual one.
    stdout.on('error', () => this.#loseReader());
    stderr.on('error', () => (this.#isStderrGone = true));
  }

  /** Whether there is a person who sees a question and can answer it. */
  get canAsk(): boolean {
    return this.stdin.isTTY === true && this.#stderr.isTTY === true;
  }

  /** Writes a line, or lines, of the result. */
  print(text: string): void {
    if (this.#isReaderGone) return;
    this.#stdout.write(`${text}\n`);
    if (this.#stdout.writableLength > MAX_UNREAD_BYTES) this.#loseReader();
  }

  /** Writes a line of the result that has a label. */
  printLine(line: Line): void {
    this.print(formatLine(line, this.#hasColour(this.#stdout)));
  }

  /** Tells of progress, on stderr. */
  say(line: Line): void {
    this.#tell(`${formatLine(line, this.#hasColour(this.#stderr))}\n`);
  }

  /** One sentence on stderr: why nothing was done. */
  complain(sentence: string): void {
    this.#tell(`holdfast: ${plainLine(sentence)}\n`);
  }

  /** Shows a question, on stderr, and leaves the cursor behind it. */
  ask(text: string): void {
    this.#tell(text);
  }

  /**
   * Resolves when what was printed has been taken, or never will be.
   * @param limitMs how long to wait for a reader that is slow; absent to wait for as long as it takes.
   */
  flush(limitMs?: number): Promise<void> {
    if (this.#isReaderGone || this.#stdout.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => {
      if (limitMs !== undefined) setTimeout(resolve, limitMs);
      this.#stdout.once('error', () => resolve());
      this.#stdout.write('', () => resolve());
    });
  }

  #tell(text: string): void {
    if (!this.#isStderrGone) this.#stderr.write(text);
  }

  #loseReader(): void {
    if (this.#isReaderGone) return;
    this.#isReaderGone = true;
    this.onReaderGone();
  }

  #hasColour(stream: { isTTY?: boolean }): boolean {
    return stream.isTTY === true && (this.#env['NO_COLOR'] ?? '') === '';
  }
}
