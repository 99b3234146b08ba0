import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  BUSY_GRACE_MS,
  initialLiveness,
  type LivenessEvent,
  nextTickAt,
  PROBE_PAUSE_MS,
  SILENCE_MS,
  stepLiveness,
  type Verdict,
  verdict,
} from '../../../src/core/server/liveness.ts';

type Move = LivenessEvent | { wait: number };

const TICK: LivenessEvent = { type: 'tick', alive: true };
const FAILED: LivenessEvent = { type: 'probe-failed' };
const SILENT: Move[] = [{ wait: SILENCE_MS }, TICK];
const OVER: Move[] = [...SILENT, FAILED, FAILED];
const started = (turn: string): LivenessEvent => ({ type: 'turn-started', turn });
const ended = (turn: string): LivenessEvent => ({ type: 'turn-ended', turn });

function run(...moves: Move[]) {
  let state = initialLiveness(0);
  let now = 0;
  let probes = 0;
  for (const move of moves) {
    if ('wait' in move) {
      now += move.wait;
      continue;
    }
    const next = stepLiveness(state, move, now);
    state = next.state;
    if (next.probe) probes += 1;
  }
  return { state, now, probes, verdict: verdict(state, now), nextIn: (nextTickAt(state) ?? NaN) - now };
}

function verdictOf(...moves: Move[]): Verdict {
  return run(...moves).verdict;
}

describe('whether a server is alive', () => {
  it('S-12: a process that is gone is gone, whatever the stream and the probes said', () => {
    assert.equal(verdictOf({ type: 'bytes' }, { type: 'tick', alive: false }), 'gone');
    assert.equal(verdictOf(...OVER, { type: 'tick', alive: false }), 'gone');
  });

  it('S-12: silence up to 25 s is healthy, and nothing is probed', () => {
    const { verdict: found, probes } = run({ wait: SILENCE_MS - 1 }, TICK);
    assert.equal(found, 'healthy');
    assert.equal(probes, 0);
  });

  it('S-12: a longer silence is suspect and asked about, twice before anything is concluded', () => {
    assert.deepEqual([run(...SILENT).verdict, run(...SILENT).probes], ['suspect', 1]);
    assert.deepEqual([run(...SILENT, FAILED).verdict, run(...SILENT, FAILED).probes], ['suspect', 2]);
    assert.equal(verdictOf(...OVER), 'unresponsive');
  });

  it('S-12: any byte on the stream counts as life, also against a probe that fails', () => {
    assert.equal(verdictOf(...OVER, { type: 'bytes' }), 'healthy');
    assert.equal(verdictOf(...SILENT, { type: 'bytes' }, FAILED), 'healthy');
    assert.equal(verdictOf(...SILENT, FAILED, { type: 'bytes' }, FAILED), 'healthy');
  });

  it('an answered probe counts as life', () => {
    assert.equal(verdictOf(...OVER, { type: 'probe-answered' }), 'healthy');
  });

  it('one failed probe alone never makes a server unresponsive, however long the silence was', () => {
    assert.equal(verdictOf({ wait: 12 * 3_600_000 }, TICK, FAILED), 'suspect');
  });

  it('S-12, S-07: a busy server over the threshold has its grace, and is unresponsive only after it', () => {
    const busy = [started('t'), ...OVER];
    assert.equal(verdictOf(...busy), 'suspect');
    assert.equal(verdictOf(...busy, { wait: BUSY_GRACE_MS - 1 }), 'suspect');
    assert.equal(verdictOf(...busy, { wait: BUSY_GRACE_MS }), 'unresponsive');
  });

  it('S-07: the grace begins when it is busy and unhealthy, not when the turn began', () => {
    const long: Move[] = [started('t'), { wait: 3_600_000 }, { type: 'bytes' }];
    assert.equal(verdictOf(...long, ...OVER, { wait: BUSY_GRACE_MS - 1 }), 'suspect');
  });

  it('S-07: the grace ends with its turn', () => {
    assert.equal(verdictOf(started('t'), ...OVER, ended('t')), 'unresponsive');
  });

  it('S-07: a grace never spans two turns: the next turn gets one of its own, whole', () => {
    const most: Move[] = [started('one'), ...OVER, { wait: BUSY_GRACE_MS - 1 }];
    const next: Move[] = [...most, ended('one'), started('two'), { wait: BUSY_GRACE_MS - 1 }];
    assert.equal(verdictOf(...next), 'suspect');
    assert.equal(verdictOf(...next, { wait: 1 }), 'unresponsive');
    const overlapping: Move[] = [started('one'), started('two'), ...OVER, { wait: BUSY_GRACE_MS - 1 }];
    assert.equal(verdictOf(...overlapping, ended('two'), { wait: 1 }), 'unresponsive');
    assert.equal(verdictOf(...overlapping, ended('one'), { wait: 1 }), 'suspect');
  });

  it('S-12: a sleep of the machine concludes nothing: what was found before it is found anew', () => {
    const hour = { wait: 3_600_000 };
    const inPause: Move[] = [started('t'), ...OVER, hour, TICK];
    assert.equal(verdictOf(...inPause), 'suspect');
    assert.equal(verdictOf(...inPause, FAILED, FAILED), 'suspect', 'its grace begins anew');
    const inProbe: Move[] = [...SILENT, FAILED, hour, FAILED];
    assert.deepEqual([run(...inProbe).verdict, run(...inProbe).probes], ['suspect', 3]);
    assert.equal(verdictOf(...inProbe, FAILED, FAILED), 'unresponsive');
  });

  it('a silent server is asked again and again, with pauses', () => {
    assert.equal(run(...OVER).nextIn, PROBE_PAUSE_MS);
    assert.equal(run(...OVER, { wait: PROBE_PAUSE_MS }, TICK).probes, 3);
    assert.equal(run(...OVER, { wait: PROBE_PAUSE_MS - 1 }, TICK).probes, 2);
  });

  it('a wall clock set back does not hide a silence', () => {
    const moves: Move[] = [{ wait: -3_600_000 }, TICK, { wait: SILENCE_MS }, TICK];
    assert.equal(verdictOf(...moves), 'suspect');
  });

  it('a server that gives a sign of life every 25 s is never unresponsive', () => {
    const quiet = fc.oneof(
      fc.nat(SILENCE_MS - 1).map((wait): Move[] => [{ wait }, { type: 'bytes' }]),
      fc.constant<Move[]>([TICK]),
      fc.constant<Move[]>([FAILED]),
      fc.constantFrom<Move[]>([started('a')], [ended('a')], [started('b')], [ended('b')]),
    );
    fc.assert(
      fc.property(fc.array(quiet, { maxLength: 60 }), (steps) => {
        assert.equal(verdictOf(...steps.flat()), 'healthy');
      }),
    );
  });
});
