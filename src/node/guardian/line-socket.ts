import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';

/** Output that waits for a reader, bytes. One that lets this much pile up has stopped to read, and is dropped. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Lines that wait for somebody to want them. Whoever says more before it is asked is dropped. */
const MAX_EARLY_LINES = 100;

/** Lines of JSON on a socket. */
export class LineSocket {
  readonly #socket: Socket;
  readonly #decoder = new StringDecoder('utf8');
  readonly #maxChars: number;
  #rest = '';
  #onLine: ((line: string) => void) | undefined;
  #early: string[] = [];
  readonly closed: Promise<void>;

  /** @param maxChars longest line; whoever sends a longer one is dropped. */
  constructor(socket: Socket, maxChars: number) {
    this.#socket = socket;
    this.#maxChars = maxChars;
    // The close tells the rest.
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.#read(chunk));
    // Half-open connections are of no use here: whoever says goodbye has gone.
    socket.once('end', () => socket.end());
    this.closed = new Promise((resolve) => void socket.once('close', () => resolve()));
  }

  /** Sets who gets the lines; those that came while there was nobody come first. */
  onLine(listener: (line: string) => void): void {
    this.#onLine = listener;
    for (const line of this.#early.splice(0)) this.#tell(line);
  }

  /** The next line alone; those after it wait for the next listener. */
  onceLine(listener: (line: string) => void): void {
    const first = this.#early.shift();
    if (first !== undefined) {
      listener(first);
      return;
    }
    this.#onLine = (line) => {
      this.#onLine = undefined;
      listener(line);
    };
  }

  send(message: object): void {
    if (this.#socket.writableLength > MAX_WAITING_BYTES) this.drop();
    else if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Says goodbye, once everything sent has been delivered. */
  end(): void {
    this.#socket.end();
  }

  drop(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > this.#maxChars || lines.some((line) => line.length > this.#maxChars)) {
      this.drop();
      return;
    }
    for (const line of lines) this.#tell(line);
  }

  #tell(line: string): void {
    if (this.#socket.destroyed) return;
    if (this.#onLine !== undefined) this.#onLine(line);
    else if (this.#early.push(line) > MAX_EARLY_LINES) this.drop();
  }
}
