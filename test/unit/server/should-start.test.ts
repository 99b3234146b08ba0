import assert from 'node:assert/strict';
import { shouldStart, type StartDecision } from '../../../src/core/server/should-start.ts';

/** Columns: attached, process alive, start in flight, stop in flight, budget spent. */
const ROWS: Record<string, StartDecision> = {
  '- - - - -': 'start',
  '- - - - S': 'refuse',
  '- - - X -': 'remember',
  '- - - X S': 'remember',
  '- - F - -': 'join',
  '- - F - S': 'join',
  '- - F X -': 'remember',
  '- - F X S': 'remember',
  '- A - - -': 'reuse',
  '- A - - S': 'reuse',
  '- A - X -': 'remember',
  '- A - X S': 'remember',
  '- A F - -': 'join',
  '- A F - S': 'join',
  '- A F X -': 'remember',
  '- A F X S': 'remember',
  'U - - - -': 'connect',
  'U - - - S': 'connect',
  'U - - X -': 'connect',
  'U - - X S': 'connect',
  'U - F - -': 'connect',
  'U - F - S': 'connect',
  'U - F X -': 'connect',
  'U - F X S': 'connect',
  'U A - - -': 'connect',
  'U A - - S': 'connect',
  'U A - X -': 'connect',
  'U A - X S': 'connect',
  'U A F - -': 'connect',
  'U A F - S': 'connect',
  'U A F X -': 'connect',
  'U A F X S': 'connect',
};

describe('whether asking for a server starts one', () => {
  it('S-01: all 32 rows are there', () => {
    assert.equal(Object.keys(ROWS).length, 32);
  });

  for (const [row, expected] of Object.entries(ROWS)) {
    it(`S-01: ${row} → ${expected}`, () => {
      const [attached, processAlive, startInFlight, stopInFlight, budgetSpent] = row
        .split(' ')
        .map((mark) => mark !== '-') as [boolean, boolean, boolean, boolean, boolean];
      assert.equal(
        shouldStart({ attached, processAlive, startInFlight, stopInFlight, budgetSpent }),
        expected,
      );
    });
  }
});
