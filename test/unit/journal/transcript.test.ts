import assert from 'node:assert/strict';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { JournalRecord, RecordBody } from '../../../src/core/journal/record.ts';
import { newTranscript, transcriptLines, transcriptMarkdown } from '../../../src/core/journal/transcript.ts';

const AT = Date.UTC(2026, 2, 2, 9, 0, 0);
const records = (...bodies: RecordBody[]): JournalRecord[] =>
  bodies.map((body, index) => ({ seq: index + 1, at: AT, ...body }));
const event = (of: EngineEvent): RecordBody => ({ kind: 'event', event: of });
const delta = (text: string, partId = 'p1'): RecordBody =>
  event({ type: 'delta', sessionId: 's', messageId: 'm', partId, text });
const whole = (text: string, done = true): RecordBody =>
  event({
    type: 'part',
    sessionId: 's',
    messageId: 'm',
    part: { type: 'text', id: 'p1', text, ...(done ? { endedAt: AT } : {}) },
  });
const started: RecordBody = {
  ...{
    kind: 'run-started',
    version: 1,
    runId: 'r1',
    type: 'prompt',
    title: 'New session',
    workspace: '/w',
    engine: 'opencode',
  },
  ...{ demo: false, owner: { pid: 1, startedAt: 1 }, holdfast: '0.1.0' },
};
const ready: RecordBody = { kind: 'session-ready', sessionId: 's', title: 'Fix it' };

function lines(...bodies: RecordBody[]): string[] {
  const transcript = newTranscript();
  return records(...bodies).flatMap((record) => transcriptLines(record, transcript));
}

describe('The transcript', () => {
  it('says what was asked, said and done, in order', () => {
    const tool = {
      type: 'tool',
      id: 't',
      callId: 'c',
      tool: 'read',
      title: 'Read',
      class: 'read-only',
      status: 'completed',
      summary: 'src/a.ts',
      output: 'one\ntwo',
    } as const;
    assert.deepEqual(
      lines(
        ready,
        {
          kind: 'turn-drafted',
          turnId: 't1',
          sessionId: 's',
          prompt: { messageId: 'u', partId: 'up', text: 'Why?\nTell me.' },
          label: '',
        },
        event({ type: 'part', sessionId: 's', messageId: 'm', part: tool }),
        delta('Because.\nAnd'),
        delta(' so.'),
        whole('Because.\nAnd so.'),
        { kind: 'turn-settled', turnId: 't1', outcome: 'ok', inferred: false },
      ),
      [
        ...[
          '09:00:00 Session: Fix it',
          '09:00:00 You:',
          '  Why?',
          '  Tell me.',
          '09:00:00 Read: src/a.ts',
          '  one',
          '  two',
        ],
        ...['09:00:00 Agent:', '  Because.', '  And so.', '09:00:00 Turn ended: Done'],
      ],
    );
  });

  it('follows a text a line at a time, as it comes', () => {
    const transcript = newTranscript();
    const [first, second, third] = records(delta('one\ntw'), delta('o'), delta('\n'));
    assert.ok(first && second && third);
    assert.deepEqual(
      [first, second, third].map((record) => transcriptLines(record, transcript)),
      [['09:00:00 Agent:', '  one'], [], ['  two']],
    );
  });

  it('keeps a text that was cut off, and says so', () => {
    assert.deepEqual(
      lines(delta('half a li'), {
        kind: 'turn-settled',
        turnId: 't1',
        outcome: 'server-unreachable',
        inferred: false,
        message: 'The server was killed.',
      }),
      [
        '09:00:00 Agent:',
        '  half a li',
        '  (cut off here)',
        '09:00:00 Turn ended: Server gone. The server was killed.',
      ],
    );
  });

  it('gives a text again in whole when a piece of it was missed', () => {
    assert.deepEqual(lines(delta('tail\n'), whole('head and tail\n')).slice(2), [
      '09:00:00 Agent (again, whole):',
      '  head and tail',
    ]);
  });

  it('repeats neither the prompt nor a tool', () => {
    const mine = event({
      type: 'part',
      sessionId: 's',
      messageId: 'u',
      part: { type: 'text', id: 'up', text: 'Why?', endedAt: AT },
    });
    const draft: RecordBody = {
      kind: 'turn-drafted',
      turnId: 't1',
      sessionId: 's',
      prompt: { messageId: 'u', partId: 'up', text: 'Why?' },
      label: '',
    };
    const tool = event({
      type: 'part',
      sessionId: 'child',
      messageId: 'm',
      part: {
        type: 'tool',
        id: 't',
        callId: 'c',
        tool: 'bash',
        class: 'unknown',
        status: 'error',
        summary: 'ls',
        error: 'no',
      },
    });
    assert.deepEqual(lines(ready, draft, mine, tool, tool).slice(1), [
      '09:00:00 You:',
      '  Why?',
      '09:00:00 bash (sub-agent) failed: ls',
      '  no',
    ]);
  });

  it('is bounded: long lines are cut, of long outputs the tail is kept', () => {
    const output = Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n');
    const tool = event({
      type: 'part',
      sessionId: 's',
      messageId: 'm',
      part: {
        type: 'tool',
        id: 't',
        callId: 'c',
        tool: 'bash',
        class: 'unknown',
        status: 'completed',
        summary: 'x'.repeat(5000),
        output,
      },
    });
    const written = lines(ready, tool).slice(1);
    assert.equal(written.length, 42);
    assert.equal(written[1], '  … 60 lines before');
    assert.equal(written.at(-1), '  line 99');
    assert.ok(written.every((line) => line.length <= 2002));
  });

  it('is one Markdown document that no text can break out of', () => {
    const text = transcriptMarkdown(
      records(started, ready, whole('```\n# Not a heading\n![x](https://example.org/x.png)')),
    );
    assert.match(text, /^# Transcript: New session\n\n2026-03-02T09:00:00\.000Z, run `r1`/);
    assert.match(text, /\n````text\n[\s\S]*\n````\n$/);
  });

  it('marks the demo model', () => {
    assert.match(transcriptMarkdown(records({ ...started, demo: true } as RecordBody)), /\*\*Demo\.\*\*/);
  });
});
