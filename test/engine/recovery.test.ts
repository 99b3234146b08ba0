import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { hold, says, text, tool } from '../fakes/model/steps.ts';
import { isGone } from '../fakes/server/bench.ts';
import { waitUntilGone } from '../rig/leftovers.mjs';
import { type ProductBench, recordOf, recordsOf, startProduct } from './support/product-bench.ts';

describe('a turn whose server is killed', function () {
  this.timeout(60_000);
  let bench: ProductBench;
  let host: WorkspaceHost;
  let run: Run;

  beforeEach(async () => {
    bench = await startProduct({}, { permission: { bash: 'allow' } });
    host = bench.open();
    run = await host.startSession();
  });
  afterEach(() => bench.stop());

  const decisions = (): string[] =>
    recordsOf(run, 'decision').map(({ rule, decision, n, limit }) => `${rule} ${decision} ${n}/${limit}`);
  const outcomes = (): string[] => recordsOf(run, 'turn-settled').map(({ outcome }) => outcome);
  const said = (): string =>
    run
      .snapshot()
      .rows.flatMap((row) => (row.kind === 'text' ? [row.text] : []))
      .join('|');
  const cards = (): string[] =>
    run
      .snapshot()
      .rows.flatMap((row) =>
        row.kind === 'card' ? [`${row.title}${row.folded === true ? ' (folded)' : ''}`] : [],
      );

  const printed = (what: string): Promise<unknown> =>
    recordOf(
      run,
      'event',
      ({ event }) =>
        event.type === 'part' && event.part.type === 'tool' && event.part.output?.includes(what) === true,
    );

  it('R-01: before anything was shown is sent again, with the same ids, and ends ok', async () => {
    bench.model.script({ Go: says(hold('first'), text('All done.')) });
    await host.prompt(run, 'Go');
    await bench.model.reached('first');
    bench.killServer(host);
    bench.model.release('first');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(decisions(), ['8 replay 1/3']);
    assert.equal(said(), 'All done.');
    assert.deepEqual(cards(), ['Recovered: Server restarted, retrying 1/3 (folded)']);
    assert.equal(
      recordsOf(run, 'event')
        .filter(({ event }) => event.type === 'message' && event.message.role === 'user')
        .every(
          ({ event }) => event.type === 'message' && event.message.id === run.state.turn?.prompt.messageId,
        ),
      true,
    );
  });

  it('R-05, C-16: in the middle of its text goes on behind it; nothing of it is lost', async () => {
    bench.model.script(({ messages }) =>
      JSON.stringify(messages).includes('Once upon')
        ? says(text('a time, the end.'))
        : says(text('Once upon '), hold('middle'), text('never said')),
    );
    await host.prompt(run, 'Tell');
    await recordOf(run, 'event', ({ event }) => event.type === 'delta');
    bench.killServer(host);
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(decisions(), ['9 resume 1/3']);
    assert.match(said(), /^Once upon \|a time, the end\.$/);
  });

  it('S-14: by a restart that the user asked for goes on in the new one', async () => {
    bench.model.script(({ messages }) =>
      JSON.stringify(messages).includes('Once upon')
        ? says(text('a time, the end.'))
        : says(text('Once upon '), hold('never')),
    );
    await host.prompt(run, 'Tell');
    await recordOf(run, 'event', ({ event }) => event.type === 'delta');
    await host.restartServer();
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.deepEqual(decisions(), ['9 resume 1/3']);
    assert.match(said(), /^Once upon \|a time, the end\.$/);
    assert.equal(bench.model.requests.length, 2);
  });

  it('R-04: while a command runs asks, names it, and runs it again only when the user says so', async () => {
    execFileSync('git', ['init', '--quiet'], { cwd: bench.folder });
    const ledger = join(bench.folder, 'ledger');
    bench.model.script(({ step }) =>
      step === 0
        ? says(
            tool('bash', {
              command: `echo once >> ${ledger}; echo written; sleep 300`,
              description: 'Write',
            }),
          )
        : says(text('It was done.')),
    );
    await host.prompt(run, 'Write');
    await printed('written');
    bench.killServer(host);
    const asked = await recordOf(run, 'decision');
    assert.deepEqual(decisions(), ['6 ask 0/3']);
    assert.match(asked.tools?.join() ?? '', /^bash: echo once/);
    assert.equal(run.header().turn, 'waiting');
    const { files, more } = await recordOf(run, 'workspace-changes');
    assert.deepEqual([files, more], [['ledger'], 0]);
    run.answerRecovery('go-on');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(said(), 'It was done.');
    assert.equal(readFileSync(ledger, 'utf8'), 'once\n');
  });

  it('T-06: and whose window has gone too is offered by the next one, which starts no server unasked', async () => {
    bench.model.script({ Go: says(hold('first'), text('All done.')) });
    await host.prompt(run, 'Go');
    await bench.model.reached('first');
    bench.killServer(host);
    await bench.leave(host);
    bench.model.release('first');
    const next = bench.open();
    // The holder of a dead server goes by itself.
    await bench.holdersGone();
    const { run: offered } = await next.open(run.id);
    run = offered;
    await recordOf(run, 'decision', ({ decision }) => decision === 'offer');
    assert.deepEqual([run.header().turn, next.server.state.state], ['waiting', 'stopped']);
    assert.deepEqual(cards(), ['Continue this turn?']);
    run.answerRecovery('go-on');
    await run.ended();
    assert.deepEqual(outcomes(), ['ok']);
    assert.equal(said(), 'All done.');
  });

  it('whose command outlived it is known to the next window, where it can be ended', async () => {
    bench.model.script({
      Go: [says(tool('bash', { command: 'echo begun; sleep 297.5', description: 'Wait' }))],
    });
    await host.prompt(run, 'Go');
    await printed('begun');
    bench.killServer(host);
    const { processes } = await recordOf(run, 'leftovers');
    assert.match(processes.map(({ command }) => command).join(), /sleep 297\.5/);
    await recordOf(run, 'decision', ({ decision }) => decision === 'ask');
    await bench.leave(host);
    const next = bench.open();
    run = (await next.open(run.id)).run;
    assert.ok(
      cards().some((title) => /processe?s? of the agent still runs?$/.test(title)),
      cards().join(),
    );
    await next.endLeftovers();
    await recordOf(run, 'leftovers-ended');
    assert.ok(cards().includes('Processes that the agent had left behind were ended (folded)'));
    assert.deepEqual(await waitUntilGone(() => processes.filter(({ pid }) => !isGone(pid)), 10_000), []);
    run.answerRecovery('keep');
    await run.ended();
  });

  it('R-07: is not gone on with once the user has stopped it', async () => {
    bench.model.script({ Go: says(hold('first'), text('All done.')) });
    await host.prompt(run, 'Go');
    await bench.model.reached('first');
    bench.killServer(host);
    await recordOf(run, 'incident');
    run.stop('user');
    await run.ended();
    assert.deepEqual(outcomes(), ['interrupted']);
    await host.server.ensure();
    assert.equal(bench.model.requests.length, 1);
  });
});

describe('a turn whose server may not be started again', function () {
  this.timeout(60_000);

  it('C-10, C-14: ends with the signal in words, once, and goes on behind what was said when the user says so', async () => {
    const bench = await startProduct({ restartBudget: 0 });
    try {
      const host = bench.open();
      const run = await host.startSession();
      bench.model.script({
        Go: says(text('Half an answer'), hold('first')),
        'Continue where you were cut off.': says(text('Whole.')),
      });
      await host.prompt(run, 'Go');
      await recordOf(run, 'event', ({ event }) => event.type === 'delta');
      bench.killServer(host);
      await run.ended();
      const [settled, ...more] = recordsOf(run, 'turn-settled');
      assert.deepEqual([settled?.outcome, more.length], ['server-unreachable', 0]);
      assert.match(settled?.message ?? '', /^The server was killed \(SIGKILL, signal 9\)\./);
      assert.deepEqual(
        recordsOf(run, 'decision').map(({ rule, decision }) => `${rule} ${decision}`),
        ['7 stop'],
      );
      // Whoever is impatient asks twice.
      const asked = await Promise.all([host.continueTurn(run), host.continueTurn(run)]);
      await run.ended();
      assert.deepEqual([asked, run.state.ended?.outcome], [[true, true], 'ok']);
      assert.equal(bench.model.requests.length, 2);
      assert.match(JSON.stringify(bench.model.requests.at(-1)?.messages), /Half an answer/);
      assert.equal(await host.continueTurn(run), false, 'nothing is left to go on with');
    } finally {
      await bench.stop();
    }
  });
});
