import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import type { DrillReport, FaultResult } from '../../src/core/drill/report.ts';
import { findMarked } from '../rig/leftovers.mjs';
import { type Running, start } from './support/command.ts';
import { openPlace, type Place } from './support/place.ts';

describe('holdfast drill', () => {
  let place: Place;
  before(async () => {
    place = await openPlace();
  });
  after(() => place.close());
  afterEach(() => assert.deepEqual(drillFolders(), [], 'a drill left its folder'));

  const drillFolders = (): string[] =>
    readdirSync(place.env['TMPDIR']!).filter((name) => name.startsWith('holdfast-drill-'));
  const drill = (...args: string[]): Running =>
    start(place, { args: ['drill', '--engine-path', place.env['HOLDFAST_TEST_ENGINE']!, ...args] });
  /** The folder of a drill, which all of its processes have in their environment. */
  const folderOf = async (running: Running): Promise<string> =>
    (await running.said(/^folder +(\S+), until/m))[1]!;

  it('shows on the real engine that all promises hold, in lines for programs too', async () => {
    const running = drill('--only', 'crash', '--json');
    const folder = await folderOf(running);
    assert.equal(await running.code, 0, running.stderr());
    const [first, last, ...more] = running
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const { fault, outcome, restarts, attempts, ledgerLines } = first as FaultResult;
    assert.deepEqual([fault, outcome, restarts.used, attempts, ledgerLines], ['crash', 'ok', 1, 2, 1]);
    const { held, promises } = last as DrillReport;
    assert.deepEqual([held, promises.length, more.length], [6, 6, 0]);
    assert.deepEqual([findMarked(folder), existsSync(folder)], [[], false]);
  });

  it('names the promise that was broken, and ends with 1, when somebody else kills the server', async () => {
    const running = drill('--only', 'slow-model');
    const folder = await folderOf(running);
    await running.said(/a turn runs/);
    const server = findMarked(folder).find(({ command }) => command.includes(' serve '));
    assert.ok(server, 'no server was found');
    process.kill(server.pid, 'SIGKILL');
    assert.equal(await running.code, 1, running.stderr());
    assert.match(running.stdout(), /^FAIL +slow-model: /m);
    assert.match(running.stdout(), /^broken +promise 4: 1 server ended, and the drill killed none$/m);
    assert.match(running.stdout(), /^FAIL +4 {2}A healthy server is never killed \(slow-model\)$/m);
    assert.match(running.stdout(), /^pass +3 {2}No side effect is repeated$/m);
    assert.match(running.stdout(), /^Fault drill: 4 of 6 promises held \(1 fault, \d+ s\)\.$/m);
  });

  it('leaves nothing when it is stopped in the middle', async () => {
    const running = drill('--only', 'freeze');
    const folder = await folderOf(running);
    await running.said(/is frozen for/);
    running.child.kill('SIGINT');
    assert.equal(await running.code, 130, running.stderr());
    assert.match(running.stderr(), /^stopped +The drill was stopped\. Nothing of it is left\.$/m);
    assert.deepEqual(findMarked(folder), []);
  });

  it('says in a sentence what it cannot do, and begins nothing', async () => {
    for (const [args, sentence] of [
      [
        ['--only', 'boom'],
        /^holdfast: --only has no fault "boom"; there are crash, .* \(see `holdfast help drill`\)\.$/m,
      ],
      [['now'], /^holdfast: `drill` takes no "now"; faults are chosen by --only/m],
    ] as const) {
      const running = drill(...args);
      assert.equal(await running.code, 1);
      assert.match(running.stderr(), sentence);
    }
    const running = start(place, { args: ['drill', '--engine-path', '/nowhere/opencode'] });
    assert.equal(await running.code, 1);
    assert.match(running.stderr(), /^holdfast: .*\/nowhere\/opencode does not exist/m);
    assert.equal(running.stdout(), '');
    const elsewhere = start(place, {
      args: ['drill', '--engine-path', place.env['HOLDFAST_TEST_ENGINE']!],
      env: { TMPDIR: '/nowhere' },
    });
    assert.equal(await elsewhere.code, 1);
    assert.match(
      elsewhere.stderr(),
      /^holdfast: The drill needs a folder for a while, and could make none in \/nowhere/m,
    );
  });
});
