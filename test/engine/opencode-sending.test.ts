import assert from 'node:assert/strict';
import type { EngineEvent } from '../../src/core/engine.ts';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import { startBench, type Bench } from './support/bench.ts';
import { startLossyProxy } from './support/lossy-proxy.ts';

describe('sending a prompt to the real engine', function () {
  this.timeout(120_000);
  let bench: Bench;
  let sessionId: string;

  before(async () => (bench = await startBench()));
  after(() => bench.stop());
  beforeEach(async () => (sessionId = (await bench.client.createSession({ title: 'a test' })).id));

  const calls = (): number =>
    bench.model.requests.filter((request) => request.sessionId === sessionId).length;
  async function userTexts(): Promise<string[]> {
    const { events } = await bench.client.snapshot(sessionId);
    const users = events.flatMap((e) =>
      e.type === 'message' && e.message.role === 'user' ? [e.message.id] : [],
    );
    return events.flatMap((event) =>
      event.type === 'part' && event.part.type === 'text' && users.includes(event.messageId)
        ? [event.part.text]
        : [],
    );
  }

  it('C-02: its fate can be looked up: absent, then stored; another part id is only partly there', async () => {
    bench.model.script({ hello: says(text('Hi.')) });
    const prompt = bench.prompt('hello');
    assert.equal(await bench.client.lookUp(sessionId, prompt), 'absent');
    await bench.turn(sessionId, prompt);
    assert.equal(await bench.client.lookUp(sessionId, prompt), 'stored');
    assert.equal(
      await bench.client.lookUp(sessionId, { ...prompt, partId: `${prompt.partId}x` }),
      'partly-stored',
    );
  });

  it('the same ids again after the turn ended: no second prompt, no second answer', async () => {
    bench.model.script({ hello: says(text('Hi.')) });
    const prompt = bench.prompt('hello');
    await bench.turn(sessionId, prompt);
    await bench.turn(sessionId, prompt);
    assert.deepEqual([calls(), await userTexts()], [1, ['hello']]);
  });

  it('the same ids again while the turn runs: no second prompt, no second answer', async () => {
    bench.model.script({ hello: says(hold('again'), text('Hi.')) });
    const prompt = bench.prompt('hello');
    const from = bench.events.length;
    await bench.client.send(sessionId, prompt);
    await bench.model.reached('again');
    await bench.client.send(sessionId, prompt);
    bench.model.release('again');
    await bench.settled(sessionId, from);
    assert.deepEqual([calls(), await userTexts()], [1, ['hello']]);
  });

  it('C-02: when its reply is lost it is looked up, found, and not sent again', async () => {
    const proxy = await startLossyProxy(bench.engine.baseUrl);
    const client = createOpencodeEngine(() => Promise.resolve()).connect({
      ...bench.engine,
      baseUrl: proxy.baseUrl,
    });
    try {
      bench.model.script({ hello: says(text('Hi.')) });
      proxy.loseReplies(1, (path) => path.endsWith('/prompt_async'));
      const from = bench.events.length;
      await client.send(sessionId, bench.prompt('hello'));
      await bench.settled(sessionId, from);
      assert.equal(proxy.passed.filter((path) => path.endsWith('/prompt_async')).length, 1);
      assert.deepEqual([calls(), await userTexts()], [1, ['hello']]);
    } finally {
      await client.close();
      await proxy.stop();
    }
  });

  it('C-02: when the request is lost it is looked up, not found, and sent again', async () => {
    const proxy = await startLossyProxy(bench.engine.baseUrl);
    const client = createOpencodeEngine(() => Promise.resolve()).connect({
      ...bench.engine,
      baseUrl: proxy.baseUrl,
    });
    try {
      bench.model.script({ hello: says(text('Hi.')) });
      proxy.loseRequests(1, (path) => path.endsWith('/prompt_async'));
      const from = bench.events.length;
      await client.send(sessionId, bench.prompt('hello'));
      await bench.settled(sessionId, from);
      assert.deepEqual([calls(), await userTexts()], [1, ['hello']]);
    } finally {
      await client.close();
      await proxy.stop();
    }
  });

  it('that names an unknown agent is told as an error and nothing else', async () => {
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('hello', { agent: 'nobody' }));
    const error = await bench.until((event: EngineEvent) => event.type === 'error', from);
    assert.ok(error.type === 'error');
    assert.match(error.error.message, /Agent not found: "nobody"/);
    assert.equal(error.error.message.includes('\n'), false);
  });

  it('to a session that does not exist fails for good', async () => {
    await assert.rejects(
      bench.client.send('ses_0000000000000000000000000', bench.prompt('hello')),
      (error: Error) => {
        assert.deepEqual(
          [error.name, (error as { retriable?: boolean }).retriable],
          ['SessionGoneError', false],
        );
        return true;
      },
    );
  });
});
