/** Where clients come in: lets in who knows the token and is no tool of the server, and nobody else. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { ClientProof } from './client-proof.ts';
import type { Guardian } from './guardian.ts';
import { LineSocket } from './line-socket.ts';
import { type ClientMessage, ClientMessageSchema, parseLine } from './protocol.ts';

/** From the connection to the end of the proof, ms. */
export const AUTHENTICATE_MS = 5_000;
/** Longest line of a client, characters: what it says is short. */
const MAX_LINE_CHARS = 16 * 1024;
/** Connections at one time: windows and commands of one user, several times over. */
const MAX_CONNECTIONS = 128;
/** At the end, for the last words to be read, ms. */
const LAST_WORDS_MS = 1_000;

export interface DoorOptions {
  socket: string;
  token: string;
  /** Value of the mark in the environment of the server's tools. */
  mark: string;
  clock: Clock;
  log(text: string): void;
}

type Hello = Extract<ClientMessage, { type: 'hello' }>;

export class Door {
  readonly #options: DoorOptions;
  readonly #server: Server;
  readonly #lines = new Set<LineSocket>();
  #opened: (guardian: Guardian, serverPid: number) => void = () => {};
  readonly #guardian: Promise<{ guardian: Guardian; serverPid: number }>;

  private constructor(options: DoorOptions) {
    this.#options = options;
    this.#guardian = new Promise((resolve) => {
      this.#opened = (guardian, serverPid) => resolve({ guardian, serverPid });
    });
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#receive(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens; who comes waits until it is opened. @throws the error of the system. */
  static async listen(options: DoorOptions): Promise<Door> {
    const door = new Door(options);
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject);
      door.#server.listen(options.socket, resolve);
    });
    // What comes later concerns one connection, and the guardian goes on.
    door.#server.on('error', () => {});
    return door;
  }

  /** From here on clients are let in to this guardian. */
  open(guardian: Guardian, serverPid: number): void {
    this.#opened(guardian, serverPid);
  }

  /** Lets nobody in any more, and waits a little until everybody has read everything. */
  async close(): Promise<void> {
    this.#server.close();
    const lines = [...this.#lines];
    for (const line of lines) line.end();
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimer(LAST_WORDS_MS, resolve);
      void Promise.all(lines.map(({ closed }) => closed)).then(() => {
        cancel();
        resolve();
      });
    });
    for (const line of lines) line.drop();
  }

  async #receive(socket: Socket): Promise<void> {
    const { clock, log } = this.#options;
    const line = new LineSocket(socket, MAX_LINE_CHARS);
    this.#lines.add(line);
    void line.closed.then(() => this.#lines.delete(line));
    const cancel = clock.setTimer(AUTHENTICATE_MS, () => line.drop());
    void line.closed.then(cancel);
    const { guardian, serverPid } = await this.#guardian;
    const admitted = await this.#authenticate(line, serverPid).catch((error: unknown) => String(error));
    cancel();
    if (typeof admitted === 'string') {
      log(`refused a client: ${admitted}`);
      line.drop();
      return;
    }
    const seat = guardian.join({ graces: admitted.graces, send: (message) => line.send(message) });
    void line.closed.then(() => seat.leave());
    line.onLine((text) => {
      const message = parseLine(ClientMessageSchema, text);
      if (message === undefined) line.drop();
      else seat.hear(message);
    });
  }

  /** @returns who it is, or why it is refused. */
  async #authenticate(line: LineSocket, serverPid: number): Promise<Hello | string> {
    const { token, mark, socket } = this.#options;
    const hello = await nextMessage(line);
    if (hello?.type !== 'hello') return 'it did not say who it is';
    if (!isEqual(hello.token, token)) return 'it does not know the token';
    if (process.platform !== 'linux') return hello;
    const proof = new ClientProof(socket);
    try {
      line.send({ type: 'prove', file: proof.file });
      if ((await nextMessage(line))?.type !== 'proved') return 'it did not prove which process it is';
      return (await proof.refusal(hello.pid, mark, serverPid)) ?? hello;
    } finally {
      await proof.remove();
    }
  }
}

/** @returns undefined for nonsense, and when the connection closes first. */
function nextMessage(line: LineSocket): Promise<ClientMessage | undefined> {
  return new Promise((resolve) => {
    void line.closed.then(() => resolve(undefined));
    line.onceLine((text) => resolve(parseLine(ClientMessageSchema, text)));
  });
}

/** In a time that tells nothing about where they differ, or how long they are. */
function isEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
