import assert from 'node:assert/strict';
import { exitCode, OUTCOMES } from '../../src/core/outcome.ts';

describe('outcome', () => {
  it('C-01: each has its exit code, and an unknown one reads as an error', () => {
    assert.deepEqual(
      OUTCOMES.map((outcome) => [outcome, exitCode(outcome)]),
      [
        ['ok', 0],
        ['error', 1],
        ['incomplete', 2],
        ['server-unreachable', 3],
        ['session-stalled', 4],
        ['interrupted', 130],
      ],
    );
    assert.equal(exitCode('something new'), 1);
  });
});
