import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Budget,
  freshBudget,
  isSpent,
  RESTART_WINDOW_MS,
  spend,
  viewBudget,
} from '../../../src/core/server/budget.ts';

const NOW = Date.UTC(2026, 0, 1);

function spent(times: number, limit = 3, now = NOW): Budget {
  let budget = freshBudget(limit);
  for (let i = 0; i < times; i += 1) budget = spend(budget, now, 0)?.budget ?? budget;
  return budget;
}

describe('the restart budget', () => {
  it('S-08: three restarts in five minutes: at once, after 5 s, after 15 s; the fourth is refused', () => {
    assert.deepEqual(
      [0, 1, 2, 3].map((used) => spend(spent(used), NOW, 0)?.waitMs),
      [0, 5_000, 15_000, undefined],
    );
    assert.equal(isSpent(spent(2), NOW), false);
    assert.equal(isSpent(spent(3), NOW), true);
  });

  it('S-08: jitter adds up to a fifth', () => {
    assert.equal(spend(spent(1), NOW, 1)?.waitMs, 6_000);
    assert.equal(spend(spent(2), NOW, 0.5)?.waitMs, 16_500);
    assert.equal(spend(spent(0), NOW, 1)?.waitMs, 0);
  });

  it('a larger limit goes on with the longest wait, a limit of 0 refuses the first', () => {
    assert.equal(spend(spent(9, 10), NOW, 0)?.waitMs, 15_000);
    assert.equal(spend(spent(10, 10), NOW, 0), undefined);
    assert.equal(spend(freshBudget(0), NOW, 0), undefined);
  });

  it('the window slides: what is five minutes old is free again', () => {
    assert.equal(isSpent(spent(3), NOW + RESTART_WINDOW_MS - 1), true);
    assert.equal(isSpent(spent(3), NOW + RESTART_WINDOW_MS), false);
  });

  it('a clock set back by a day does not keep it spent for a day', () => {
    assert.equal(isSpent(spent(3), NOW - 86_400_000), false);
  });

  it('C-14: it is shown as n of N', () => {
    assert.deepEqual(viewBudget(spent(2), NOW), { limit: 3, windowMs: RESTART_WINDOW_MS, used: 2 });
  });

  it('never grants more than its limit within any window', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(120_000), { maxLength: 60 }), fc.nat(6), (gaps, limit) => {
        let now = NOW;
        let budget = freshBudget(limit);
        const granted: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const paid = spend(budget, now, 0);
          if (paid === undefined) continue;
          budget = paid.budget;
          granted.push(now);
        }
        for (const at of granted) {
          const within = granted.filter((other) => other >= at && other < at + RESTART_WINDOW_MS);
          assert.ok(within.length <= limit);
        }
        assert.ok(budget.spentAt.length <= limit, 'its memory is bounded too');
      }),
    );
  });
});
