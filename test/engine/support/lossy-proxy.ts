import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LossyProxy {
  baseUrl: string;
  /** Paths of the requests that reached the server. */
  readonly passed: readonly string[];
  /** Passes the next requests that fit on, and cuts the connection instead of giving the reply. */
  loseReplies(count: number, fits: (path: string) => boolean): void;
  /** Cuts the connection of the next requests that fit, before the server hears of them. */
  loseRequests(count: number, fits: (path: string) => boolean): void;
  /** The network is away: what is open is cut, and nothing gets through until `restore`. */
  cut(): void;
  restore(): void;
  /** Paths of the requests that came while it was away. */
  readonly inVain: readonly string[];
  stop(): Promise<void>;
}

/** Stands before a server and loses what it is told to lose. */
export async function startLossyProxy(target: string): Promise<LossyProxy> {
  const passed: string[] = [];
  const inVain: string[] = [];
  let isCut = false;
  let replies = { left: 0, fits: (_path: string): boolean => false };
  let requests = { left: 0, fits: (_path: string): boolean => false };
  const lost = (rule: typeof replies, path: string): boolean => rule.fits(path) && rule.left-- > 0;

  const server = createServer((incoming, response) => {
    const path = incoming.url ?? '/';
    if (isCut) inVain.push(path);
    if (isCut || lost(requests, path)) {
      incoming.socket.resetAndDestroy();
      return;
    }
    passed.push(path);
    const lose = lost(replies, path);
    const onward = request(target + path, { method: incoming.method, headers: incoming.headers }, (reply) => {
      if (lose) {
        reply.resume().once('end', () => incoming.socket.resetAndDestroy());
        return;
      }
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    inVain,
    cut() {
      isCut = true;
      server.closeAllConnections();
    },
    restore: () => void (isCut = false),
    loseReplies: (left, fits) => (replies = { left, fits }),
    loseRequests: (left, fits) => (requests = { left, fits }),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
