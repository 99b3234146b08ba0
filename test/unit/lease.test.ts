import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { JournalError } from '../../src/core/errors.ts';
import { claimGeneration } from '../../src/node/lease-files.ts';
import { isUnfinished, Lease, type LeaseOwner, lookAtLease } from '../../src/node/lease.ts';
import { machineSpace, ownIdentity } from '../../src/node/process/identity.ts';
import { ChildPrograms } from './support/child-program.ts';

const TAKER = `
  import { Lease } from './src/node/lease.ts';
  const lease = await Lease.take(process.argv[2], 'holdfast command');
  console.log(lease === undefined ? 'lost' : 'taken');
  process.stdin.resume();
`;
/** Takes and finishes again and again; prints each generation that was its own. */
const WORKER = `
  import * as fs from 'node:fs';
  import { Lease } from './src/node/lease.ts';
  const [, , folder, times] = process.argv;
  console.log('ready');
  process.stdin.once('data', async () => {
    for (let taken = 0; taken < Number(times); ) {
      const lease = await Lease.take(folder, 'worker');
      if (lease === undefined) continue;
      fs.writeFileSync(folder + '/inside', String(process.pid), { flag: 'wx' });
      if (!lease.isHeld) console.log('not held');
      fs.rmSync(folder + '/inside');
      lease.done();
      taken++;
    }
    console.log('done');
    process.stdin.destroy();
  });
`;

describe('lease of a folder', () => {
  let programs: ChildPrograms;
  let folder: string;
  beforeEach(() => {
    programs = new ChildPrograms();
    folder = path.join(programs.folder, 'run');
  });
  afterEach(() => programs.dispose());

  /** What a process that did not let go has left. */
  async function abandoned(change: Partial<LeaseOwner>): Promise<void> {
    const owner = { process: await ownIdentity(), ...(await machineSpace()), label: 'window', ...change };
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, 'lease-000001.json'), JSON.stringify(owner));
  }

  it('is free, held, and free again when done', async () => {
    assert.deepEqual(await lookAtLease(folder), { state: 'free' });
    assert.equal(isUnfinished(folder), false);
    const lease = await Lease.take(folder, 'VS Code window');
    assert.equal(lease?.isHeld, true);
    assert.equal(isUnfinished(folder), true);
    const seen = await lookAtLease(folder);
    assert.ok(seen.state === 'held' && seen.own);
    assert.equal(seen.owner.label, 'VS Code window');
    assert.equal(await Lease.take(folder, 'again'), undefined);
    lease.done();
    assert.equal(lease.isHeld, false);
    assert.deepEqual(await lookAtLease(folder), { state: 'free' });
    assert.equal(isUnfinished(folder), false);
  });

  it('T-06: what was left on purpose is unfinished, and anybody may go on with it', async () => {
    const first = await Lease.take(folder, 'first');
    first?.leave();
    assert.equal(isUnfinished(folder), true);
    const seen = await lookAtLease(folder);
    assert.ok(seen.state === 'left');
    assert.equal(seen.owner?.label, 'first');
    const second = await Lease.take(folder, 'second');
    assert.equal(second?.isHeld, true);
    assert.equal(first?.isHeld, false);
    first?.done();
    assert.equal(second.isHeld, true);
    second.done();
    assert.equal(isUnfinished(folder), false);
  });

  it('T-07: of many who take it at once exactly one gets it', async () => {
    for (const end of ['done', 'leave'] as const) {
      const all = await Promise.all(Array.from({ length: 30 }, () => Lease.take(folder, 'one of many')));
      const winners = all.filter((lease) => lease !== undefined);
      assert.equal(winners.length, 1);
      assert.equal(winners[0]?.isHeld, true);
      winners[0]?.[end]();
    }
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => !name.endsWith('.left')),
      [],
      'lower generations and temporary files are gone',
    );
  });

  it('T-07: processes that take it again and again are never inside together', async () => {
    const program = await programs.build('worker', WORKER);
    const workers = [1, 2, 3, 4].map(() => programs.start(program, folder, '25'));
    for (const worker of workers) assert.equal(await worker.line(), 'ready');
    for (const worker of workers) worker.tell('go');
    for (const worker of workers) assert.equal(await worker.line(), 'done');
    assert.equal(isUnfinished(folder), false);
    const names = fs.readdirSync(folder).toSorted();
    assert.equal(names.at(-1), 'lease-000100.done', 'every generation was given once');
  });

  it('T-06: is held while its owner lives, and left from the owner’s SIGKILL on', async () => {
    const child = programs.start(await programs.build('taker', TAKER), folder);
    assert.equal(await child.line(), 'taken');
    const seen = await lookAtLease(folder);
    assert.ok(seen.state === 'held' && !seen.own);
    assert.equal(seen.owner.process.pid, child.pid);
    assert.equal(await Lease.take(folder, 'too early'), undefined);
    await child.kill();
    assert.equal((await lookAtLease(folder)).state, 'left');
    assert.equal(isUnfinished(folder), true);
    const lease = await Lease.take(folder, 'next');
    assert.equal(lease?.isHeld, true);
  });

  it('T-07: taken over by force, the old holder knows and cannot undo it', async () => {
    const old = await Lease.take(folder, 'old');
    const next = await Lease.take(folder, 'next', { force: true });
    assert.equal(next?.isHeld, true);
    assert.equal(old?.isHeld, false);
    old.done();
    assert.equal(next.isHeld, true);
    assert.equal(isUnfinished(folder), true);
    next.done();
    assert.equal(old.isHeld, false, 'not even when the next one has finished');
    assert.equal(isUnfinished(folder), false);
  });

  it('T-07: the old holder knows from the moment that the next generation is there', async () => {
    const lease = await Lease.take(folder, 'old');
    fs.writeFileSync(path.join(folder, 'lease-000002.json'), '{}');
    assert.equal(lease?.isHeld, false);
    fs.rmSync(path.join(folder, 'lease-000002.json'));
    assert.equal(lease.isHeld, false, 'and does not forget it');
  });

  it('T-07: of two who take over at once one has it', async () => {
    await Lease.take(folder, 'old');
    const force = () => Lease.take(folder, 'next', { force: true });
    const winners = (await Promise.all([force(), force()])).filter((lease) => lease !== undefined);
    assert.equal(winners.length, 1);
    assert.equal(winners[0]?.isHeld, true);
  });

  it('T-07: who was so slow that its generation is over does not bring it back', async () => {
    // Both saw an empty folder; the slow one acts when the other has taken it, let go, and been followed.
    for (const after of ['lease-000001.done', 'lease-000001.left', 'lease-000003.json']) {
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, after), '{}');
      assert.equal(claimGeneration(folder, 1, '{}'), false);
      assert.deepEqual(fs.readdirSync(folder), [after]);
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('T-07: who dies while it is too slow does not make a finished run unfinished', async () => {
    await abandoned({ label: 'slow', process: { ...(await ownIdentity()), startedAt: 'before' } });
    fs.writeFileSync(path.join(folder, 'lease-000001.done'), '{}');
    assert.equal(isUnfinished(folder), false);
    assert.deepEqual(await lookAtLease(folder), { state: 'free' });
  });

  it('a reused pid is not the owner', async () => {
    const own = await ownIdentity();
    await abandoned({ process: { ...own, startedAt: 'before' } });
    assert.equal((await lookAtLease(folder)).state, 'left');
  });

  it('an owner of before the last boot is dead, whoever has its pid now', async () => {
    const { machine } = await machineSpace();
    await abandoned({ machine, pidSpace: 'an-earlier-boot/pid:[4026531836]' });
    assert.equal((await lookAtLease(folder)).state, 'left');
  });

  it('an owner on another machine or in another container is not known to be dead', async () => {
    const { machine, pidSpace } = await machineSpace();
    const process = { pid: 2 ** 30, startedAt: 'x', commandLine: 'x' };
    const container = { machine, pidSpace: `${pidSpace.split('/')[0]}/pid:[1]` };
    for (const place of [container, { machine: 'another', pidSpace: 'boot/pid:[1]' }]) {
      await abandoned({ process, ...place });
      const seen = await lookAtLease(folder);
      assert.ok(seen.state === 'held' && !seen.own);
      assert.equal(await Lease.take(folder, 'here'), undefined);
      const taken = await Lease.take(folder, 'here', { force: true });
      assert.equal(taken?.isHeld, true);
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('what a full disk has left of a lease counts as left', async () => {
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, 'lease-000007.json'), '{"process":{"pi');
    assert.deepEqual(await lookAtLease(folder), { state: 'left', owner: undefined });
    assert.equal(isUnfinished(folder), true);
    await Lease.take(folder, 'next');
    assert.deepEqual(fs.readdirSync(folder), ['lease-000008.json']);
  });

  it('a folder that was deleted is not held, and letting go of it harms nobody', async () => {
    const lease = await Lease.take(folder, 'window');
    fs.rmSync(folder, { recursive: true });
    assert.equal(lease?.isHeld, false);
    lease.done();
    assert.equal(fs.existsSync(folder), false);
  });

  it('what cannot be written is said in a sentence', async () => {
    fs.writeFileSync(folder, 'a file');
    await assert.rejects(Lease.take(folder, 'window'), (error: unknown) => {
      assert.ok(error instanceof JournalError);
      assert.match(error.message, /^The lease in .* cannot be read: /);
      return true;
    });
  });
});
