import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { hang, says, silence, text, tool } from '../fakes/model/steps.ts';
import { type ProductBench, recordOf, recordsOf, startProduct } from './support/product-bench.ts';

/** More than a scripted model needs between two words, on a busy machine too. */
const STALL = { stallTimeoutMs: 7500, toolStallTimeoutMs: 12_000 };

describe('a turn that falls silent', function () {
  this.timeout(60_000);
  let bench: ProductBench;
  let patient: WorkspaceHost;
  let host: WorkspaceHost;
  let run: Run;
  let before: number;

  beforeEach(async () => {
    bench = await startProduct({}, { permission: { bash: 'allow' } });
    // An engine that has just been started takes seconds for its first turn, which is no silence to test with.
    bench.model.script({ Hello: says(text('Hello.')) });
    patient = bench.open();
    const first = await patient.startSession();
    await patient.prompt(first, 'Hello');
    await first.ended();
    host = bench.open(STALL);
    run = await host.startSession();
    before = bench.model.requests.length;
  });
  afterEach(async () => {
    // The last window ends the server; two that close at once leave it to its grace.
    await bench.close(patient);
    await bench.stop();
  });

  const rungs = (): string[] => recordsOf(run, 'stall').map(({ clock, rung }) => `${clock} ${rung}`);
  const incidents = (): string[] =>
    recordsOf(run, 'incident').map(({ cause }) =>
      cause.type === 'session-stalled' ? cause.clock : cause.type,
    );
  const decisions = (): string[] =>
    recordsOf(run, 'decision').map(({ rule, decision, n, limit }) => `${rule} ${decision} ${n}/${limit}`);
  const outcomes = (): string[] => recordsOf(run, 'turn-settled').map(({ outcome }) => outcome);
  const asked = (): number => bench.model.requests.length - before;
  const said = (): string =>
    run
      .snapshot()
      .rows.flatMap((row) => (row.kind === 'text' ? [row.text] : []))
      .join('|');

  it('C-05, R-03: a model that never answers is stopped, asked again, and then answers', async () => {
    bench.model.script(() => (asked() === 1 ? silence() : says(text('Here now.'))));
    await host.prompt(run, 'Go');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(rungs(), ['first-byte status', 'first-byte abort']);
    assert.deepEqual(incidents(), ['first-byte']);
    assert.deepEqual(decisions(), ['8 replay 1/3']);
    assert.equal(said(), 'Here now.');
    assert.equal(asked(), 2);
  });

  it('C-05: a model that stops in the middle of a text goes on behind it', async () => {
    bench.model.script(({ messages }) =>
      JSON.stringify(messages).includes('Once upon')
        ? says(text('a time, the end.'))
        : says(text('Once upon '), hang()),
    );
    await host.prompt(run, 'Tell');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(incidents(), ['model']);
    assert.deepEqual(decisions(), ['9 resume 1/3']);
    assert.match(said(), /^Once upon \|a time, the end\.$/);
  });

  it('a command that is silent for too long is stopped, and whether it took effect is not taken as known', async () => {
    const ledger = join(bench.folder, 'ledger');
    bench.model.script(({ step }) =>
      step === 0
        ? says(tool('bash', { command: `echo once >> ${ledger}; sleep 300`, description: 'Write' }))
        : says(text('It was done.')),
    );
    await host.prompt(run, 'Write');
    const asked = await recordOf(run, 'decision');
    assert.deepEqual(decisions(), ['6 ask 0/3']);
    assert.match(asked.tools?.join() ?? '', /^bash: echo once/);
    assert.equal(existsSync(ledger) && readFileSync(ledger, 'utf8'), 'once\n');
    assert.deepEqual(rungs(), ['tool status', 'tool abort']);
    assert.equal(run.state.turn?.cutTools.length, 1);
    // The engine calls it completed: it ends the command and says so in its output.
    const [call] = run.snapshot().rows.filter((row) => row.kind === 'tool');
    assert.equal(call?.status, 'completed');
    run.answerRecovery('go-on');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(readFileSync(ledger, 'utf8'), 'once\n');
  });
});
