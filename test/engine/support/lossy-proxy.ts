import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type RequestOptions } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LossyProxy {
  baseUrl: string;
  /** Paths of the requests that reached the server. */
  readonly passed: readonly string[];
  /** Passes the next requests that fit on, and cuts the connection instead of giving the reply. */
  loseReplies(count: number, fits: (path: string) => boolean): void;
  /** Cuts the connection of the next requests that fit, before the server hears of them. */
  loseRequests(count: number, fits: (path: string) => boolean): void;
  /** Cuts the connection of the first request to each path that fits, and keeps what it said. */
  postpone(fits: (path: string) => boolean): void;
  /** Gives the server what was kept of the requests that fit. Resolves when it has answered. */
  deliver(fits: (path: string) => boolean): Promise<void>;
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
  const kept = new Map<string, { request: RequestOptions; body: Buffer }>();
  let postponed = (_path: string): boolean => false;
  const lost = (rule: typeof replies, path: string): boolean => rule.fits(path) && rule.left-- > 0;

  const server = createServer((incoming, response) => {
    const path = incoming.url ?? '/';
    if (isCut) inVain.push(path);
    if (isCut || lost(requests, path)) {
      incoming.socket.resetAndDestroy();
      return;
    }
    if (postponed(path) && !kept.has(path)) {
      const { method, headers } = incoming;
      const chunks: Buffer[] = [];
      kept.set(path, { request: { method, headers }, body: Buffer.alloc(0) });
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('end', () => {
        kept.set(path, { request: { method, headers }, body: Buffer.concat(chunks) });
        incoming.socket.resetAndDestroy();
      });
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
    postpone: (fits) => void (postponed = fits),
    async deliver(fits) {
      for (const [path, { request: options, body }] of kept) {
        if (!fits(path)) continue;
        const onward = request(target + path, options);
        onward.end(body);
        const [reply] = (await once(onward, 'response')) as [IncomingMessage];
        reply.resume();
        await once(reply, 'end');
      }
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
