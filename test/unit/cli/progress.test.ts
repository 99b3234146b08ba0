import assert from 'node:assert/strict';
import { formatLine, type Line, plainLine } from '../../../src/cli/plain-text.ts';
import { duration, Progress } from '../../../src/cli/progress.ts';
import { answerText, findingsText } from '../../../src/cli/result.ts';
import { RunFold } from '../../../src/cli/run-fold.ts';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { retrySentence } from '../../../src/core/recovery/wording.ts';
import type { Finding, ReviewScope } from '../../../src/core/review/finding.ts';
import {
  answer,
  begin,
  busy,
  finished,
  idle,
  running,
  SESSION,
  type Story,
  text,
  tool,
} from '../support/story.ts';

const SCOPE: ReviewScope = {
  target: 'uncommitted',
  title: 'Uncommitted changes on main',
  root: '/w',
  files: [{ file: 'src/pay.ts', status: 'modified', areas: ['unstaged'], additions: 3, deletions: 1 }],
  skipped: [{ file: 'logo.png', reason: 'binary' }],
};
const FINDING: Finding = {
  id: 'f1',
  severity: 'high',
  confidence: 'high',
  title: 'A timed-out charge is sent again',
  body: 'First.\n\nSecond.',
  file: 'src/pay.ts',
  anchor: 'x',
  range: { start: 42, end: 43 },
  anchored: 'exact',
};

/** What a person is told of a story, as it looks without colour. */
function told(story: Story, findings = true): string[] {
  const fold = new RunFold();
  const progress = new Progress({ findings });
  return story.records.flatMap((record) => {
    fold.take(record);
    return progress.lines(record, fold.state, () => fold.header()).map((line) => formatLine(line, false));
  });
}

function reviewed(): Story {
  const findings: RecordBody = { kind: 'findings', findings: [FINDING], dropped: [] };
  return begin('review')
    .tell({ kind: 'scope', scope: SCOPE })
    .tell(
      { kind: 'server', generation: 2, state: 'starting' },
      { kind: 'server', generation: 2, state: 'starting' },
    )
    .after(2100)
    .tell(
      { kind: 'server', generation: 2, state: 'ready', engineVersion: '1.18.33' },
      { kind: 'server', generation: 2, state: 'ready', engineVersion: '1.18.33' },
    )
    .events(tool('running'), tool('completed', { startedAt: 0, endedAt: 100 }), tool('completed'))
    .tell({ kind: 'gate', stepId: 'inspect', verdict: 'repair', problems: ['no anchor', 'no file'] })
    .tell(findings)
    .events(answer({ tokens: { input: 37_000, output: 900, reasoning: 0, cacheRead: 0, cacheWrite: 0 } }))
    .after(9900)
    .tell({ kind: 'run-ended', outcome: 'ok', message: '1 finding.' });
}

describe('progress', () => {
  it('tells a review in lines, and nothing twice', () => {
    assert.deepEqual(told(reviewed()), [
      'server   opencode ready',
      'scope    Uncommitted changes on main · 1 file, +3 −1 (1 skipped)',
      'step     Inspect the changes',
      'server   starting',
      'server   opencode 1.18.33 ready (2.1 s)',
      'tool     Run npm test (0.1 s)',
      'check    the answer was not usable: no anchor (and 1 more)',
      'finding  high  src/pay.ts:42  A timed-out charge is sent again',
      'done     1 finding · 0:12 · 38k tokens',
    ]);
  });

  it('leaves the findings to the result where they are one', () => {
    assert.ok(!told(reviewed(), false).some((line) => line.startsWith('finding')));
  });

  it('C-01: names how a run ended, with its sentence', () => {
    const labels = ['error', 'incomplete', 'server-unreachable', 'session-stalled', 'interrupted'] as const;
    const lines = labels.map((outcome) =>
      told(begin().tell({ kind: 'run-ended', outcome, message: 'So it is.' })).at(-1),
    );
    assert.deepEqual(lines, [
      'failed   So it is. · 0:00',
      'partial  So it is. · 0:00',
      'failed   So it is. · 0:00',
      'stalled  So it is. · 0:00',
      'stopped  So it is. · 0:00',
    ]);
  });

  it('tells of the engine’s own retries, of asks and of their answers', () => {
    const story = running()
      .events({
        type: 'status',
        sessionId: SESSION,
        status: { type: 'retry', attempt: 2, message: 'Overloaded', nextAt: 0 },
      })
      .events(busy)
      .events({
        type: 'ask',
        sessionId: SESSION,
        ask: {
          type: 'permission',
          id: 'a1',
          sessionId: SESSION,
          permission: 'bash',
          patterns: ['npm test'],
          always: [],
        },
      })
      .tell({ kind: 'answered', askId: 'a1', answer: { type: 'permission', reply: 'reject' } });
    assert.deepEqual(told(story).slice(-3), [
      `retry    ${retrySentence({ attempt: 2, nextAt: 0 })}: Overloaded`,
      'asks     permission for bash: npm test',
      'answer   denied',
    ]);
  });

  it('counts the time of a prompt from the prompt, not from the session', () => {
    const story = begin().after(60_000);
    story.tell({
      kind: 'turn-drafted',
      turnId: 't1',
      sessionId: SESSION,
      prompt: { messageId: 'm', partId: 'p', text: 'Do it\nnow' },
      label: '',
    });
    story.after(5000).tell({ kind: 'turn-settled', turnId: 't1', outcome: 'ok', inferred: false });
    assert.deepEqual(told(story).slice(-2), ['prompt   Do it', 'done     0:05']);
  });

  it('writes long times with hours', () => {
    assert.deepEqual([0, 12_400, 61_000, 3_723_000].map(duration), ['0:00', '0:12', '1:01', '1:02:03']);
  });
});

describe('text for a terminal', () => {
  it('holds nothing that a terminal would act on', () => {
    const hostile = '\u001b]52;c;aGk=\u0007\u001b[2Jred\u202e txt\r\nnext\u009b1m';
    assert.equal(plainLine(hostile), ']52;c;aGk=[2Jred txt next1m');
  });

  it('is coloured only when asked', () => {
    const line: Line = { label: 'done', text: 'x', tone: 'good' };
    assert.equal(formatLine(line, false), 'done     x');
    assert.equal(formatLine(line, true), '\u001b[32mdone     \u001b[0mx');
  });
});

describe('results', () => {
  it('of a review list what was found, what was left out and what was skipped', () => {
    const story = begin('review').tell(
      { kind: 'scope', scope: SCOPE },
      { kind: 'findings', findings: [FINDING], dropped: [{ title: 'Odd', reason: 'no such file' }] },
    );
    assert.equal(
      findingsText(story.state),
      [
        '1 finding · 1 file reviewed, 1 skipped, 1 finding left out',
        'high  src/pay.ts:42  A timed-out charge is sent again\n    First.\n\n    Second.',
        'left out  Odd: no such file\nskipped  logo.png: binary',
      ].join('\n\n'),
    );
  });

  it('of a review that failed are none, and of one without changes are said', () => {
    assert.equal(findingsText(begin('review').state), undefined);
    const empty = begin('review').tell(
      { kind: 'scope', scope: { ...SCOPE, files: [], skipped: [] } },
      { kind: 'findings', findings: [], dropped: [] },
    );
    assert.equal(findingsText(empty.state), 'Nothing to review.');
  });

  it('T-08: of a prompt are the last thing said, not the steps before', () => {
    const story = running().events(
      text('Let me look.'),
      finished({ finish: 'tool-calls' }),
      finished({ id: 'msg_b' }),
      text('It is \u001b[31mfine\u001b[0m.', { id: 'prt_b', messageId: 'msg_b' }),
      idle,
    );
    assert.equal(answerText(story.state), 'It is [31mfine[0m.');
    assert.equal(answerText(begin().state), undefined);
  });
});
