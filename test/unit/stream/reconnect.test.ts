import assert from 'node:assert/strict';
import { reconnectDelay } from '../../../src/core/stream/reconnect.ts';

describe('waits before the stream is opened again', () => {
  it('begin short, grow, and stay bounded', () => {
    const waits = Array.from({ length: 50 }, (_, failures) => reconnectDelay(failures));
    assert.deepEqual(waits.slice(0, 6), [250, 500, 1000, 2000, 5000, 5000]);
    assert.equal(Math.max(...waits), 5000);
  });

  it('are never zero: a stream that ends at once is no hot loop', () => {
    assert.ok(reconnectDelay(0) > 0);
  });
});
