import assert from 'node:assert/strict';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { hold, says, type Step, text, tool } from '../fakes/model/steps.ts';
import { type ProductBench, recordOf, recordsOf, startProduct } from './support/product-bench.ts';

/** The limits of the settings at a scale: more than a scripted model needs between two words, on a busy machine too. */
const SCALED = { stallTimeoutMs: 7500, toolStallTimeoutMs: 12_000 };
/** Longer than a model may be silent, and within what a tool may. */
const SILENT_TOOL_S = 9;
/** 500 events a second for longer than a silence may be. */
const BURST = 25;
const BURST_MS = 50;
const BURSTS = 160;

describe('a turn that is well, watched with little patience', function () {
  this.timeout(60_000);
  let bench: ProductBench;
  let patient: WorkspaceHost;
  let host: WorkspaceHost;
  let run: Run;
  let warm: number;

  before(async () => {
    bench = await startProduct({}, { permission: { bash: 'allow' } });
    // An engine that has just been started takes seconds for its first turn, which is no silence to test with.
    bench.model.script({ Hello: says(text('Hello.')) });
    patient = bench.open();
    const first = await patient.startSession();
    await patient.prompt(first, 'Hello');
    await first.ended();
    host = bench.open(SCALED);
  });
  beforeEach(async () => {
    run = await host.startSession();
    warm = bench.model.requests.length;
  });
  after(async () => {
    // The last window ends the server; two that close at once leave it to its grace.
    await bench.close(patient);
    await bench.stop();
  });

  /** What the agent said in all, and that nothing was held against it on the way. */
  function assertUnharmed(said: string, requests: number): void {
    assert.deepEqual(
      recordsOf(run, 'turn-settled').map(({ outcome }) => outcome),
      ['ok'],
    );
    assert.deepEqual([recordsOf(run, 'stall'), recordsOf(run, 'incident')], [[], []]);
    assert.deepEqual([host.server.state.generation, host.server.state.budget?.used], [1, 0]);
    assert.equal(bench.model.requests.length - warm, requests, 'calls of the model');
    const rows = run.snapshot().rows.flatMap((row) => (row.kind === 'text' ? [row.text] : []));
    assert.equal(rows.join('|'), said);
  }
  /** How long the turn was under way, by its records, ms. */
  function lasted(): number {
    return (recordsOf(run, 'turn-settled')[0]?.at ?? 0) - (recordsOf(run, 'turn-drafted')[0]?.at ?? 0);
  }

  it('a tool that is silent for longer than a model may be is no stall', async () => {
    bench.model.script(({ step }) =>
      step === 0
        ? says(tool('bash', { command: `sleep ${SILENT_TOOL_S}`, description: 'Wait' }))
        : says(text('It was done.')),
    );
    await host.prompt(run, 'Wait');
    await run.ended();
    assertUnharmed('It was done.', 2);
    assert.ok(lasted() > SCALED.stallTimeoutMs);
  });

  it('500 events a second, for longer than a silence may be, are no stall, and none of them is lost', async () => {
    const bursts = Array.from({ length: BURSTS }, (_, n): Step[] => [
      ...Array.from({ length: BURST }, (_, piece) => text(`${n}.${piece} `)),
      hold(`burst ${n}`),
    ]);
    bench.model.script({ Talk: says(...bursts.flat()) });
    await host.prompt(run, 'Talk');
    await recordOf(run, 'event', ({ event }) => event.type === 'delta');
    let released = 0;
    const pace = setInterval(() => {
      bench.model.release(`burst ${released++}`);
      if (released === BURSTS) clearInterval(pace);
    }, BURST_MS);
    await run.ended();
    const said = bursts.flat().flatMap((step) => (step.do === 'text' ? [step.text] : []));
    assert.equal(said.length, BURST * BURSTS);
    assertUnharmed(said.join(''), 1);
    assert.ok(lasted() > SCALED.stallTimeoutMs);
  });
});
