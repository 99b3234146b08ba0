import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import type { EngineClient, Repair } from '../../../src/core/engine.ts';
import { RequestError } from '../../../src/core/errors.ts';
import { createOpencodeEngine } from '../../../src/engines/opencode/engine.ts';
import { startStub, type StubServer } from './stub-server.ts';

const INFO = {
  id: 'msg_1',
  sessionID: 'ses_1',
  role: 'assistant',
  parentID: 'msg_0',
  providerID: 'p',
  modelID: 'm',
  time: { created: 1 },
};
const TEXT = {
  id: 'prt_1',
  sessionID: 'ses_1',
  messageID: 'msg_1',
  type: 'text',
  text: '',
  time: { start: 1 },
};
const TOOL = {
  id: 'prt_2',
  sessionID: 'ses_1',
  messageID: 'msg_1',
  type: 'tool',
  tool: 'bash',
  callID: 'call_1',
  metadata: { by: 'somebody' },
  state: { status: 'running', input: { command: 'ls' }, metadata: { output: 'so far' }, time: { start: 2 } },
};
const FILL: Repair = { kind: 'text', messageId: 'msg_1', partId: 'prt_1', text: 'Seen.' };
const CLOSE: Repair = { kind: 'tool', messageId: 'msg_1', partId: 'prt_2', error: 'Cut.' };

describe('repairing a session of opencode', () => {
  let stub: StubServer;
  let client: EngineClient;
  /** What the server stores, and answers with. */
  let parts: unknown[];
  let statuses: Record<string, unknown>;
  /** What was to be changed, in order. */
  let changes: { path: string; body?: Record<string, unknown> }[];
  /** Statuses to answer changes with, before they are carried out. */
  let refusals: number[];

  const answer: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const reply = (status: number, body: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      };
      if (request.method === 'GET') {
        return reply(200, request.url === '/session/status' ? statuses : { info: INFO, parts });
      }
      const said = Buffer.concat(chunks).toString('utf8');
      const body = said === '' ? undefined : (JSON.parse(said) as Record<string, unknown>);
      changes.push({ path: `${request.method} ${request.url}`, ...(body !== undefined && { body }) });
      reply(refusals.shift() ?? 200, true);
    });
  };

  beforeEach(async () => {
    [parts, statuses, changes, refusals] = [[TEXT, TOOL], {}, [], []];
    stub = await startStub(answer);
    const engine = createOpencodeEngine(() => Promise.resolve());
    client = engine.connect({ baseUrl: stub.baseUrl, password: 'secret', directory: '/w' });
  });
  afterEach(async () => {
    await client.close();
    await stub.stop();
  });

  const failure = (repairs: readonly Repair[]): Promise<RequestError> =>
    client.repair('ses_1', repairs).then(
      () => assert.fail('it did not fail'),
      (error: unknown) => {
        assert.ok(error instanceof RequestError);
        return error;
      },
    );

  it('sends each part whole, with nothing but its change', async () => {
    const from = Date.now();
    await client.repair('ses_1', [FILL, CLOSE]);
    const path = 'PATCH /session/ses_1/message/msg_1/part';
    assert.deepEqual(
      changes.map((change) => change.path),
      [`${path}/prt_1`, `${path}/prt_2`],
    );
    type Ended = { time: { end: number } };
    const [text, tool] = changes.map(({ body }) => body as unknown as Ended & { state: Ended });
    assert.deepEqual(text, { ...TEXT, text: 'Seen.', time: { start: 1, end: text!.time.end } });
    const { end } = tool!.state.time;
    assert.deepEqual(tool, {
      ...TOOL,
      state: { ...TOOL.state, status: 'error', error: 'Cut.', time: { start: 2, end } },
    });
    assert.ok(text!.time.end >= from && end >= from);
  });

  it('sends nothing at all when one of the parts cannot be read', async () => {
    parts = [TEXT, { ...TOOL, state: { status: 'paused', input: {} } }];
    const error = await failure([FILL, CLOSE]);
    assert.deepEqual([error.operation, error.retriable], ['repair the session', false]);
    parts = [TOOL, { ...TEXT, text: undefined }];
    assert.equal((await failure([CLOSE, FILL])).retriable, false);
    parts = [TEXT, TOOL, 'something'];
    assert.equal((await failure([CLOSE, FILL])).retriable, false);
    assert.deepEqual(changes, []);
  });

  it('R-04: keeps an answer that holds a call, whatever its state, and one that was closed', async () => {
    const discard: Repair = { kind: 'discard', messageId: 'msg_1' };
    parts = [{ ...TOOL, state: { status: 'pending', input: {}, raw: '' } }];
    await client.repair('ses_1', [discard]);
    assert.deepEqual(changes, []);
    parts = [TEXT, { type: 'step-start', id: 'prt_0' }];
    await client.repair('ses_1', [discard]);
    assert.deepEqual(changes, [{ path: 'DELETE /session/ses_1/message/msg_1' }]);
  });

  it('is tried again after a passing failure, and takes what is gone for done', async () => {
    refusals = [503, 404];
    await client.repair('ses_1', [FILL, CLOSE]);
    assert.deepEqual(
      changes.map(({ path }) => path.slice(-5)),
      ['prt_1', 'prt_1', 'prt_2'],
    );
  });

  it('asks nothing of a server when there is nothing to repair, and changes nothing while it is busy', async () => {
    statuses = { ses_1: { type: 'busy' }, ses_2: { type: 'busy' } };
    await client.repair('ses_1', []);
    assert.deepEqual([(await failure([FILL])).status, changes], [409, []]);
    statuses = { ses_2: { type: 'busy' } };
    await client.repair('ses_1', [FILL]);
    assert.equal(changes.length, 1);
  });
});
