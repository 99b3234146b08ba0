import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LossyProxy, startLossyProxy } from '../../../src/node/drill/lossy-proxy.ts';

describe('the proxy of a drill', () => {
  let server: Server;
  let proxy: LossyProxy;
  let asked: string[];
  let stream: ServerResponse;

  beforeEach(async () => {
    asked = [];
    server = createServer((incoming, response) => {
      asked.push(incoming.url ?? '');
      if (incoming.url !== '/events') return void response.end('done');
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: hello\n\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startLossyProxy();
    proxy.aim(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    await proxy.stop();
    server.closeAllConnections();
    server.close();
  });

  const get = async (path: string): Promise<string> => (await fetch(proxy.baseUrl + path)).text();
  async function open(): Promise<IncomingMessage> {
    const opened = once(request(`${proxy.baseUrl}/events`).end(), 'response');
    const [reply] = (await opened) as [IncomingMessage];
    const [first] = (await once(reply, 'data')) as [Buffer];
    assert.equal(first.toString(), 'data: hello\n\n');
    return reply;
  }

  it('loses one reply to a request that the server has heard', async () => {
    const lost = proxy.loseReply((path) => path === '/prompt');
    assert.equal(await get('/other'), 'done');
    await assert.rejects(get('/prompt'));
    await lost;
    assert.equal(await get('/prompt'), 'done');
    assert.deepEqual(asked, ['/other', '/prompt', '/prompt']);
  });

  it('cuts what is open, and lets nothing through until it is restored', async () => {
    const reply = await open();
    const failed = once(reply, 'error');
    proxy.cut();
    await failed;
    await assert.rejects(get('/other'));
    proxy.restore();
    assert.equal(await get('/other'), 'done');
    assert.deepEqual(asked, ['/events', '/other']);
  });

  it('leaves a deaf stream open without a word until the server ends it, and passes on all else', async () => {
    const reply = await open();
    let told = '';
    reply.on('data', (chunk: Buffer) => (told += chunk.toString()));
    proxy.deafen();
    const dropped = new Promise<void>((resolve) => stream.write('data: lost\n\n', () => resolve()));
    await dropped;
    assert.equal(await get('/other'), 'done');
    await open();
    assert.deepEqual([told, reply.destroyed], ['', false]);
  });
});
