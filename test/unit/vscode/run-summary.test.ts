import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JournalRecord, RecordBody } from '../../../src/core/journal/record.ts';
import { summarise } from '../../../src/vscode/run-summary.ts';

const started = {
  ...{
    kind: 'run-started',
    version: 1,
    runId: 'r',
    type: 'review',
    title: 'Review',
    workspace: '/w',
    engine: 'opencode',
  },
  ...{ demo: true, owner: { pid: 1, startedAt: 1 }, holdfast: '0.1.0', seq: 1, at: 1000 },
} as const satisfies JournalRecord;

describe('The summary of a run', () => {
  let folder: string;
  const lines = (records: readonly RecordBody[], from = 2): string =>
    records
      .map((record, index) => `${JSON.stringify({ seq: from + index, at: 2000, ...record })}\n`)
      .join('');
  const write = (...records: RecordBody[]): void =>
    writeFileSync(path.join(folder, 'journal-000001.jsonl'), `${JSON.stringify(started)}\n${lines(records)}`);
  const summary = (): ReturnType<typeof summarise> => summarise({ id: 'r', folder, info: started });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'summary-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('reads scope, findings and end', () => {
    write(
      {
        kind: 'scope',
        scope: {
          target: 'uncommitted',
          title: 'Uncommitted changes on main',
          root: '/w',
          files: [],
          skipped: [],
        },
      },
      { kind: 'findings', findings: [], dropped: [] },
      { kind: 'run-ended', outcome: 'ok', message: 'Nothing to review.' },
    );
    const { scope, findings, outcome, message, demo } = summary();
    assert.deepEqual(
      { scope, findings, outcome, message, demo },
      {
        scope: 'Uncommitted changes on main',
        findings: 0,
        outcome: 'ok',
        message: 'Nothing to review.',
        demo: true,
      },
    );
  });

  it('finds the end of a journal of megabytes without reading it whole', () => {
    write({
      kind: 'scope',
      scope: { target: 'uncommitted', title: 'Big', root: '/w', files: [], skipped: [] },
    });
    const file = path.join(folder, 'journal-000001.jsonl');
    appendFileSync(
      file,
      lines(
        Array.from({ length: 4000 }, () => ({ kind: 'note', level: 'info', text: 'x'.repeat(500) }) as const),
      ),
    );
    appendFileSync(file, lines([{ kind: 'run-ended', outcome: 'session-stalled' }], 5000));
    assert.deepEqual([summary().scope, summary().outcome], ['Big', 'session-stalled']);
  });

  it('has no outcome while a later turn is under way', () => {
    const prompt = { messageId: 'm', partId: 'p', text: 'more' };
    write(
      { kind: 'run-ended', outcome: 'ok' },
      { kind: 'turn-drafted', turnId: 't2', sessionId: 's', prompt, label: '' },
    );
    assert.equal(summary().outcome, undefined);
  });

  it('goes on with what can be read of a torn journal, and of none', () => {
    write({ kind: 'run-ended', outcome: 'error' });
    appendFileSync(path.join(folder, 'journal-000001.jsonl'), '{"kind":"run-en');
    assert.equal(summary().outcome, 'error');
    assert.equal(summarise({ id: 'x', folder: path.join(folder, 'gone'), info: undefined }).title, 'x');
  });
});
