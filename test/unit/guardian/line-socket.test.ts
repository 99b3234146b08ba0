import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LineSocket } from '../../../src/node/guardian/line-socket.ts';

describe('lines on a socket', () => {
  let folder: string;
  let server: Server;
  let raw: Socket;
  let line: LineSocket;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-lines-'));
    server = createServer();
    server.listen(join(folder, 's'));
    await once(server, 'listening');
    raw = connect(join(folder, 's'));
    line = new LineSocket(((await once(server, 'connection')) as [Socket])[0], 20);
  });
  afterEach(async () => {
    raw.destroy();
    line.drop();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('come whole whatever they are cut into, and wait for who wants them', async () => {
    const bytes = Buffer.from('"é"\n"two"\n"three"\n');
    for (const byte of bytes) raw.write(Buffer.of(byte));
    const first = await new Promise<string>((resolve) => line.onceLine(resolve));
    const heard: string[] = [];
    const rest = new Promise<void>((resolve) => line.onLine((text) => heard.push(text) === 2 && resolve()));
    await rest;
    assert.deepEqual([first, ...heard], ['"é"', '"two"', '"three"']);
  });

  it('one that is too long ends the connection, with an end or without', async () => {
    line.onLine(() => assert.fail('nothing is told of it'));
    raw.write('x'.repeat(21));
    await line.closed;
  });

  it('what was sent arrives before the goodbye', async () => {
    line.send({ last: 'words' });
    line.end();
    const [chunk] = (await once(raw, 'data')) as [Buffer];
    assert.equal(chunk.toString(), '{"last":"words"}\n');
    await line.closed;
    line.send({ too: 'late' });
  });
});
