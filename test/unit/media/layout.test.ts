import assert from 'node:assert/strict';
import type { Row } from '../../../src/core/protocol.ts';
import { layout } from '../../../media/layout.ts';
import type { Entry } from '../../../media/store.ts';

const tool = (id: string): Row => ({ kind: 'tool', id, title: 'Read', summary: '', status: 'completed' });
const text = (id: string): Row => ({ kind: 'text', id, text: id, done: true });
const entries = (rows: Row[]): Entry[] => rows.map((row, ordinal) => ({ ordinal, row }));

describe('layout of rows', () => {
  it('puts tools that follow one another into one box', () => {
    const [section] = layout(entries([text('a'), tool('b'), tool('c'), text('d'), tool('e')]));
    assert.deepEqual(
      section?.groups.map((group) =>
        group.kind === 'tools' ? group.rows.map((row) => row.id) : group.entry.row.id,
      ),
      ['a', ['b', 'c'], 'd', ['e']],
    );
  });

  it('draws only what changed: one group of 5,000 rows for a change, nothing for none', () => {
    const before = entries(Array.from({ length: 5000 }, (_, index) => text(`r${index}`)));
    const old = layout(before);
    const after = before.slice();
    after[4321] = { ordinal: 4321, row: { ...text('r4321'), text: 'new' } as Row };
    const next = layout(after, old);
    const changed = next.filter((section, index) => section !== old[index]);
    assert.equal(changed.length, 1);
    const groups = changed[0]?.groups.filter(
      (group) => !old.some((section) => section.groups.includes(group)),
    );
    assert.equal(groups?.length, 1);
    assert.ok(layout(after.slice(), next).every((section, index) => section === next[index]));
  });

  it('moves no other row when the first ones are dropped', () => {
    const before = entries(Array.from({ length: 300 }, (_, index) => text(`r${index}`)));
    const old = layout(before);
    const next = layout(before.slice(10), old);
    assert.equal(next.filter((section) => !old.includes(section)).length, 1);
  });
});
