import assert from 'node:assert/strict';
import { Machine } from '../../../src/node/server/machine.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';

/** Counts; every event is an effect too. */
function counter() {
  const performed: number[] = [];
  const machine = new Machine<number, number, number>(
    0,
    (state, event) => ({ state: state + event, effects: [event] }),
    (effect) => performed.push(effect),
    new FakeClock(),
  );
  return { machine, performed };
}

describe('the runner of a machine', () => {
  it('takes one event at a time, also when a listener brings the next', () => {
    const { machine, performed } = counter();
    const heard: number[] = [];
    machine.onChange((state) => {
      heard.push(state);
      if (state === 1) machine.dispatch(10);
    });
    machine.onChange((state) => heard.push(-state));
    machine.dispatch(1);
    assert.deepEqual(heard, [1, -1, 11, -11]);
    assert.deepEqual(performed, [1, 10]);
  });

  it('S-01: who asks from within a listener is answered by what comes of it, not by what was', async () => {
    const { machine } = counter();
    let asked: Promise<number> | undefined;
    machine.onChange((state) => {
      if (state !== 1) return;
      machine.dispatch(10);
      asked = machine.when((now) => ({ resolve: now }));
    });
    machine.dispatch(1);
    assert.equal(await asked, 11);
  });

  it('settles a wait once, at once when the present state is an answer', async () => {
    const { machine } = counter();
    assert.equal(await machine.when((state) => ({ resolve: state })), 0);
    const later = machine.when((state) => (state > 1 ? { reject: new Error(`at ${state}`) } : undefined));
    machine.dispatch(1);
    machine.dispatch(1);
    machine.dispatch(1);
    await assert.rejects(later, /^Error: at 2$/);
  });
});
