import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

export interface LossyProxy {
  baseUrl: string;
  /** Stands before this server from here on: `http://127.0.0.1:<port>`. */
  aim(target: string): void;
  /** Passes the next request that fits on, and cuts its connection instead of giving the reply. Resolves then. */
  loseReply(fits: (path: string) => boolean): Promise<void>;
  /** The network is away: what is open is cut, and nothing gets through until `restore`. */
  cut(): void;
  restore(): void;
  /**
   * The event streams that are open stay open and bring nothing more; all else gets through.
   * @throws Error when there is none
   */
  deafen(): void;
  stop(): Promise<void>;
}

/** Stands before a server and loses what it is told to lose. */
export async function startLossyProxy(): Promise<LossyProxy> {
  let target = '';
  let isCut = false;
  let losing: { fits: (path: string) => boolean; lost: () => void } | undefined;
  const streams = new Set<IncomingMessage>();
  const server = createServer((incoming, response) => {
    const path = incoming.url ?? '/';
    if (isCut) {
      incoming.socket.resetAndDestroy();
      return;
    }
    const lose = losing?.fits(path) === true ? losing : undefined;
    if (lose !== undefined) losing = undefined;
    const onward = request(target + path, { method: incoming.method, headers: incoming.headers }, (reply) => {
      if (lose !== undefined) {
        reply.resume().once('end', () => {
          incoming.socket.resetAndDestroy();
          lose.lost();
        });
        return;
      }
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      if (reply.headers['content-type']?.startsWith('text/event-stream') === true) {
        streams.add(reply);
        reply.once('close', () => streams.delete(reply));
      }
      pipeline(reply, response, () => undefined);
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    aim: (url) => void (target = url),
    loseReply: (fits) => new Promise((resolve) => (losing = { fits, lost: resolve })),
    cut() {
      isCut = true;
      server.closeAllConnections();
    },
    restore: () => void (isCut = false),
    // Read on, so that the server does not notice; what was told is gone.
    deafen() {
      if (streams.size === 0) throw new Error('There was no event stream to make deaf.');
      for (const stream of streams) stream.unpipe().resume();
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
