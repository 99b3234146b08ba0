/** What a process writes: cut into lines, freed of secrets, watched for the ready line, its tail kept. */
import { StringDecoder } from 'node:string_decoder';

/** Output kept for the crash tail, characters. Older lines are dropped. */
export const TAIL_CHARS = 64 * 1024;
/** A line longer than this is cut here, characters; what a flood without line ends can hold in memory. */
export const LINE_CHARS = 16 * 1024;

/** Cuts chunks into lines, whatever they split: characters, CR LF, the ready line. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** @param onLine gets each line without its end. */
  constructor(private readonly onLine: (line: string) => void) {}

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    while (this.#rest.length > LINE_CHARS) {
      this.onLine(this.#rest.slice(0, LINE_CHARS));
      this.#rest = this.#rest.slice(LINE_CHARS);
    }
  }

  /** The output is over: what came without a line end is a line too. */
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (rest !== '') this.onLine(rest);
  }
}

/** The last lines of an output. */
export class Tail {
  readonly #lines: string[] = [];
  #chars = 0;

  push(line: string): void {
    this.#lines.push(line);
    this.#chars += line.length + 1;
    while (this.#chars > TAIL_CHARS) this.#chars -= (this.#lines.shift() ?? '').length + 1;
  }

  text(): string {
    return this.#lines.join('\n');
  }
}

/** Removes secrets from a line: those given, and any HTTP Basic credentials that a debug log may spell out. */
export function redact(line: string, secrets: readonly string[]): string {
  let clean = line.replace(/\b(Basic|auth_token=)(\s*)[A-Za-z0-9+/=_-]{16,}/gi, '$1$2[secret]');
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '[secret]');
  return clean;
}
