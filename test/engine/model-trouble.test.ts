import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerText } from '../../src/cli/result.ts';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import type { ModelRequest } from '../fakes/model/request.ts';
import { drop, end, fails, hold, type ModelAnswer, raw, says, text, tool } from '../fakes/model/steps.ts';
import { type ProductBench, recordOf, recordsOf, startProduct } from './support/product-bench.ts';

/** Shorter than any test lasts, longer than a scripted model needs between two words. */
const IMPATIENT = { stallTimeoutMs: 1500, toolStallTimeoutMs: 1500 };
const HOUR_S = 3600;

const limited = (seconds: number): ModelAnswer =>
  fails(429, 'Slow down!', { 'retry-after': String(seconds) });
const tooLong: ModelAnswer = {
  answer: 'status',
  status: 400,
  body: {
    error: {
      message: "This model's maximum context length is 1000 tokens.",
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
    },
  },
};
/** Ends in a tool call, and says that the model's context is nearly full by then. */
const nearlyFull: ModelAnswer = says(
  tool('glob', { pattern: '*' }),
  raw(
    JSON.stringify({
      id: 'chatcmpl-scripted',
      object: 'chat.completion.chunk',
      created: 0,
      model: 'scripted',
      choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }],
      usage: { prompt_tokens: 199_000, completion_tokens: 20, total_tokens: 199_020 },
    }),
  ),
  end(undefined),
);
const isSummary = ({ tools }: ModelRequest): boolean => tools.length === 0;

describe('a model in trouble', function () {
  this.timeout(60_000);
  let bench: ProductBench;
  let host: WorkspaceHost;
  let run: Run;
  let first: number;

  before(async () => {
    bench = await startProduct({}, { permission: { bash: 'allow' } });
    // An engine that has just been started takes seconds for its first turn, which is no silence to test with.
    bench.model.script({ Hello: says(text('Hello.')) });
    host = bench.open();
    run = await host.startSession();
    await host.prompt(run, 'Hello');
    await run.ended();
  });
  beforeEach(async () => {
    run = await host.startSession();
    first = bench.model.requests.length;
  });
  after(() => bench.stop());

  const asked = (): number => bench.model.requests.length - first;
  /** What it answers, one call after the other, the last one again and again; summaries are not counted. */
  const answersWith = (...answers: ModelAnswer[]): void => {
    let calls = 0;
    bench.model.script((request) =>
      isSummary(request) ? says(text('A summary.')) : answers[Math.min(calls++, answers.length - 1)],
    );
  };
  const decisions = (): string[] =>
    recordsOf(run, 'decision').map(({ rule, decision, n, limit }) => `${rule} ${decision} ${n}/${limit}`);
  const outcomes = (): string[] => recordsOf(run, 'turn-settled').map(({ outcome }) => outcome);
  const rows = (kind: 'text' | 'notice' | 'card'): string[] =>
    run.snapshot().rows.flatMap((row) => (row.kind === kind && 'text' in row ? [row.text] : []));
  const offered = () => recordOf(run, 'decision', ({ decision }) => decision === 'offer');

  it('R-11, R-09, C-15: a refused sign-in is asked once, offered, and gone on with after signing in', async () => {
    answersWith(fails(401, 'Incorrect API key provided: sk-very-secret'), says(text('Signed in.')));
    await host.prompt(run, 'Go');
    const { reason } = await offered();
    assert.deepEqual(decisions(), ['10 offer 0/3']);
    assert.match(reason, /^The model’s provider did not accept the sign-in \(HTTP 401\)\. Sign in again/);
    assert.equal(asked(), 1);
    const card = run.snapshot().rows.findLast((row) => row.kind === 'card');
    assert.match(card?.details ?? '', /Incorrect API key/);
    assert.doesNotMatch(`${card?.title} ${card?.text}`, /Incorrect API key/);
    run.answerRecovery('go-on');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(rows('text').at(-1), 'Signed in.');
    assert.equal(asked(), 2);
  });

  it('R-11: ends as an error where nobody can be asked, or the same request would be refused again', async () => {
    answersWith(fails(401, 'No.'));
    await host.prompt(run, 'Go');
    await offered();
    run.answerRecovery('nobody');
    await run.ended();
    const [unasked] = recordsOf(run, 'turn-settled');
    assert.equal(unasked?.outcome, 'error');
    assert.match(unasked?.message ?? '', /did not accept the sign-in .* could be asked nobody\.$/);
    assert.equal(unasked?.error?.status, 401);
    assert.equal(asked(), 1);
    answersWith(fails(400, 'Unknown parameter.'));
    await host.prompt(run, 'Again');
    await run.ended();
    assert.deepEqual(outcomes(), ['error', 'error']);
    assert.deepEqual(decisions(), ['10 offer 0/3', '7 stop 0/3']);
    assert.equal(asked(), 2);
  });

  it('R-11: the engine’s own retries are followed and shown as its own; nothing is sent by us', async () => {
    answersWith(fails(500, 'Oops.'), fails(500, 'Oops.'), says(text('Here now.')));
    await host.prompt(run, 'Go');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(asked(), 3);
    assert.deepEqual([recordsOf(run, 'incident').length, recordsOf(run, 'attempt-started').length], [0, 1]);
    const [second, third] = rows('notice');
    assert.match(second ?? '', /^The engine asks the model again by itself: try 2, at \d\d:\d\d:\d\d$/);
    assert.match(third ?? '', /: try 3, at /);
  });

  it('R-11: a wait of an hour parks the turn: said with its time, no stall, and a stop works', async () => {
    answersWith(limited(HOUR_S));
    const impatient = bench.open(IMPATIENT);
    run = await impatient.startSession();
    await impatient.prompt(run, 'Go');
    const { until, at } = await recordOf(run, 'parked');
    assert.ok(Math.abs(until - at - HOUR_S * 1000) < 60_000, `${until - at}`);
    assert.match(rows('notice').at(-1) ?? '', /takes no request until .*\d\d:\d\d \(in 60 min\)/);
    assert.equal(run.header().canStop, true);
    // The clocks look at it twice, each time after the silence that they would have acted on.
    const { seq } = await recordOf(run, 'timer', ({ name, at: now }) => name === 'stall' && now > at);
    await recordOf(run, 'timer', (record) => record.name === 'stall' && record.seq > seq);
    assert.deepEqual(recordsOf(run, 'stall'), []);
    run.stop('user');
    await run.ended();
    assert.deepEqual(outcomes(), ['interrupted']);
    assert.equal(asked(), 1);
    await bench.close(impatient);
  });

  it('R-05: a text that was reset in the middle is there once, and what was shown of it is kept', async () => {
    answersWith(says(text('Half of '), text('it, '), hold('shown'), drop()), says(text('The whole of it.')));
    await host.prompt(run, 'Go');
    await recordOf(run, 'event', ({ event }) => event.type === 'delta');
    bench.model.release('shown');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(rows('text'), ['Half of it, ', 'The whole of it.']);
    assert.equal(answerText(run.state), 'The whole of it.');
    const told = recordsOf(run, 'event').flatMap(({ event }) => (event.type === 'delta' ? [event.text] : []));
    assert.match(told.join(''), /^Half of it, /);
    assert.equal(asked(), 2);
  });

  it('C-16: a command that the engine would let the model forget is told to it, and not run again', async () => {
    const ledger = join(bench.folder, 'ledger');
    const write = tool('bash', { command: `echo once >> ${ledger}; echo written`, description: 'Write' });
    // Like a model: what it does not know of, it does.
    bench.model.script(({ messages }) =>
      JSON.stringify(messages).includes('written\\n')
        ? says(text('Done.'))
        : says(write, hold('ran'), drop()),
    );
    await host.prompt(run, 'Go');
    await recordOf(
      run,
      'event',
      ({ event }) => event.type === 'part' && event.part.type === 'tool' && event.part.status === 'completed',
    );
    bench.model.release('ran');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(readFileSync(ledger, 'utf8'), 'once\n');
    assert.deepEqual(rows('text'), ['Done.']);
    assert.equal(asked(), 2);
  });

  it('C-20: a call that fails three times in a row pauses the turn, which goes on when the user says so', async () => {
    const read = says(tool('read', { filePath: join(bench.folder, 'missing.txt') }));
    bench.model.script(({ messages }) =>
      JSON.stringify(messages).includes('This turn was interrupted') ? says(text('I give up on it.')) : read,
    );
    await host.prompt(run, 'Go');
    const { reason } = await offered();
    assert.match(reason, /^The same call failed three times in a row, so the turn was stopped\./);
    // A scripted model answers at once: a few calls are under way before the abort is.
    assert.ok(asked() < 10, `${asked()} requests`);
    assert.equal(recordsOf(run, 'stop-requested').length, 1);
    run.answerRecovery('go-on');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(rows('text').at(-1), 'I give up on it.');
  });

  it('C-20: answers without a reason for their end pause the turn at the second', async () => {
    answersWith(says(text('So'), end(undefined)));
    await host.prompt(run, 'Go');
    const { reason } = await offered();
    assert.match(reason, /without a reason twice in a row/);
    run.answerRecovery('keep');
    await run.ended();
    assert.deepEqual(outcomes(), ['interrupted']);
    const sent = asked();
    assert.ok(sent < 10, `${sent} requests`);
  });

  it('a conversation that the engine summarises on its way goes on to its answer', async () => {
    answersWith(nearlyFull, says(text('After the summary.')));
    await host.prompt(run, 'Go');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(answerText(run.state), 'After the summary.');
    answersWith(tooLong, says(text('And after another one.')));
    await host.prompt(run, 'Again');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok', 'ok']);
    assert.equal(answerText(run.state), 'And after another one.');
  });

  it('C-20: summaries that lead nowhere pause the turn at the third', async () => {
    answersWith(tooLong);
    await host.prompt(run, 'Go');
    const { reason } = await offered();
    assert.match(reason, /^The conversation was summarised three times with hardly anything done/);
    run.stop('user');
    await run.ended();
    assert.deepEqual(outcomes(), ['interrupted']);
  });

  it('C-16: a turn whose server dies after a summary goes on behind it', async () => {
    answersWith(nearlyFull, says(text('Half'), hold('half')), says(text(' and the rest.')));
    await host.prompt(run, 'Go');
    await recordOf(run, 'event', ({ event }) => event.type === 'delta' && event.text.includes('Half'));
    bench.killServer(host);
    await run.ended();
    assert.deepEqual(decisions(), ['9 resume 1/3']);
    assert.deepEqual(outcomes(), ['ok']);
    const sent = JSON.stringify(bench.model.requests.at(-1)?.messages);
    assert.match(sent, /A summary\./);
    assert.match(sent, /Half/);
    assert.equal(answerText(run.state), 'and the rest.');
  });

  it('R-06, R-11: a turn whose server is killed while the engine waits is gone on with at that time, and not before', async () => {
    answersWith(limited(3), says(text('It takes requests again.')));
    await host.prompt(run, 'Go');
    const { event } = await recordOf(
      run,
      'event',
      ({ event: one }) => one.type === 'status' && one.status.type === 'retry',
    );
    assert.ok(event.type === 'status' && event.status.type === 'retry');
    bench.killServer(host);
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(decisions(), ['8 replay 1/3']);
    const starting = recordsOf(run, 'server').find(({ state }) => state === 'starting');
    assert.ok((starting?.at ?? 0) >= event.status.nextAt, 'no server before that');
    assert.equal(asked(), 2);
  });

  it('R-06, R-11: a parked turn whose server is killed asks the model nothing before its time, and a stop ends it', async () => {
    answersWith(limited(HOUR_S));
    await host.prompt(run, 'Go');
    const { until } = await recordOf(run, 'parked');
    bench.killServer(host);
    await recordOf(run, 'incident');
    await host.server.ensure();
    assert.deepEqual([run.state.turn?.phase, asked()], ['failed', 1]);
    assert.equal(run.state.turn?.phase === 'failed' && run.state.turn.notBefore, until);
    run.stop('user');
    await run.ended();
    assert.deepEqual([outcomes(), decisions(), asked()], [['interrupted'], [], 1]);
  });
});
