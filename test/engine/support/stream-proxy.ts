import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One event of the stream as it goes over the wire, its blank line left out. */
type Frame = string;

/** Stands before a server and does to its event streams what networks do. Everything else passes. */
export interface StreamProxy {
  baseUrl: string;
  /** How many event streams were asked for so far. */
  readonly asked: number;
  /** What is open now stays open, and nothing passes on it any more, either way: nobody is told. What comes new passes. */
  forget(): void;
  /** Ends the streams that are open now, as a server does that has nothing more to say. */
  end(): void;
  /** So many of the next streams are opened and ended at once. */
  endNext(count: number): void;
  /** Streams pass only such frames from here on: those that are open, and the next ones too if it says so. */
  pass(fits: (frame: Frame) => boolean, which: 'open' | 'all'): void;
  /**
   * From here on frames wait; `release` lets go those that fit, in their order, and forgets the others. `has` says
   * whether such a frame waits.
   */
  holdFrames(): { has(what: string): boolean; release(fits: (frame: Frame) => boolean): void };
  /**
   * Requests that fit wait, before the server hears of them, or with its reply. `reached` resolves when the first one
   * waits.
   */
  hold(
    what: 'requests' | 'replies',
    fits: (path: string) => boolean,
  ): { reached: Promise<void>; release(): void };
  stop(): Promise<void>;
}

interface Passage {
  response: ServerResponse;
  socket: Socket;
  fits: (frame: Frame) => boolean;
}

interface Held {
  what: 'requests' | 'replies';
  fits(path: string): boolean;
  onReached(): void;
  released: Promise<void>;
}

const STREAM = '/global/event';

export async function startStreamProxy(target: string): Promise<StreamProxy> {
  const passages = new Set<Passage>();
  const sockets = new Set<Socket>();
  const forgotten = new WeakSet<Socket>();
  let asked = 0;
  let endNext = 0;
  let fitsAll = (_frame: Frame): boolean => true;
  let waiting: { frame: Frame; passage: Passage }[] | undefined;
  let held: Held | undefined;
  const wait = async (what: Held['what'], path: string): Promise<void> => {
    if (held?.what !== what || !held.fits(path)) return;
    held.onReached();
    await held.released;
  };

  const write = ({ response, socket }: Passage, frame: Frame): void => {
    if (!forgotten.has(socket) && !response.writableEnded) response.write(`${frame}\n\n`);
  };

  function stream(incoming: IncomingMessage, response: ServerResponse, reply: IncomingMessage): void {
    const passage: Passage = { response, socket: incoming.socket, fits: fitsAll };
    if (endNext > 0) {
      endNext--;
      response.end();
      return;
    }
    passages.add(passage);
    response.once('close', () => passages.delete(passage));
    response.flushHeaders();
    let rest = '';
    reply.setEncoding('utf8').on('data', (chunk: string) => {
      const frames = (rest + chunk).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        if (!passage.fits(frame)) continue;
        if (waiting === undefined) write(passage, frame);
        else waiting.push({ frame, passage });
      }
    });
    reply.once('end', () => response.end());
  }

  async function answer(
    { url: path = '/', socket }: IncomingMessage,
    response: ServerResponse,
    reply: IncomingMessage,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of reply) chunks.push(chunk as Buffer);
    await wait('replies', path);
    if (!forgotten.has(socket)) response.end(Buffer.concat(chunks));
  }

  const server = createServer((incoming, response) => {
    const path = incoming.url ?? '/';
    if (forgotten.has(incoming.socket)) return;
    if (path.startsWith(STREAM)) asked++;
    void forward(incoming, response, path);
  });

  async function forward(incoming: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    await wait('requests', path);
    const { method, headers } = incoming;
    const onward = request(target + path, { method, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      if (path.startsWith(STREAM)) stream(incoming, response, reply);
      else void answer(incoming, response, reply).catch(() => response.destroy());
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    incoming.pipe(onward);
  }
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    forget() {
      for (const socket of sockets) forgotten.add(socket);
    },
    end() {
      for (const { response } of passages) response.end();
    },
    endNext: (count) => void (endNext = count),
    pass(fits, which) {
      for (const passage of passages) passage.fits = fits;
      if (which === 'all') fitsAll = fits;
    },
    holdFrames() {
      waiting = [];
      return {
        has: (what) => waiting?.some(({ frame }) => frame.includes(what)) === true,
        release(fits) {
          for (const { frame, passage } of waiting ?? []) if (fits(frame)) write(passage, frame);
          waiting = undefined;
        },
      };
    },
    hold(what, fits) {
      let onReached = (): void => undefined;
      let release = (): void => undefined;
      const reached = new Promise<void>((resolve) => (onReached = resolve));
      const released = new Promise<void>((resolve) => (release = resolve));
      const mine: Held = { what, fits, onReached: () => onReached(), released };
      held = mine;
      return {
        reached,
        release() {
          if (held === mine) held = undefined;
          release();
        },
      };
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
