import assert from 'node:assert/strict';
import { below } from '../../../src/cli/descendants.ts';

describe('what this process has started', () => {
  it('is everything below it, and nothing else', () => {
    const parents = [
      [1, 0],
      [10, 1],
      [20, 10],
      [30, 20],
      [40, 1],
      [50, 40],
    ] as const;
    assert.deepEqual(new Set(below(10, parents)), new Set([20, 30]));
    assert.deepEqual(below(50, parents), []);
  });

  it('ends also where the list has a loop, as one that was read in pieces may', () => {
    const parents = [
      [2, 1],
      [1, 2],
    ] as const;
    assert.deepEqual(new Set(below(1, parents)), new Set([1, 2]));
  });
});
