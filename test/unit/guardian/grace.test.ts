import assert from 'node:assert/strict';
import { graceMs, ORDER_MS } from '../../../src/node/guardian/grace.ts';

describe('the grace of a client that has gone', () => {
  it('follows its last word', () => {
    const graces = { busyMs: 120_000, idleMs: 10_000 };
    assert.equal(graceMs('busy', graces), 120_000);
    assert.equal(graceMs('idle', graces), 10_000);
    assert.equal(graceMs('ordered', graces), 10_000);
  });

  it('gives whoever ordered a server the time to come, however short the grace is', () => {
    assert.equal(graceMs('ordered', { busyMs: 1_000, idleMs: 1_000 }), ORDER_MS);
    assert.equal(graceMs('idle', { busyMs: 1_000, idleMs: 1_000 }), 1_000);
  });
});
