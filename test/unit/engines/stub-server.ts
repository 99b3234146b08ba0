import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StubServer {
  baseUrl: string;
  /** Connections that are open now. */
  connections(): number;
  /** Resolves when no connection is open any more. */
  deserted(): Promise<void>;
  stop(): Promise<void>;
}

/** A local server that answers as the test says. */
export async function startStub(answer: RequestListener): Promise<StubServer> {
  const server = createServer(answer);
  const open = new Set<object>();
  let left = (): void => {};
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      left();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => open.size,
    deserted: () =>
      new Promise((resolve) => {
        left = () => {
          if (open.size === 0) resolve();
        };
        left();
      }),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
