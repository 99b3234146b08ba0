import assert from 'node:assert/strict';
import { playAll } from './recovery/campaign.ts';
import { planKills } from './recovery/plan.ts';
import { line } from './recovery/table.ts';

/** The same points each time, so that a failure is one of the code and not of the dice; the long form rolls them. */
const SEED = 1;
const POINTS = 8;

describe('a turn whose server is killed at a random point', () => {
  it('C-16, R-01, R-04, R-05: ends ok, with nothing lost and nothing done twice', async function () {
    this.timeout(240_000);
    const played = await playAll(planKills(POINTS, SEED));
    assert.equal(
      played
        .filter(({ broken }) => broken.length > 0)
        .map(line)
        .join('\n'),
      '',
    );
  });
});
