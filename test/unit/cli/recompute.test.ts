import assert from 'node:assert/strict';
import { Recomputation } from '../../../src/cli/recompute.ts';
import { RunFold } from '../../../src/cli/run-fold.ts';
import type { JournalRecord } from '../../../src/core/journal/record.ts';
import { finished, idle, running, type Story } from '../support/story.ts';

/** The differences that a journal of these records shows. */
function differences(records: readonly JournalRecord[], isWhole = true): string[] {
  const fold = new RunFold();
  const recomputation = new Recomputation();
  for (const record of records) recomputation.take(record, fold.take(record), fold.state);
  recomputation.finish(isWhole);
  return recomputation.differences;
}

const ended = (): Story => running().events(finished(), idle);

describe('the decisions of a journal, taken again', () => {
  it('are the same from the same records', () => {
    const { records } = ended();
    assert.equal(records.at(-1)?.kind, 'run-ended');
    assert.deepEqual(differences(records), []);
  });

  it('differ where the journal has another outcome', () => {
    const records = ended().records.map((record) =>
      record.kind === 'turn-settled' ? { ...record, outcome: 'incomplete' as const } : record,
    );
    const found = differences(records);
    assert.match(found[0] ?? '', /the journal has turn-settled incomplete, now decided: turn-settled ok/);
  });

  it('differ where the journal has a decision too many, or one too few', () => {
    const extra: JournalRecord = {
      seq: 99,
      at: 0,
      kind: 'turn-settled',
      turnId: 't1',
      outcome: 'ok',
      inferred: false,
    };
    assert.match(
      differences([...running().records, extra])[0] ?? '',
      /turn-settled ok, now decided: nothing/,
    );
    const { records } = ended();
    const without = records.filter((record) => record.kind !== 'run-ended');
    assert.match(differences(without)[0] ?? '', /not in the journal: run-ended ok/);
    assert.deepEqual(differences(without, false), [], 'a torn journal may lack its last decision');
  });

  it('T-06: do not differ where the end was written by whoever found the run', () => {
    const story = running().tell({
      kind: 'turn-settled',
      turnId: 't1',
      outcome: 'interrupted',
      inferred: true,
    });
    assert.deepEqual(differences(story.records), []);
  });
});
