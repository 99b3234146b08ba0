import assert from 'node:assert/strict';
import { DEAF_MS, deafAfter, doubt, nextLook, READ_TICK_MS } from '../../../src/core/stream/deafness.ts';

const HOUR = 3_600_000;

describe('whether an open stream is to be trusted', () => {
  it('C-03: it is looked at every ten seconds, and at the moment at which its silence is too long', () => {
    assert.equal(nextLook(0, DEAF_MS, 0), READ_TICK_MS);
    assert.equal(nextLook(0, DEAF_MS, 20_000), 5000);
    assert.equal(nextLook(0, DEAF_MS, 25_000), READ_TICK_MS);
    assert.equal(nextLook(0, 2000, 60_000), 2000);
  });

  it('is no question while something comes, and while a process was busy for a moment', () => {
    assert.equal(doubt({ heardAt: 0, dueAt: 10_000 }, DEAF_MS, 10_000), undefined);
    assert.equal(doubt({ heardAt: 0, dueAt: 10_000 }, DEAF_MS, 14_000), undefined);
  });

  it('is one after a silence, and after a look that came hours late or, by a clock set back, hours early', () => {
    assert.equal(doubt({ heardAt: 0, dueAt: DEAF_MS }, DEAF_MS, DEAF_MS), 'silent');
    assert.equal(doubt({ heardAt: HOUR, dueAt: HOUR + 10_000 }, DEAF_MS, 3 * HOUR), 'slept');
    assert.equal(doubt({ heardAt: HOUR, dueAt: HOUR + 10_000 }, DEAF_MS, 10_000), 'slept');
  });

  it('C-07: the limit for heartbeats is the rule of the stream unless the user sets one', () => {
    assert.deepEqual([deafAfter(0, 0), deafAfter(60_000, 0)], [DEAF_MS, 60_000]);
  });
});
