/** Reads the whole stream in one of three ways and reports what it took. One process per reading. */
import { createOpencodeClient } from '@opencode-ai/sdk';
import { createParser } from 'eventsource-parser';
import { request } from 'undici';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { openHostPath } from './host-path.ts';
import { DIRECTORY } from './turns.ts';

const [way = '', port = ''] = process.argv.slice(2);
const baseUrl = `http://127.0.0.1:${port}`;

/** The SDK's own event subscription, with an empty loop body. */
async function sdk(): Promise<void> {
  const { stream } = await createOpencodeClient({ baseUrl }).global.event();
  for await (const event of stream) void event;
}

/** The two libraries and `JSON.parse`, and nothing else. */
async function bare(): Promise<void> {
  const { body } = await request(`${baseUrl}/global/event`);
  const parser = createParser({ onEvent: (event) => void JSON.parse(event.data) });
  const utf8 = new TextDecoder();
  for await (const chunk of body) parser.feed(utf8.decode(chunk as Uint8Array, { stream: true }));
}

/** Parse, schema, record, fold, journal, panel patch. */
async function holdfast(): Promise<void> {
  const path = openHostPath();
  const client = createOpencodeEngine().connect({ baseUrl, password: undefined, directory: DIRECTORY });
  await new Promise<void>((resolve) => {
    client.stream({
      onOpen: () => undefined,
      onBytes: () => undefined,
      onEvents: (events) => path.onEvents(events),
      onOdd: (odd) => {
        throw new Error(`${odd.problem} ${odd.kind} ${odd.path ?? ''}`);
      },
      onEnd: () => resolve(),
    });
  });
  path.close();
  if (path.panelChars === 0) throw new Error('nothing reached the panel');
  await client.close();
}

const ways: Record<string, () => Promise<void>> = { sdk, bare, holdfast };
const cpu = process.cpuUsage();
const start = process.hrtime.bigint();
await ways[way]?.();
const wallMs = Number(process.hrtime.bigint() - start) / 1e6;
const used = process.cpuUsage(cpu);
process.send?.({
  wallMs,
  cpuMs: (used.user + used.system) / 1000,
  rssMiB: process.memoryUsage().rss / 1024 / 1024,
});
process.disconnect?.();
