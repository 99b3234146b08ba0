import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ATTACHED_PROBE_PAUSE_MS,
  type AttachedEffect,
  type AttachedEvent,
  type AttachedState,
  initialAttached,
  RETURN_MS,
  retryDelay,
  stepAttached,
} from '../../../src/core/server/attached.ts';
import { SILENCE_MS } from '../../../src/core/server/liveness.ts';

const CONNECT: AttachedEvent = { type: 'connect' };
const answered = (generation: number): AttachedEvent => ({ type: 'answered', generation });
const away = (generation: number): AttachedEvent => ({
  type: 'away',
  generation,
  reason: 'No answer.',
  chance: 0.5,
});
const refused = (generation: number): AttachedEvent => ({
  type: 'refused',
  generation,
  reason: 'Wrong password.',
});
/** Nothing was heard since the connection was made. */
const timer = (generation: number): AttachedEvent => ({ type: 'timer', generation, heardAt: 0 });
const probed = (generation: number, isAnswered: boolean): AttachedEvent => ({
  type: 'probed',
  generation,
  isAnswered,
  heardAt: 0,
  chance: 0.5,
});

/** @param now when all of it happens: by default so late that every silence is over. */
function run(events: readonly AttachedEvent[], now = SILENCE_MS) {
  let state: AttachedState = initialAttached(0);
  const states = [state.name];
  const did: string[] = [];
  for (const event of events) {
    const next = stepAttached(state, event, now);
    state = next.state;
    if (state.name !== states.at(-1)) states.push(state.name);
    did.push(
      ...next.effects.map((effect: AttachedEffect) =>
        [effect.type, effect.generation, ...(effect.type === 'timer' ? [effect.ms] : [])].join(' '),
      ),
    );
  }
  return { state, states, did };
}

const SILENT_PROBES = [1, 2, 3].flatMap(() => [timer(1), probed(1, false)]);

describe('the life of an attached server', () => {
  it('connects once for all who ask, and is ready when it answers', () => {
    const { states, did } = run([CONNECT, CONNECT, answered(1), CONNECT]);
    assert.deepEqual(states, ['stopped', 'connecting', 'ready']);
    assert.deepEqual(did, ['connect 1', `timer 1 ${SILENCE_MS}`]);
  });

  it('is unreachable when it is away, tries again by itself, and stays unreachable while it tries', () => {
    const { states, did } = run([CONNECT, away(1), timer(1), away(2), timer(2), answered(3)]);
    assert.deepEqual(states, ['stopped', 'connecting', 'unreachable', 'ready']);
    assert.deepEqual(did, [
      'connect 1',
      'timer 1 1000',
      'connect 2',
      'timer 2 2000',
      'connect 3',
      `timer 3 ${SILENCE_MS}`,
    ]);
  });

  it('is tried at once when somebody asks for it meanwhile', () => {
    const { states } = run([CONNECT, away(1), CONNECT, answered(2)]);
    assert.deepEqual(states, ['stopped', 'connecting', 'unreachable', 'connecting', 'ready']);
  });

  it('tries ever more slowly, never in a hot loop, and never twice at the same moment', () => {
    const waits = [0, 1, 2, 3, 4, 5, 100].map((failed) => retryDelay(failed, 0.5));
    assert.deepEqual(waits, [1_000, 2_000, 5_000, 10_000, 15_000, 15_000, 15_000]);
    assert.deepEqual([retryDelay(4, 0), retryDelay(4, 1)], [12_000, 18_000]);
  });

  it('that will not have us is not asked again until a person does', () => {
    const { states, did } = run([CONNECT, refused(1), timer(1), CONNECT, answered(2)]);
    assert.deepEqual(states, ['stopped', 'connecting', 'failed', 'connecting', 'ready']);
    assert.deepEqual(did, ['connect 1', 'connect 2', `timer 2 ${SILENCE_MS}`]);
  });

  it('C-09, C-13: is unreachable after a silence and three failed probes, which is told once', () => {
    const { states, did } = run([CONNECT, answered(1), ...SILENT_PROBES, probed(1, false)]);
    assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'unreachable']);
    assert.deepEqual(did.slice(2), [
      'probe 1',
      `timer 1 ${ATTACHED_PROBE_PAUSE_MS}`,
      'probe 1',
      `timer 1 ${ATTACHED_PROBE_PAUSE_MS}`,
      'probe 1',
      'down 1',
      'timer 1 1000',
    ]);
  });

  it('C-04: any byte or answered probe counts as life, and failures before it are forgotten', () => {
    const two = [timer(1), probed(1, false), timer(1), probed(1, false)];
    const bytes: AttachedEvent = { ...timer(1), heardAt: SILENCE_MS - 1 } as AttachedEvent;
    for (const life of [[bytes], [timer(1), probed(1, true)]]) {
      const { state } = run([CONNECT, answered(1), ...two, ...life, ...two]);
      assert.equal(state.name, 'ready');
    }
  });

  it('a clock that was set back does not stretch the silence', () => {
    const { did } = run([CONNECT, answered(1), { ...timer(1), heardAt: 3_600_000 } as AttachedEvent]);
    assert.equal(did.at(-1), `timer 1 ${SILENCE_MS}`);
  });

  it('after its restart command it may be away for a minute, which is still connecting', () => {
    const begin: AttachedEvent[] = [CONNECT, answered(1), { type: 'restart' }, CONNECT];
    const done: AttachedEvent = { type: 'restarted', isDone: true };
    const back = run([...begin, done, away(2), timer(2), away(3), timer(3), answered(4)]);
    assert.deepEqual(back.states, ['stopped', 'connecting', 'ready', 'restarting', 'connecting', 'ready']);
    assert.ok(back.did.includes('down 1'));
    const { state } = run([...begin, done, away(2)]);
    const late = stepAttached(state, timer(2), SILENCE_MS).state;
    assert.equal(stepAttached(late, away(3), SILENCE_MS + RETURN_MS - 1).state.name, 'connecting');
    assert.equal(stepAttached(late, away(3), SILENCE_MS + RETURN_MS).state.name, 'unreachable');
  });

  it('after a restart command that failed it is asked once how it stands', () => {
    const { states } = run([{ type: 'restart' }, { type: 'restarted', isDone: false }, away(1)]);
    assert.deepEqual(states, ['stopped', 'restarting', 'connecting', 'unreachable']);
  });

  it('S-14: what an older connection brings is inert', () => {
    const old = [answered(1), away(1), refused(1), timer(1), probed(1, false)];
    const { states, did } = run([CONNECT, { type: 'reconnect' }, ...old]);
    assert.deepEqual(states, ['stopped', 'connecting']);
    assert.deepEqual(did, ['connect 1', 'connect 2']);
  });

  it('S-10: has no effect that could end a process, and loses each connection once', () => {
    const generation = fc.nat(6);
    const event = fc.oneof(
      fc.constantFrom<AttachedEvent>(
        CONNECT,
        { type: 'reconnect' },
        { type: 'restart' },
        { type: 'restarted', isDone: true },
        { type: 'restarted', isDone: false },
        { type: 'leave' },
      ),
      fc.tuple(generation, fc.constantFrom(answered, away, refused, timer)).map(([of, make]) => make(of)),
      fc.tuple(generation, fc.boolean()).map(([of, isAnswered]) => probed(of, isAnswered)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { did } = run(events);
        assert.ok(did.every((effect) => /^(connect|probe|down) \d+$|^timer \d+ \d+$/.test(effect)));
        const once = did.filter((effect) => /^(connect|down)/.test(effect));
        assert.equal(new Set(once).size, once.length, 'nothing twice');
      }),
    );
  });
});
