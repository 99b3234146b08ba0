import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import {
  BUSY_GRACE_MS,
  PROBE_PAUSE_MS,
  SILENCE_MS,
  type Verdict,
} from '../../../src/core/server/liveness.ts';
import { LivenessWatch } from '../../../src/node/server/liveness-watch.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';

function watched() {
  const clock = new FakeClock();
  const verdicts: Verdict[] = [];
  const server = { alive: true, answers: false, probes: [] as number[] };
  const watch = new LivenessWatch({
    clock,
    isAlive: () => server.alive,
    probe: (timeoutMs) => {
      server.probes.push(timeoutMs);
      return Promise.resolve(server.answers);
    },
    onVerdict: (verdict) => verdicts.push(verdict),
  });
  return { clock, verdicts, server, watch };
}

describe('the watch over a server', () => {
  it('S-12: is told of bytes and then neither probes nor says anything', async () => {
    const { clock, verdicts, server, watch } = watched();
    for (let round = 0; round < 20; round += 1) {
      clock.advance(10_000);
      watch.heard();
      await setImmediate();
    }
    assert.deepEqual(server.probes, []);
    assert.deepEqual(verdicts, []);
    watch.stop();
  });

  it('S-08: probes have a timeout of at least 10 s, and a silent server that answers them stays healthy', async () => {
    const { clock, verdicts, server, watch } = watched();
    server.answers = true;
    clock.advance(SILENCE_MS);
    await setImmediate();
    assert.deepEqual(server.probes, [10_000]);
    assert.deepEqual(verdicts, ['suspect', 'healthy']);
    watch.stop();
  });

  it('says unresponsive after two failed probes, keeps asking, and says so when it answers again', async () => {
    const { clock, verdicts, server, watch } = watched();
    clock.advance(SILENCE_MS);
    await setImmediate();
    assert.deepEqual(verdicts, ['suspect', 'unresponsive']);
    server.answers = true;
    clock.advance(PROBE_PAUSE_MS);
    await setImmediate();
    assert.deepEqual(verdicts, ['suspect', 'unresponsive', 'healthy']);
    watch.stop();
  });

  it('S-07: says unresponsive of a busy server when its grace is over', async () => {
    const { clock, verdicts, watch } = watched();
    watch.turnStarted('t');
    clock.advance(SILENCE_MS);
    await setImmediate();
    assert.deepEqual(verdicts, ['suspect']);
    for (let waited = 0; waited < BUSY_GRACE_MS; waited += PROBE_PAUSE_MS) {
      clock.advance(PROBE_PAUSE_MS);
      await setImmediate();
    }
    assert.deepEqual(verdicts, ['suspect', 'unresponsive']);
    watch.stop();
  });

  it('C-13: finds a process dead of whose end nobody told', () => {
    const { clock, verdicts, server, watch } = watched();
    server.alive = false;
    clock.advance(SILENCE_MS);
    assert.deepEqual(verdicts, ['gone']);
    assert.deepEqual(server.probes, []);
    watch.stop();
  });

  it('leaves no timer behind and says nothing once it is stopped', async () => {
    const { clock, verdicts, watch } = watched();
    clock.advance(SILENCE_MS);
    watch.stop();
    await setImmediate();
    clock.advance(600_000);
    assert.deepEqual(verdicts, ['suspect']);
    assert.equal(clock.timers, 0);
  });
});
