import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EngineClient, EngineEvent } from '../../../src/core/engine.ts';
import { DatabaseError, RequestError } from '../../../src/core/errors.ts';
import { createOpencodeEngine } from '../../../src/engines/opencode/engine.ts';
import { BACKOFF_MS } from '../../../src/engines/opencode/retry.ts';
import { startStub, type StubServer } from './stub-server.ts';

const DIRECTORY = '/w/wörk space';
const SESSION = { id: 'ses_1', title: 't', time: { updated: 1 } };
const PROMPT = { messageId: 'msg_1', partId: 'prt_1', text: 'hello' };

describe('requests to opencode', () => {
  let stub: StubServer;
  let client: EngineClient;
  let slept: number[];
  let answer: RequestListener;

  beforeEach(async () => {
    slept = [];
    stub = await startStub((request, response) => answer(request, response));
    client = connect(stub.baseUrl);
  });
  afterEach(async () => {
    await client.close();
    await stub.stop();
  });

  function connect(baseUrl: string): EngineClient {
    const engine = createOpencodeEngine((ms) => {
      slept.push(ms);
      return Promise.resolve();
    });
    return engine.connect({ baseUrl, password: 'secret:word', directory: DIRECTORY });
  }

  it('says what its log says where it answers with a reference alone', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-log-'));
    try {
      const log = path.join(root, 'opencode', 'log', 'opencode.log');
      const line = (reference: string, cause: string): string =>
        `timestamp=2026-11-21T10:36:10.405Z level=ERROR run=18b58eda message=failed ref=${reference} error="EffectDrizzleQueryError: Failed query: insert into \\"project\\" (cause: SQLiteError: ${cause})"\n`;
      fs.mkdirSync(path.dirname(log), { recursive: true });
      fs.writeFileSync(log, line('err_00000000', 'database or disk is full'));
      const engine = createOpencodeEngine((ms) => {
        slept.push(ms);
        // It comes a moment after the answer.
        if (slept.length === 2) fs.appendFileSync(log, line('err_1199ff7e', 'database is locked'));
        return Promise.resolve();
      });
      const own = engine.connect({
        baseUrl: stub.baseUrl,
        password: 'x',
        directory: DIRECTORY,
        env: { XDG_DATA_HOME: root },
      });
      const message = 'Unexpected server error. Check server logs for details.';
      const refused = (ref: string) => ({
        status: 500,
        body: { name: 'UnknownError', data: { message, ref } },
      });
      replies(refused('err_1199ff7e'));
      const named = await failure(own.ready(1000));
      assert.match(
        named.message,
        /^Could not reach the workspace: opencode's database is locked by another program: .*opencode\.db\. End that program/,
      );
      assert.ok(named.cause instanceof DatabaseError);
      assert.deepEqual([named.cause.trouble, named.status, named.retriable], ['locked', 500, true]);
      replies(refused('err_22222222'));
      assert.match((await failure(own.ready(1000))).message, /details\.: see err_22222222 in its log\.$/);
      // Somebody else's server logs elsewhere.
      replies(refused('err_1199ff7e'));
      assert.match((await failure(client.ready(1000))).message, /see err_1199ff7e in its log/);
      await own.close();
    } finally {
      fs.rmSync(root, { recursive: true, force: true });
    }
  });

  it('says that a session is not known any more, whatever was wanted of it', async () => {
    replies({ status: 404, body: { name: 'NotFoundError', data: { message: 'Session not found: ses_1' } } });
    for (const work of [() => client.send('ses_1', PROMPT), () => client.snapshot('ses_1')]) {
      const error = await failure(work());
      assert.equal(error.name, 'SessionGoneError');
      assert.match(error.message, /does not know this session any more.* go on in a new session\.$/);
    }
  });

  /** Answers with these in turn, and tells the paths asked for. */
  function replies(...list: { status: number; body?: unknown; type?: string }[]): string[] {
    const paths: string[] = [];
    answer = (request, response) => {
      paths.push(`${request.method} ${request.url}`);
      const next = list[Math.min(paths.length, list.length) - 1]!;
      request.resume();
      response.writeHead(next.status, { 'content-type': next.type ?? 'application/json' });
      response.end(next.body === undefined ? undefined : JSON.stringify(next.body));
    };
    return paths;
  }

  const failure = async (work: Promise<unknown>): Promise<RequestError> => {
    const error: unknown = await work.then(
      () => assert.fail('it did not fail'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof RequestError);
    return error;
  };

  it('C-02: creating a session is tried three times after transient failures, with growing waits', async () => {
    const paths = replies({ status: 503 }, { status: 429 }, { status: 200, body: SESSION });
    assert.deepEqual(await client.createSession({ title: 't' }), { id: 'ses_1', title: 't', updatedAt: 1 });
    assert.equal(paths.length, 3);
    assert.deepEqual(slept, BACKOFF_MS);
  });

  it('C-02: it gives up after three, and the error says what, and that it may pass', async () => {
    const paths = replies({ status: 500, body: { name: 'UnknownError', data: { message: 'Oops.' } } });
    const error = await failure(client.createSession({ title: 't' }));
    assert.deepEqual(
      [paths.length, error.operation, error.retriable, error.status],
      [3, 'create a session', true, 500],
    );
    assert.equal(error.message, 'Could not create a session: the server answered 500: Oops.');
  });

  it('C-02: a refusal is not tried again', async () => {
    const paths = replies({ status: 400, body: { name: 'BadRequest', data: { message: 'No title' } } });
    const error = await failure(client.createSession({ title: 't' }));
    assert.deepEqual([paths.length, error.retriable, error.status, slept], [1, false, 400, []]);
  });

  it('C-02: an empty session id is an error that trying again cannot mend', async () => {
    const paths = replies({ status: 200, body: { ...SESSION, id: '' } });
    const error = await failure(client.createSession({ title: 't' }));
    assert.deepEqual([paths.length, error.retriable], [1, false]);
    assert.match(error.message, /gave it no id/);
  });

  it('C-02: nothing else is tried again', async () => {
    const paths = replies({ status: 503 });
    assert.equal((await failure(client.abort('ses_1'))).retriable, true);
    assert.equal((await failure(client.listSessions(5))).retriable, true);
    assert.equal((await failure(client.snapshot('ses_1'))).retriable, true);
    assert.equal(paths.length, 3);
  });

  it('C-02: a prompt whose fate cannot be looked up is not sent again', async () => {
    const paths = replies({ status: 503 });
    const error = await failure(client.send('ses_1', PROMPT));
    assert.equal(error.retriable, true);
    assert.deepEqual(paths, [
      'POST /session/ses_1/prompt_async',
      'GET /session/ses_1/message/msg_1',
      'GET /session/ses_1/message/msg_1',
    ]);
  });

  it('C-02: a prompt that is only partly there is sent again with the same ids', async () => {
    const paths = replies({ status: 500 }, { status: 200, body: { parts: [] } }, { status: 204 });
    await client.send('ses_1', PROMPT);
    assert.equal(paths.filter((path) => path.startsWith('POST')).length, 2);
  });

  it('every request carries the password and the workspace, whatever characters are in them', async () => {
    let seen: Record<string, unknown> = {};
    answer = (request, response) => {
      seen = request.headers;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('[]');
    };
    await client.listSessions(1);
    assert.equal(seen['authorization'], `Basic ${Buffer.from('opencode:secret:word').toString('base64')}`);
    assert.equal(decodeURIComponent(String(seen['x-opencode-directory'])), DIRECTORY);
  });

  it('S-11: a server is protected when it answers 401 to a request without the password, and only then', async () => {
    const seen: unknown[] = [];
    let status = 401;
    answer = (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(status).end();
    };
    assert.equal(await client.isProtected(), true);
    for (status of [200, 403, 500]) assert.equal(await client.isProtected(), false);
    assert.deepEqual(new Set(seen), new Set([undefined]));
  });

  it('a web page where JSON was expected is named as such', async () => {
    replies({ status: 200, type: 'text/html;charset=utf-8', body: 'page' });
    const error = await failure(client.ready(1_000));
    assert.equal(error.retriable, false);
    assert.match(error.message, /answered with text\/html.* instead of JSON/);
  });

  it('a broken configuration is named with its file and place', async () => {
    const data = { path: '/w/opencode.json', issues: [{ path: ['model'], message: 'Expected string' }] };
    replies({ status: 400, body: { name: 'ConfigInvalidError', data } });
    const error = await failure(client.ready(1_000));
    assert.equal(
      error.message,
      'Could not reach the workspace: the server answered 400: /w/opencode.json: model: Expected string.',
    );
  });

  it('a wrong password is said in a sentence without it', async () => {
    replies({ status: 401 });
    const error = await failure(client.listSessions(1));
    assert.match(error.message, /refused the password/);
    assert.equal(error.message.includes('secret'), false);
  });

  it('S-08: a server that does not answer in time is given up, and its connection with it', async () => {
    answer = () => undefined;
    const error = await failure(client.ready(50));
    assert.deepEqual([error.retriable, error.status], [true, undefined]);
    assert.match(error.message, /did not answer within/);
    assert.equal(await client.health(50), false);
    await client.close();
    await stub.deserted();
  });

  it('S-08: an answer that begins and never ends is given up too', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"healthy":');
    };
    assert.equal(await client.health(50), false);
    await client.close();
    await stub.deserted();
  });

  it('C-12: a thousand failures leave no connection behind', async () => {
    const paths = replies({ status: 500, body: { message: 'x'.repeat(10_000) } });
    for (let round = 0; round < 50; round += 1) {
      await Promise.all(Array.from({ length: 20 }, () => failure(client.listSessions(1))));
    }
    assert.equal(paths.length, 1000);
    assert.ok(stub.connections() <= 10, `${stub.connections()} connections`);
    await client.close();
    await stub.deserted();
  });

  it('C-12: a thousand cut connections leave no socket behind', async () => {
    answer = (request) => request.socket.resetAndDestroy();
    for (let round = 0; round < 50; round += 1) {
      const errors = await Promise.all(Array.from({ length: 20 }, () => failure(client.listSessions(1))));
      assert.ok(errors.every((error) => error.retriable && error.message.includes('closed the connection')));
    }
    await stub.deserted();
  });

  it('C-12: a thousand refused connections leave no socket behind', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length;
    const nobody = connect(`http://127.0.0.1:${port}`);
    const before = sockets();
    for (let round = 0; round < 50; round += 1) {
      const errors = await Promise.all(Array.from({ length: 20 }, () => failure(nobody.listSessions(1))));
      assert.ok(errors.every((error) => error.retriable && error.message.includes('nothing listens')));
    }
    assert.ok(sockets() <= before + 10, `${sockets()} sockets`);
    await nobody.close();
    // A closed handle is let go one turn of the event loop later.
    for (const turn of ['closing', 'closed']) await new Promise((resolve) => setImmediate(resolve, turn));
    assert.ok(sockets() <= before, `${sockets()} sockets`);
  });

  it('closing the client fails what runs', async () => {
    const arrived = new Promise<void>((resolve) => (answer = () => resolve()));
    const running = failure(client.listSessions(1));
    await arrived;
    await client.close();
    assert.match((await running).message, /closed on our side/);
  });

  it('leaves the process-wide HTTP dispatcher alone', () => {
    const slots = globalThis as unknown as Record<symbol, unknown>;
    assert.equal(slots[Symbol.for('undici.globalDispatcher.2')], undefined);
  });
});

describe('the event stream of opencode', () => {
  let stub: StubServer;
  let client: EngineClient;
  let answer: RequestListener;

  beforeEach(async () => {
    stub = await startStub((request, response) => answer(request, response));
    client = createOpencodeEngine().connect({ baseUrl: stub.baseUrl, password: undefined, directory: '/w' });
  });
  afterEach(async () => {
    await client.close();
    await stub.stop();
  });

  interface Seen {
    calls: string[];
    events: EngineEvent[];
    ended: Promise<string>;
    opened: Promise<void>;
    heard: Promise<void>;
    close: () => void;
  }

  function listen(): Seen {
    const calls: string[] = [];
    const events: EngineEvent[] = [];
    let end!: (reason: string) => void;
    let open!: () => void;
    let hear!: () => void;
    const ended = new Promise<string>((resolve) => (end = resolve));
    const opened = new Promise<void>((resolve) => (open = resolve));
    const heard = new Promise<void>((resolve) => (hear = resolve));
    const close = client.stream({
      onOpen() {
        calls.push('open');
        open();
      },
      onBytes: () => {
        calls.push('bytes');
        hear();
      },
      onEvents(told) {
        calls.push(`events ${told.length}`);
        events.push(...told);
      },
      onOdd: (odd) => calls.push(`odd ${odd.kind}`),
      onEnd(reason) {
        calls.push('end');
        end(reason);
      },
    });
    return { calls, events, ended, opened, heard, close };
  }

  const frame = (type: string, properties: unknown): string =>
    `data: ${JSON.stringify({ directory: '/w', payload: { id: 'evt_1', type, properties } })}\n\n`;
  const gone = (messageID: string): string => frame('message.removed', { sessionID: 's', messageID });
  const head = { 'content-type': 'text/event-stream' };

  it('tells the events of one read at once, and its end once', async () => {
    answer = (request, response) => {
      assert.equal(request.url, '/global/event');
      response.writeHead(200, head);
      response.end(gone('a') + gone('b') + frame('server.heartbeat', {}));
    };
    const seen = listen();
    assert.match(await seen.ended, /ended its event stream/);
    assert.deepEqual(seen.calls, ['open', 'bytes', 'events 2', 'end']);
  });

  it('C-06: a heartbeat is a sign of life and no event', async () => {
    answer = (_request, response) => {
      response.writeHead(200, head);
      response.write(frame('server.heartbeat', {}));
    };
    const seen = listen();
    await seen.heard;
    assert.deepEqual(seen.calls, ['open', 'bytes']);
    assert.deepEqual(seen.events, []);
  });

  it('that is closed on our side says nothing more', async () => {
    answer = (_request, response) => {
      response.writeHead(200, head);
      response.write(gone('a'));
    };
    const seen = listen();
    await seen.heard;
    seen.close();
    seen.close();
    await stub.deserted();
    assert.equal(seen.calls.includes('end'), false);
  });

  it('that is closed before it opened says nothing at all', async () => {
    answer = (_request, response) => response.writeHead(200, head).write(gone('a'));
    const seen = listen();
    seen.close();
    await client.close();
    assert.deepEqual(seen.calls, []);
  });

  it('that is cut ends with the reason', async () => {
    answer = (request, response) => {
      response.writeHead(200, head);
      response.write(gone('a'), () => request.socket.resetAndDestroy());
    };
    const seen = listen();
    assert.match(await seen.ended, /closed the connection/);
    assert.equal(seen.calls.filter((call) => call === 'end').length, 1);
  });

  it('that is refused, or is no stream, ends with the reason and leaves no connection', async () => {
    for (const [status, type, reason] of [
      [401, 'text/plain', /answered 401/],
      [200, 'text/html', /sent text\/html instead/],
    ] as const) {
      answer = (_request, response) => {
        response.writeHead(status, { 'content-type': type });
        response.write('<!doctype html>');
      };
      const seen = listen();
      assert.match(await seen.ended, reason);
      assert.deepEqual(seen.calls, ['end']);
      await stub.deserted();
    }
  });

  it('carries an event of many megabytes in many pieces', async () => {
    const delta = 'ä😀'.repeat(1_000_000);
    answer = (_request, response) => {
      response.writeHead(200, head);
      response.end(
        frame('message.part.delta', { sessionID: 's', messageID: 'm', partID: 'p', field: 'text', delta }),
      );
    };
    const seen = listen();
    await seen.ended;
    assert.ok(seen.events[0]?.type === 'delta' && seen.events[0].text === delta);
  });

  it('C-12: a hundred streams opened and lost leave no connection behind', async () => {
    answer = (_request, response) => response.writeHead(200, head).end(gone('a'));
    for (let round = 0; round < 100; round += 1) await listen().ended;
    await client.close();
    await stub.deserted();
  });
});
