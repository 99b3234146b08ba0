import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { answers, hang, hold, says, type Step, text, tool } from '../fakes/model/steps.ts';
import { type Running, runFolder, start, startWithEngine } from './support/command.ts';
import { findingsAnswer, openPlace, type Place } from './support/place.ts';

/** People press Ctrl-C again, or close the terminal, after this long. */
const STOP_LIMIT_MS = 5_000;
const CRASH_LIMIT_MS = 2_000;

describe('how the command ends', () => {
  let place: Place;
  let gates = 0;
  before(async () => {
    place = await openPlace();
  });
  after(() => place.close());
  afterEach(async () => {
    const living = place.processes();
    assert.deepEqual(living.length === 0 ? [] : place.endLeftovers(), [], 'a process outlived the command');
    await place.gone();
  });

  /** A review, or a run, whose model has begun to answer and waits at a gate. */
  async function midTurn(
    args: readonly string[],
    after: readonly Step[] = [answers(findingsAnswer())],
    how: Parameters<typeof startWithEngine>[2] = {},
  ): Promise<{ running: Running; gate: string }> {
    const gate = `gate-${++gates}`;
    place.model.script(() => says(text('Looking at it.'), hold(gate), ...after));
    const running = startWithEngine(place, args, how);
    await Promise.race([place.model.reached(gate), running.code.then(() => assert.fail(running.stderr()))]);
    return { running, gate };
  }

  async function replayed(folder: string): Promise<{ code: number; text: string }> {
    const replay = start(place, { args: ['replay', folder] });
    const code = await replay.code;
    return { code, text: replay.stdout() };
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`C-01, T-04: ${signal} in a turn ends turn and server within 5 s, with 130`, async () => {
      const { running } = await midTurn(['review']);
      const since = Date.now();
      running.child.kill(signal);
      assert.equal(await running.code, 130, running.stderr());
      assert.ok(Date.now() - since < STOP_LIMIT_MS);
      assert.deepEqual(place.processes(), []);
      const { code, text: told } = await replayed(await runFolder(running));
      assert.equal(code, 130);
      assert.match(told, /^outcome +interrupted · Stopped/m);
      assert.match(told, /^decisions: \d+, differences: 0$/m);
    });
  }

  it('SIGINT while the server starts ends it as well', async () => {
    for (const args of [['review'], ['run', 'hello']]) {
      const running = startWithEngine(place, args);
      const folder = await runFolder(running);
      running.child.kill('SIGINT');
      assert.equal(await running.code, 130, running.stderr());
      assert.deepEqual(place.processes(), []);
      assert.equal((await replayed(folder)).code, 130);
    }
  });

  it('a second SIGINT ends everything at once, a command that the agent runs included', async () => {
    place.model.script(() => says(tool('bash', { command: 'exec sleep 300', description: 'Wait' })));
    const running = startWithEngine(place, ['run', 'wait', '--json']);
    const folder = await runFolder(running);
    await running.said(/"status":"running"/);
    running.child.kill('SIGINT');
    await running.said(/^stopping/m);
    running.child.kill('SIGINT');
    assert.equal(await running.code, 130, running.stderr());
    assert.equal((await replayed(folder)).code, 130);
    assert.deepEqual(place.processes(), []);
  });

  it('C-01, C-17, T-03: a server killed in a turn is told of within 2 s, with 3', async () => {
    const { running } = await midTurn(['review', '--recovery', 'off']);
    const server = place.processes().find(({ command }) => command.includes(' serve '));
    assert.ok(server, 'no server was found');
    const since = Date.now();
    process.kill(server.pid, 'SIGKILL');
    await running.said(/^failed +.*SIGKILL.* What it had answered so far is kept\./m);
    assert.ok(Date.now() - since < CRASH_LIMIT_MS);
    assert.equal(await running.code, 3, running.stderr());
    assert.ok(Date.now() - since < CRASH_LIMIT_MS);
    const { code, text: told } = await replayed(await runFolder(running));
    assert.equal(code, 3);
    assert.match(told, /differences: 0$/m);
  });

  it('T-04: an error of our own that nobody caught ends the server too, and the journal says so', async () => {
    const failing = 'process.on("SIGUSR2", () => { throw new Error("out of order"); })';
    const { running } = await midTurn(['review'], [hang()], {
      nodeArgs: ['--import', `data:text/javascript,${failing}`],
    });
    running.child.kill('SIGUSR2');
    assert.equal(await running.code, 1, running.stderr());
    assert.match(running.stderr(), /^holdfast: Holdfast itself failed: out of order$/m);
    assert.deepEqual(place.processes(), []);
    const { code, text: told } = await replayed(await runFolder(running));
    assert.equal(code, 1);
    assert.match(told, /^outcome +error · Holdfast itself failed/m);
  });

  it('a reader that leaves early ends the run in order', async () => {
    const { running, gate } = await midTurn(['review', '--json'], [text('More.'), hang()]);
    running.child.stdout.destroy();
    // What the model says next is a record that nobody reads; the turn would go on for ever.
    place.model.release(gate);
    assert.equal(await running.code, 130, running.stderr());
    assert.doesNotMatch(running.stderr(), /EPIPE|Error/);
    assert.equal((await replayed(await runFolder(running))).code, 130);
  });

  it('T-06: a command that was killed outright is replayed as interrupted, and its server ends after the grace', async () => {
    const { running } = await midTurn(['review'], [hang()], { env: { HOLDFAST_ENGINE_BUSY_GRACE: '3' } });
    const folder = await runFolder(running);
    running.child.kill('SIGKILL');
    await assert.rejects(running.code, /SIGKILL/);
    const follow = start(place, { args: ['replay', '--follow', folder] });
    assert.equal(await follow.code, 130, follow.stderr());
    assert.match(follow.stdout(), /^stopped +Holdfast itself ended while this ran\./m);
    assert.equal((await replayed(folder)).code, 130);
    await place.gone();
  });

  it('--follow tells of a run as it goes, finds it in the folder of runs, and ends with its code', async () => {
    const { running, gate } = await midTurn(['review']);
    const folder = await runFolder(running);
    const follows = [folder, join(folder, 'journal-000001.jsonl'), dirname(folder)].map((where) =>
      start(place, { args: ['replay', '--follow', where] }),
    );
    await Promise.all(follows.map((follow) => follow.said(/^prompt +Review 2 files/m)));
    assert.ok(!readFileSync(join(folder, 'journal-000001.jsonl'), 'utf8').includes('run-ended'));
    place.model.release(gate);
    for (const follow of follows) {
      assert.equal(await follow.code, 0, follow.stderr());
      assert.match(follow.stdout(), /^finding +high {2}src\/pay\.ts:3 {2}The customer is charged twice$/m);
      assert.match(follow.stdout(), /^done +2 findings/m);
    }
    assert.equal(await running.code, 0);
  });

  it('--follow in a folder of runs that have all ended waits for the next one', async () => {
    place.model.script(() => says(answers(findingsAnswer())));
    const storage = place.freshStorage();
    const first = startWithEngine(place, ['review'], { storage });
    assert.equal(await first.code, 0, first.stderr());
    const follow = start(place, { args: ['replay', '--follow', dirname(await runFolder(first))] });
    await follow.said(/^waiting +for a run/m);
    const second = startWithEngine(place, ['review'], { storage });
    assert.equal(await follow.code, 0, follow.stderr());
    assert.match(follow.stdout(), /^done +2 findings/m);
    assert.equal(await second.code, 0, second.stderr());
  });
});
