import assert from 'node:assert/strict';
import { planPoint, planPoints } from './fake/plan.ts';
import type { Strike } from './fake/faults.ts';
import { play } from './fake/play.ts';
import { report } from './fake/table.ts';

/** The same points each time, so that a failure is one of the code and not of the dice; the long form rolls them. */
const SEED = 1;
/** Each kind of misbehaviour three times. */
const POINTS = 150;

/** Points with one strike alone, and chances of their own. */
async function brokenBy(strike: Strike): Promise<string[]> {
  const broken: string[] = [];
  for (let number = 1; number <= 10; number += 1) {
    const point = { ...planPoint(1, SEED), faults: { chains: [[strike]] }, number, seed: number };
    broken.push(...(await play(point)).broken);
  }
  return broken;
}

describe('a turn on an engine that misbehaves', () => {
  it('C-04, C-05, C-10, C-14, R-01, R-04, R-05, R-07, T-01, T-03, S-13: is settled once and in time, with nothing lost and nothing done twice', async function () {
    this.timeout(60_000);
    const broken: string[] = [];
    for (const point of planPoints(POINTS, SEED)) {
      const played = await play(point);
      if (played.broken.length > 0) broken.push(report(played, SEED));
    }
    assert.equal(broken.join('\n'), '');
  });

  it('S-14, T-01: goes on when the server is restarted in it, or ends', async () => {
    assert.deepEqual(await brokenBy({ at: 'prompt', nth: 1, deed: { do: 'restart' } }), []);
  });

  it('T-01: ends in the engine too when it was stopped before that had begun', async () => {
    assert.deepEqual(await brokenBy({ at: 'prompt', nth: 1, deed: { do: 'stop' } }), []);
  });
});
