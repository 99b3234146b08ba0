import assert from 'node:assert/strict';
import { Recomputation } from '../../../src/cli/recompute.ts';
import { incidentReport } from '../../../src/core/journal/incident-report.ts';
import { type JournalRecord, parseRecord } from '../../../src/core/journal/record.ts';
import { newRunState, stepRun } from '../../../src/core/journal/state.ts';
import {
  answer,
  begin,
  busy,
  delta,
  PROMPT,
  SESSION,
  type Story,
  text,
  tool,
  userPart,
} from '../support/story.ts';

const SECRET = 'correct horse battery staple';

/** A turn whose server died under a command, after text that was cut. */
function cut(): Story {
  const story = begin().tell(
    {
      kind: 'turn-drafted',
      turnId: 't1',
      sessionId: SESSION,
      prompt: { ...PROMPT, text: SECRET },
      label: SECRET,
      recovery: 'auto',
    },
    { kind: 'attempt-started', turnId: 't1', attempt: 1 },
    { kind: 'prompt-send-started', turnId: 't1' },
    { kind: 'prompt-send-completed', turnId: 't1' },
  );
  story.events(userPart, busy, answer({}), text(''), delta(SECRET));
  story.events(tool('running', { tool: 'bash', class: 'effectful', summary: SECRET }));
  story.events(tool('running', { id: 'prt_own', tool: SECRET, class: 'unknown', summary: SECRET }));
  const exit = { signal: 'SIGKILL', stderrTail: SECRET, expected: false };
  return story
    .tell({ kind: 'server', generation: 1, state: 'stopped', exit, reason: SECRET })
    .tell({ kind: 'server', generation: 2, state: 'ready' })
    .tell({ kind: 'stream', generation: 2, state: 'open' })
    .tell({ kind: 'synced', turnId: 't1', status: 'idle' })
    .tell({ kind: 'recovery-answered', turnId: 't1', choice: 'keep' });
}

function kindsOf(records: readonly JournalRecord[]): string[] {
  return records.map((record) =>
    record.kind === 'decision' ? `${record.kind} ${record.rule} ${record.decision}` : record.kind,
  );
}

describe('an incident report', () => {
  it('R-10: has nothing in it that was said, done or named', () => {
    const written = JSON.stringify(incidentReport(cut().records));
    assert.equal(written.includes(SECRET), false);
    assert.equal(JSON.stringify(cut().records).includes(SECRET), true);
  });

  it('R-10: is a journal, in which the same decisions are taken again', () => {
    const { records } = cut();
    const report = incidentReport(records);
    assert.deepEqual(kindsOf(report), [...kindsOf(records), 'note']);
    assert.ok(kindsOf(report).includes('decision 6 ask'));
    const state = newRunState();
    const recomputation = new Recomputation();
    for (const record of report) {
      assert.deepEqual(parseRecord(structuredClone(record)), record);
      recomputation.take(record, stepRun(state, record), state);
    }
    recomputation.finish(true);
    assert.deepEqual(recomputation.differences, []);
  });

  it('R-10: sums up incidents, decisions, outcomes and side effects', () => {
    const note = incidentReport(cut().records).at(-1);
    assert.match(
      note?.kind === 'note' ? note.text : '',
      /format 1\..*Incidents: The server was killed \(SIGKILL, signal 9\)\. Decisions: ask \(rule 6\)\. Turns: t1 interrupted\. .*not known: 2\.$/,
    );
  });

  it('is empty for a journal that is', () => assert.deepEqual(incidentReport([]), []));
});
