/** Serves the recorded turns as one event stream, as fast as it is read. Its own process, so that it costs its clients nothing. */
import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { turnsOf } from './turns.ts';

const [file = '', count = ''] = process.argv.slice(2);
const { framesPerTurn, turn } = turnsOf(file);
const turns = Math.ceil(Number(count) / framesPerTurn);
// Made before anybody asks: the clients are measured, not this.
const chunks = Array.from({ length: turns }, (_, index) => Buffer.from(turn(index)));

const server = http.createServer((request, response) => {
  if (request.url !== '/global/event') {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  void (async () => {
    for (const chunk of chunks) if (!response.write(chunk)) await once(response, 'drain');
    response.end();
  })();
});
server.listen(0, '127.0.0.1', () => {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  process.send?.({ port: (server.address() as AddressInfo).port, events: turns * framesPerTurn, bytes });
});
process.on('disconnect', () => process.exit(0));
