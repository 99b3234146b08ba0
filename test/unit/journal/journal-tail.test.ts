import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JournalTail } from '../../../src/node/journal/journal-tail.ts';
import type { JournalRecord } from '../../../src/core/journal/record.ts';

const line = (seq: number, text: string): string =>
  `${JSON.stringify({ seq, at: 0, kind: 'note', level: 'info', text } satisfies JournalRecord)}\n`;

describe('a journal read while it grows', () => {
  let folder: string;
  let first: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-tail-'));
    first = join(folder, 'journal-000001.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const seqs = (tail: JournalTail): number[] => tail.read().records.map(({ seq }) => seq);

  it('gives each record once, and a half-written one when it is whole', () => {
    const tail = new JournalTail(folder);
    assert.deepEqual(seqs(tail), []);
    writeFileSync(first, line(1, 'a'));
    assert.deepEqual(seqs(tail), [1]);
    const next = Buffer.from(line(2, 'Größe'));
    // Between the two bytes of a character.
    const cut = next.indexOf(0xc3) + 1;
    appendFileSync(first, next.subarray(0, cut));
    assert.deepEqual(seqs(tail), []);
    appendFileSync(first, next.subarray(cut));
    const { records, problems } = tail.read();
    assert.deepEqual([records[0]?.kind === 'note' && records[0].text, problems], ['Größe', []]);
    assert.deepEqual(seqs(tail), []);
  });

  it('goes on in the next file, and takes lines longer than what is read at once', () => {
    const tail = new JournalTail(folder);
    const long = 'x'.repeat(3 * 1024 * 1024);
    writeFileSync(first, line(1, 'a') + line(2, long));
    writeFileSync(join(folder, 'journal-000002.jsonl'), line(3, 'c'));
    assert.deepEqual(seqs(tail), [1, 2, 3]);
    appendFileSync(join(folder, 'journal-000002.jsonl'), line(4, 'd'));
    assert.deepEqual(seqs(tail), [4]);
  });

  it('T-07: names what is torn and goes on behind it', () => {
    writeFileSync(
      first,
      `${line(1, 'a')}{"seq":2,"at\n${line(3, 'c')}{"seq":4,"kind":"from-the-future","at":0}\n`,
    );
    const { records, problems } = new JournalTail(first).read();
    assert.deepEqual(
      records.map(({ seq }) => seq),
      [1, 3],
    );
    assert.deepEqual(problems, ['journal-000001.jsonl: torn line']);
  });
});
