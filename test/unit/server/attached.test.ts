import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AttachedEffect,
  type AttachedEvent,
  type AttachedState,
  initialAttached,
  stepAttached,
} from '../../../src/core/server/attached.ts';

const answered = (generation: number): AttachedEvent => ({ type: 'answered', generation });
const refused = (generation: number): AttachedEvent => ({
  type: 'refused',
  generation,
  reason: 'No answer.',
});
const verdict = (generation: number, verdict: 'healthy' | 'unresponsive'): AttachedEvent => ({
  type: 'verdict',
  generation,
  verdict,
});
const CONNECT: AttachedEvent = { type: 'connect' };

function run(...events: AttachedEvent[]) {
  let state: AttachedState = initialAttached(0);
  const states = [state.name];
  const did: string[] = [];
  for (const event of events) {
    const next = stepAttached(state, event, 0);
    state = next.state;
    if (state.name !== states.at(-1)) states.push(state.name);
    did.push(...next.effects.map((effect: AttachedEffect) => `${effect.type} ${effect.generation}`));
  }
  return { state, states, did };
}

describe('the life of an attached server', () => {
  it('connects once for all who ask, and is ready when it answers', () => {
    const { states, did } = run(CONNECT, CONNECT, answered(1), CONNECT);
    assert.deepEqual(states, ['stopped', 'connecting', 'ready']);
    assert.deepEqual(did, ['connect 1']);
  });

  it('is unreachable when it refuses, and tried again when asked for', () => {
    const { states, did } = run(CONNECT, refused(1), CONNECT, answered(2));
    assert.deepEqual(states, ['stopped', 'connecting', 'unreachable', 'connecting', 'ready']);
    assert.deepEqual(did, ['connect 1', 'connect 2']);
  });

  it('C-13: is unreachable when it falls silent, which is told once, and comes back by itself', () => {
    const { states, did } = run(
      CONNECT,
      answered(1),
      verdict(1, 'unresponsive'),
      verdict(1, 'unresponsive'),
      verdict(1, 'healthy'),
      answered(2),
    );
    assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'unreachable', 'connecting', 'ready']);
    assert.deepEqual(did, ['connect 1', 'down 1', 'connect 2']);
  });

  it('S-14: what an older connection brings is inert', () => {
    const { states } = run(
      CONNECT,
      { type: 'reconnect' },
      answered(1),
      refused(1),
      verdict(1, 'unresponsive'),
    );
    assert.deepEqual(states, ['stopped', 'connecting']);
  });

  it('S-10: has no effect that could end a process, and tells each loss once', () => {
    const event = fc.oneof(
      fc.constantFrom<AttachedEvent>(CONNECT, { type: 'reconnect' }, { type: 'leave' }),
      fc.tuple(fc.nat(6), fc.constantFrom(answered, refused)).map(([generation, make]) => make(generation)),
      fc
        .tuple(fc.nat(6), fc.constantFrom('healthy' as const, 'unresponsive' as const))
        .map(([generation, found]) => verdict(generation, found)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const { did } = run(...events);
        assert.ok(did.every((effect) => /^(connect|down) \d+$/.test(effect)));
        assert.equal(new Set(did).size, did.length, 'nothing twice');
      }),
    );
  });
});
