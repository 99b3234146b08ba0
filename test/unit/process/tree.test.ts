import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { endTree, isAlive, type TreeSignals, windowsSignals } from '../../../src/node/process/tree.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';

/** A tree of a first process and one child, which the test ends by hand. */
function tree() {
  const clock = new FakeClock();
  const sent: string[] = [];
  const left = { first: true, child: true };
  let tellExit = () => {};
  const exited = new Promise<void>((resolve) => (tellExit = resolve));
  const signals: TreeSignals = {
    ask: (pid) => sent.push(`ask ${pid}`),
    kill: (pid) => sent.push(`kill ${pid}`),
    isLeft: () => left.first || left.child,
  };
  return {
    clock,
    sent,
    left,
    end: () => endTree({ pid: 7, exited, signals, clock }),
    async firstExits() {
      left.first = false;
      tellExit();
      await setImmediate();
    },
  };
}

describe('ending a tree of processes', () => {
  it('S-06: asks, and is done when everything has ended', async () => {
    const { clock, sent, left, end, firstExits } = tree();
    const ended = end();
    await firstExits();
    left.child = false;
    clock.advance(50);
    assert.equal(await ended, 'gone');
    assert.deepEqual(sent, ['ask 7']);
    assert.equal(clock.timers, 0);
  });

  it('S-06: kills what is left after 5 s, the children of a process that has ended too', async () => {
    const { clock, sent, left, end, firstExits } = tree();
    const ended = end();
    await firstExits();
    clock.advance(5_000);
    await setImmediate();
    assert.deepEqual(sent, ['ask 7', 'kill 7']);
    left.child = false;
    clock.advance(50);
    assert.equal(await ended, 'gone');
    assert.equal(clock.timers, 0);
  });

  it('S-06: a signal that was sent is not an end: who outlives SIGKILL is alive', async () => {
    const { clock, sent, end } = tree();
    const ended = end();
    clock.advance(5_000);
    await setImmediate();
    clock.advance(5_000);
    assert.equal(await ended, 'alive');
    assert.deepEqual(sent, ['ask 7', 'kill 7']);
  });

  it('a zombie child that nobody collects does not keep the tree alive for ever', async () => {
    const { clock, end, firstExits } = tree();
    const ended = end();
    await firstExits();
    clock.advance(5_000);
    await setImmediate();
    clock.advance(5_000);
    assert.equal(await ended, 'gone');
  });

  it('on Windows the tree is ended by taskkill, by its pid and nothing else', () => {
    const calls: string[] = [];
    const signals = windowsSignals((file, args) => calls.push([file, ...args].join(' ')));
    signals.ask(7);
    signals.kill(7);
    assert.deepEqual(calls, ['taskkill /PID 7 /T /F', 'taskkill /PID 7 /T /F']);
  });

  it('a process that we may not signal is alive', function () {
    const kill = process.kill;
    const answer = (code: string) => () => {
      throw Object.assign(new Error(code), { code });
    };
    try {
      process.kill = answer('EPERM');
      assert.equal(isAlive(7), true);
      process.kill = answer('ESRCH');
      assert.equal(isAlive(7), false);
    } finally {
      process.kill = kill;
    }
    assert.equal(isAlive(process.pid), true);
  });
});
