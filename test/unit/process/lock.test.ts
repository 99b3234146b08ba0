import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { systemClock } from '../../../src/node/clock.ts';
import { withLock } from '../../../src/node/process/lock.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { ChildPrograms } from '../support/child-program.ts';

const HOLDER = `
  import { systemClock } from './src/node/clock.ts';
  import { withLock } from './src/node/process/lock.ts';
  await withLock(process.argv[2], () => {
    console.log('inside');
    return new Promise(() => process.stdin.resume());
  }, { clock: systemClock, timeoutMs: 1000 });
`;
/** Enters its lock several times; a second one inside would find the file there and fail. */
const COUNTER = `
  import * as fs from 'node:fs';
  import { setImmediate } from 'node:timers/promises';
  import { systemClock } from './src/node/clock.ts';
  import { withLock } from './src/node/process/lock.ts';
  const [, , lock, inside] = process.argv;
  for (let i = 0; i < 3; i++) await withLock(lock, async () => {
    fs.writeFileSync(inside, '', { flag: 'wx' });
    await setImmediate();
    fs.rmSync(inside);
  }, { clock: systemClock, timeoutMs: 4000 });
  console.log('done');
`;

describe('lock over processes', () => {
  let programs: ChildPrograms;
  let file: string;
  beforeEach(() => {
    programs = new ChildPrograms();
    file = path.join(programs.folder, 'start');
  });
  afterEach(() => programs.dispose());

  it('lets one after the other do its work, and gives what it gives', async () => {
    const clock = new FakeClock();
    const order: string[] = [];
    let finish = () => {};
    const first = withLock(
      file,
      async () => {
        order.push('first begins');
        await new Promise<void>((resolve) => (finish = resolve));
        order.push('first ends');
        return 1;
      },
      { clock, timeoutMs: 30_000 },
    );
    const second = withLock(file, async () => order.push('second'), { clock, timeoutMs: 30_000 });
    await clock.armed(100);
    finish();
    assert.equal(await first, 1);
    clock.advance(100);
    await second;
    assert.deepEqual(order, ['first begins', 'first ends', 'second']);
    assert.equal(clock.timers, 0);
  });

  it('is free again when the work has failed', async () => {
    const options = { clock: new FakeClock(), timeoutMs: 1_000 };
    const fails = withLock(file, () => Promise.reject(new Error('no')), options);
    await assert.rejects(fails, /^Error: no$/);
    assert.equal(await withLock(file, async () => 2, options), 2);
  });

  it('says who has it when it is not free in time', async () => {
    const clock = new FakeClock();
    let finish = () => {};
    const first = withLock(file, () => new Promise<void>((resolve) => (finish = resolve)), {
      clock,
      timeoutMs: 1_000,
    });
    const second = withLock(file, () => assert.fail('came in'), { clock, timeoutMs: 150 });
    await clock.armed(100);
    clock.advance(100);
    await clock.armed(100);
    clock.advance(100);
    await assert.rejects(
      second,
      new RegExp(`was not free within 0\\.15 s\\. Process ${process.pid} has it\\.$`),
    );
    finish();
    await first;
    assert.equal(clock.timers, 0);
  });

  it('T-07: several processes are never inside together', async () => {
    const program = await programs.build('counter', COUNTER);
    const inside = path.join(programs.folder, 'inside');
    const children = [1, 2, 3].map(() => programs.start(program, file, inside));
    for (const child of children) assert.equal(await child.line(), 'done');
    assert.equal(fs.existsSync(inside), false);
  });

  it('a holder that was killed does not block the next', async () => {
    const child = programs.start(await programs.build('holder', HOLDER), file);
    assert.equal(await child.line(), 'inside');
    const clock = new FakeClock();
    const next = withLock(file, async () => 'inside', { clock, timeoutMs: 30_000 });
    await clock.armed(100);
    await child.kill();
    clock.advance(100);
    assert.equal(await next, 'inside');
    assert.equal(
      await withLock(file, async () => 'again', { clock: systemClock, timeoutMs: 1_000 }),
      'again',
    );
  });
});
