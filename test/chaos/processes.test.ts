import assert from 'node:assert/strict';
import { playAll } from './campaign.ts';
import { planKills, planReturns } from './plan.ts';
import type { Played } from './play.ts';
import { line } from './table.ts';

/** The same points each time, so that a failure is one of the code and not of the dice; the long form rolls them. */
const SEED = 1;

describe('what is struck at random', () => {
  let played: Played[];

  before(async function () {
    this.timeout(120_000);
    // The longest first.
    played = await playAll([...planReturns(2, SEED), ...planKills(6, SEED)]);
  });

  const broken = (mustEndWell: boolean): string =>
    played
      .filter((one) => one.point.mustEndWell === mustEndWell && one.broken.length > 0)
      .map(line)
      .join('\n');

  it('S-10: a kill leaves no process, no run that goes on for ever, nothing done twice, no stranger harmed', () =>
    assert.equal(broken(false), ''));

  it('S-10: a window that is killed or leaves and comes back loses nothing', () =>
    assert.equal(broken(true), ''));
});
