import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';

/** An address where nobody listens at first. */
export interface Address {
  url: string;
  /** From here on it leads to this one. */
  leadTo(url: string): Promise<void>;
  close(): Promise<void>;
}

export async function newAddress(): Promise<Address> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  let server: Server | undefined;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    async leadTo(url) {
      const target = Number(new URL(url).port);
      server = createServer((socket) => {
        const onward = connect(target, '127.0.0.1');
        for (const [from, to] of [
          [socket, onward],
          [onward, socket],
        ] as const) {
          from.pipe(to);
          from.on('error', () => to.destroy()).on('close', () => to.destroy());
        }
      }).listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    async close() {
      if (server === undefined) return;
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
