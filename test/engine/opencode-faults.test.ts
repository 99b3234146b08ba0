import assert from 'node:assert/strict';
import type { EngineEvent } from '../../src/core/engine.ts';
import {
  drop,
  end,
  fails,
  hang,
  hold,
  raw,
  refuse,
  says,
  silence,
  text,
  tool,
  type ModelAnswer,
} from '../fakes/model/steps.ts';
import { startBench, type Bench, type Turn } from './support/bench.ts';

describe('a model that misbehaves, as told by the real engine', function () {
  this.timeout(120_000);
  let bench: Bench;
  let sessionId: string;

  before(async () => (bench = await startBench()));
  after(() => bench.stop());
  beforeEach(async () => (sessionId = (await bench.client.createSession({ title: 'a test' })).id));
  afterEach(() => assert.deepEqual(bench.odd, []));

  /** The first call of the session gets the first answer, and so on; the last one is repeated. */
  function inTurn(...answers: ModelAnswer[]): void {
    let calls = 0;
    bench.model.script(() => answers[Math.min(calls++, answers.length - 1)]);
  }
  const calls = (): number =>
    bench.model.requests.filter((request) => request.sessionId === sessionId).length;
  const retries = (turn: Turn): string[] =>
    turn.events.flatMap((e) => (e.type === 'status' && e.status.type === 'retry' ? [e.status.message] : []));
  const errors = (turn: Turn) =>
    turn.events.flatMap((event) => (event.type === 'error' ? [event.error] : []));

  it('that cuts the connection in the middle is tried again, and the first text stays unfinished', async () => {
    inTurn(says(text('Half a'), hold('heard'), drop()), says(text('The whole.')));
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    await bench.until((event) => event.type === 'delta' && event.text === 'Half a', from);
    bench.model.release('heard');
    const turn = await bench.settled(sessionId, from);
    assert.equal(retries(turn).length, 1);
    assert.deepEqual(turn.texts, ['', 'The whole.']);
    assert.equal(calls(), 2);
  });

  it('that refuses the connection is tried again', async () => {
    inTurn(refuse(), says(text('Here.')));
    const turn = await bench.turn(sessionId, bench.prompt('go'));
    assert.equal(retries(turn).length, 1);
    assert.deepEqual(turn.texts, ['Here.']);
  });

  for (const [name, answer] of [
    ['never answers', silence()],
    ['falls silent in the middle', says(text('Well, '), hang())],
  ] as const) {
    it(`that ${name} leaves the turn busy until it is aborted`, async () => {
      inTurn(answer);
      const from = bench.events.length;
      await bench.client.send(sessionId, bench.prompt('go'));
      const call = await bench.model.request((request) => request.sessionId === sessionId);
      if (answer.answer === 'stream') await bench.until((event) => event.type === 'delta', from);
      assert.equal((await bench.client.snapshot(sessionId)).status.type, 'busy');
      await bench.client.abort(sessionId);
      await call.left;
      const turn = await bench.settled(sessionId, from);
      assert.equal(errors(turn)[0]?.name, 'MessageAbortedError');
    });
  }

  it('that sends garbage in the middle fails the turn at once', async () => {
    inTurn(says(text('Well, '), raw('{"choices":[{'), text('never')));
    const turn = await bench.turn(sessionId, bench.prompt('go'));
    assert.match(errors(turn)[0]?.message ?? '', /JSON parsing failed/);
    assert.equal(calls(), 1);
  });

  it('R-11: that is rate limited tells when it will be tried again', async () => {
    inTurn(fails(429, 'Slow down', { 'retry-after': '1' }), says(text('Better.')));
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    const retry = await bench.until(
      (event) => event.type === 'status' && event.status.type === 'retry',
      from,
    );
    assert.ok(retry.type === 'status' && retry.status.type === 'retry');
    assert.equal(retry.status.attempt, 1);
    assert.ok(Math.abs(retry.status.nextAt - Date.now()) < 3_000);
    assert.deepEqual((await bench.settled(sessionId, from)).texts, ['Better.']);
  });

  it('that has an error of its own is tried again', async () => {
    inTurn(fails(500, 'Broken'), says(text('Mended.')));
    const turn = await bench.turn(sessionId, bench.prompt('go'));
    assert.deepEqual([retries(turn).length, turn.texts], [1, ['Mended.']]);
  });

  it('R-09: that refuses the request fails the turn, with its status and words apart', async () => {
    inTurn(fails(400, 'No such thing'));
    const turn = await bench.turn(sessionId, bench.prompt('go'));
    const error = errors(turn)[0];
    assert.deepEqual([error?.name, error?.status, error?.retriable], ['APIError', 400, false]);
    assert.match(error?.detail ?? '', /No such thing/);
    assert.equal(calls(), 1);
  });

  it('that says megabytes is heard to the end', async () => {
    const piece = 'All work and no play makes a dull model. '.repeat(1600);
    inTurn(says(...Array.from({ length: 64 }, () => text(piece))));
    const turn = await bench.turn(sessionId, bench.prompt('go'));
    assert.equal(turn.texts[0]?.length, 64 * piece.length);
    assert.ok(turn.texts[0]!.length > 4_000_000);
  });

  it('that ends without a reason is called again and again, until the loop is aborted', async () => {
    inTurn(says(text('Hm.'), end(undefined)));
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    const unknown = (event: EngineEvent): boolean =>
      event.type === 'message' &&
      event.message.finish === 'unknown' &&
      event.message.completedAt !== undefined;
    const first = await bench.until(unknown, from);
    await bench.until(unknown, bench.events.indexOf(first) + 1);
    await bench.client.abort(sessionId);
    assert.equal((await bench.client.snapshot(sessionId)).status.type, 'idle');
    const after = calls();
    inTurn(says(text('Quiet.')));
    await bench.turn((await bench.client.createSession({ title: 'another' })).id, bench.prompt('other'));
    assert.equal(calls(), after);
  });

  it('C-20: that runs into its limit says so', async () => {
    inTurn(says(text('And then'), end('length')));
    const turn = await bench.turn(sessionId, bench.prompt('go'));
    assert.deepEqual(
      turn.answers.map((answer) => [answer.finish, answer.error]),
      [['length', undefined]],
    );
  });

  it('R-04: that calls a tool that does not exist, or with broken arguments, ran nothing', async () => {
    inTurn(says(tool('teleport', { to: 'Mars' })), says(tool('read', '{"filePath": ')), says(text('Sorry.')));
    const turn = await bench.turn(sessionId, bench.prompt('go'));
    assert.deepEqual(
      turn.tools.map((call) => [call.tool, call.class, call.status]),
      [
        ['invalid', 'read-only', 'completed'],
        ['invalid', 'read-only', 'completed'],
      ],
    );
  });
});
