import assert from 'node:assert/strict';
import { Recomputation } from '../../../src/cli/recompute.ts';
import { answerText } from '../../../src/cli/result.ts';
import { RunFold } from '../../../src/cli/run-fold.ts';
import type { EngineError, EngineEvent } from '../../../src/core/engine.ts';
import { incidentReport } from '../../../src/core/journal/incident-report.ts';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import type { RecoveryMode } from '../../../src/core/recovery/incident.ts';
import {
  answer,
  busy,
  delta,
  finished,
  idle,
  running as runningIn,
  sent,
  SESSION,
  type Story,
  text,
  tool,
  userPart,
} from '../support/story.ts';

const running = (mode: RecoveryMode = 'auto'): Story => runningIn('prompt', mode);
const mended: RecordBody = { kind: 'session-mended', turnId: 't1' };
const synced = (status: RecordOf<'synced'>['status']): RecordBody => ({
  kind: 'synced',
  turnId: 't1',
  status,
});
const says = (choice: RecordOf<'recovery-answered'>['choice']): RecordBody => ({
  kind: 'recovery-answered',
  turnId: 't1',
  choice,
});
const refused: EngineError = {
  name: 'APIError',
  message: 'Incorrect API key provided: sk-1',
  status: 401,
  retriable: false,
  detail: '{"error":{"message":"Incorrect API key provided: sk-1"}}',
};
const overloaded: EngineError = { name: 'APIError', message: 'Overloaded', status: 503, retriable: true };
const retry = (attempt: number, nextAt: number): EngineEvent => ({
  type: 'status',
  sessionId: SESSION,
  status: { type: 'retry', attempt, message: 'raw words', nextAt },
});
/** As opencode 1.18.33 tells the end of a model call that it gives up. */
const givenUp = (error: EngineError): EngineEvent[] => [
  { type: 'error', sessionId: SESSION, error },
  idle,
  answer({ completedAt: 2, error }),
  idle,
];
const decisions = (story: Story): string[] =>
  story.records.flatMap((record) =>
    record.kind === 'decision' ? [`${record.rule} ${record.decision} ${record.n}/${record.limit}`] : [],
  );
const incidents = (story: Story): RecordOf<'incident'>[] =>
  story.records.filter((record) => record.kind === 'incident');
const sends = (story: Story): number => story.effects.filter(({ type }) => type === 'send').length;
const requests = (story: Story): string[] =>
  story.effects.flatMap(({ type }) => (type === 'timer' || type === 'cancel-timer' ? [] : [type]));
const notes = (story: Story): string[] =>
  story.records.flatMap((record) => (record.kind === 'note' ? [record.text] : []));

describe('a model call that the engine gives up', () => {
  it('R-11: is an incident, offered once the session was read back, and not sent again by itself', () => {
    const story = running().events(...givenUp(refused));
    assert.deepEqual(
      incidents(story).map(({ cause }) => cause),
      [{ type: 'model-failed', trouble: 'sign-in', retriable: false, tries: 1, status: 401 }],
    );
    assert.deepEqual(requests(story), ['send', 'recover']);
    story.each(synced('idle'));
    assert.deepEqual(decisions(story), ['10 offer 0/3']);
    assert.equal(story.state.turn?.phase, 'asking');
    assert.deepEqual(story.armed, [], 'the user has all the time');
    assert.equal(sends(story), 1);
  });

  it('R-09: is explained in our words; the provider’s are in the details', () => {
    const story = running()
      .events(...givenUp(refused))
      .each(synced('idle'));
    const [card] = story.rows('card');
    assert.match(card?.text ?? '', /^The model’s provider did not accept the sign-in \(HTTP 401\)\. /);
    assert.doesNotMatch(JSON.stringify({ ...card, details: '' }), /sk-1/);
    assert.match(card?.details ?? '', /sk-1/);
    assert.deepEqual(card?.actions, ['continue', 'keep-as-is', 'restart-server', 'show-log']);
  });

  it('R-11: says how often the engine has asked by then', () => {
    const story = running().events(retry(1, 2000), busy, retry(5, 3000), busy, ...givenUp(overloaded));
    const [incident] = incidents(story);
    assert.ok(incident?.cause.type === 'model-failed');
    assert.equal(incident.cause.tries, 6);
    story.each(synced('idle'));
    assert.match(story.rows('card')[0]?.text ?? '', /\(HTTP 503\)\. The engine has asked 6 times\. /);
  });

  it('a retry that went well is not counted among those of a later answer', () => {
    const story = running().events(retry(2, 2000), busy, answer({ completedAt: 2, finish: 'tool-calls' }));
    story.events(answer({ id: 'msg_b' }), { type: 'error', sessionId: SESSION, error: overloaded });
    story.events(answer({ id: 'msg_b', completedAt: 3, error: overloaded }), idle);
    const [incident] = incidents(story);
    assert.equal(incident?.cause.type === 'model-failed' && incident.cause.tries, 1);
  });

  it('C-15: goes on in the same session with the same ids when the user says so', () => {
    const story = running().events(text('Half', { endedAt: 2 }), ...givenUp(overloaded));
    story.each(synced('idle'), says('go-on'), synced('idle'), mended);
    assert.deepEqual(decisions(story), ['10 offer 0/3', '9 resume 0/3']);
    assert.equal(sends(story), 2);
    const notice = story.records.findLast((record) => record.kind === 'attempt-started')?.notice;
    assert.match(notice ?? '', /answered with an error \(HTTP 503\)/);
    assert.doesNotMatch(notice ?? '', /Overloaded/);
    story.each(
      { kind: 'prompt-send-started', turnId: 't1' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    );
    story.events(userPart, busy, answer({ id: 'msg_b' }), finished({ id: 'msg_b' }), idle);
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('nothing shown is sent again without a notice, and a second failure is offered again', () => {
    const story = running()
      .events(...givenUp(refused))
      .each(synced('idle'), says('go-on'), synced('idle'), mended);
    assert.deepEqual(decisions(story), ['10 offer 0/3', '8 replay 0/3']);
    story.each(
      { kind: 'prompt-send-started', turnId: 't1' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    );
    story.events(userPart, busy, answer({ id: 'msg_b' }));
    story.events(answer({ id: 'msg_b', completedAt: 3, error: refused }), idle).each(synced('idle'));
    assert.equal(decisions(story).at(-1), '10 offer 0/3');
  });

  it('is an error, with what helps, where nobody can be asked', () => {
    const story = running()
      .events(...givenUp(refused))
      .each(synced('idle'), says('nobody'));
    assert.equal(story.settled?.outcome, 'error');
    assert.equal(
      story.settled?.message,
      'The model’s provider did not accept the sign-in (HTTP 401). Sign in again or correct the API key, and restart the server. Whether to go on could be asked nobody.',
    );
    assert.deepEqual(story.settled?.error, refused);
  });

  it('R-11: ends the turn at once where the same request would be refused again', () => {
    const story = running().events(...givenUp({ ...refused, status: 400 }));
    assert.deepEqual(decisions(story), ['7 stop 0/3']);
    assert.equal(story.settled?.outcome, 'error');
    assert.equal(story.settled?.error?.status, 400);
    assert.deepEqual(requests(story), ['send']);
    assert.match(story.rows('card').at(-1)?.details ?? '', /sk-1/);
  });

  it('R-04: does not hide a call in doubt', () => {
    const story = running()
      .events(tool('running'), ...givenUp(overloaded))
      .each(synced('idle'));
    assert.deepEqual(decisions(story), ['6 ask 0/3']);
  });

  it('R-07: that the user stops is interrupted', () => {
    const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
    for (const story of [
      running()
        .each(stop)
        .events(...givenUp(overloaded)),
      running()
        .events(...givenUp(overloaded))
        .each(stop),
      running()
        .events(...givenUp(overloaded))
        .each(synced('idle'), stop),
    ]) {
      assert.equal(story.settled?.outcome, 'interrupted');
      assert.equal(sends(story), 1);
    }
  });

  it('that somebody else aborted on the same server is no failure of the model', () => {
    const aborted: EngineError = { name: 'MessageAbortedError', message: 'Aborted' };
    const story = running().events(...givenUp(aborted));
    assert.deepEqual([story.settled?.outcome, incidents(story)], ['interrupted', []]);
  });

  it('C-20: an answer at a limit or withheld is no failed call, whatever was told before', () => {
    for (const [finish, outcome] of [
      ['length', 'incomplete'],
      ['content-filter', 'error'],
    ] as const) {
      const story = running().events({ type: 'error', sessionId: SESSION, error: overloaded });
      story.events(finished({ finish }), idle).timer('idle').each(synced('idle'));
      assert.deepEqual([story.settled?.outcome, incidents(story)], [outcome, []]);
    }
  });

  it('C-20: an answer that ends in an error is a failed call', () => {
    const story = running()
      .events(finished({ finish: 'error' }), idle)
      .timer('idle');
    story.each(synced('idle'));
    assert.deepEqual(
      incidents(story).map(({ cause }) => cause),
      [{ type: 'model-failed', trouble: 'other', retriable: false, tries: 1 }],
    );
  });

  it('a prompt that the server refused is none: nothing worked on it', () => {
    const story = sent('prompt', 'auto').tell({ kind: 'prompt-send-completed', turnId: 't1' });
    story.events(userPart, { type: 'error', sessionId: SESSION, error: { name: 'X', message: 'No agent' } });
    story.timer('refused').each(synced('idle'));
    assert.deepEqual([story.settled?.outcome, incidents(story)], ['error', []]);
  });

  it('R-10: is decided alike from a report that holds none of the provider’s words', () => {
    const error = { ...overloaded, status: 429, code: 'insufficient_quota', detail: 'sk-1 is out of money' };
    const story = running()
      .events(...givenUp(error))
      .each(synced('idle'), says('nobody'));
    const report = incidentReport(story.records);
    assert.doesNotMatch(JSON.stringify(report), /sk-1|Overloaded/);
    const [fold, recomputation] = [new RunFold(), new Recomputation()];
    for (const record of report) recomputation.take(record, fold.take(record), fold.state);
    recomputation.finish(true);
    assert.deepEqual(recomputation.differences, []);
    assert.match(story.settled?.message ?? '', /^The quota or the credit/);
  });

  it('with recovery off settles as ever', () => {
    const story = running('off').events(...givenUp(refused));
    assert.deepEqual([story.settled?.outcome, incidents(story)], ['error', []]);
    assert.match(story.settled?.message ?? '', /^The model’s provider did not accept the sign-in/);
    assert.deepEqual(requests(story), ['send']);
  });
});

describe('the engine’s own retries', () => {
  it('R-11: are followed and shown as its own, by the time of the next one', () => {
    const at = new Date(2026, 10, 21, 11, 42, 10).getTime();
    const story = running()
      .after(at - 5000)
      .events(retry(2, at), busy, finished(), idle);
    assert.deepEqual(
      story.rows('notice').map((row) => row.text),
      ['The engine asks the model again by itself: try 3, at 11:42:10'],
    );
    assert.deepEqual([story.settled?.outcome, requests(story)], ['ok', ['send']]);
  });

  it('a text that they begin anew is shown as cut off, beside the new one', () => {
    const story = running().events(text(''), delta('Half of '), retry(1, 2000), busy);
    story.events(text('The whole.', { id: 'prt_new', endedAt: 2 }), finished(), idle);
    assert.deepEqual(
      story.rows('text').map((row) => [row.text, row.done, row.gap]),
      [
        ['Half of ', true, true],
        ['The whole.', true, undefined],
      ],
    );
    assert.equal(answerText(story.state), 'The whole.', 'the answer is the new one alone');
  });

  it('C-16: a call that ran before and would be left out of the next request is told to the model in one of ours', () => {
    const story = running().events(tool('completed'), retry(1, 2000));
    assert.deepEqual(
      story.effects.flatMap(({ type }) => (type === 'abort' ? [type] : [])),
      ['abort'],
    );
    const synced: RecordBody = { kind: 'synced', turnId: 't1', status: 'idle' };
    story
      .events(answer({ completedAt: 3 }), idle)
      .timer('idle')
      .tell(synced);
    assert.deepEqual(
      story.records.flatMap((record) => (record.kind === 'incident' ? [record.cause] : [])),
      [{ type: 'looped', loop: 'forgotten-call' }],
    );
    story.tell(synced);
    assert.ok(
      story.records.every(({ kind }) => kind !== 'decision'),
      'not before its time',
    );
    story.now = 2000;
    story.timer('parked').tell(synced);
    const decided = story.records.flatMap((record) => (record.kind === 'decision' ? [record] : []));
    assert.deepEqual(
      decided.map(({ rule, decision }) => `${rule} ${decision}`),
      ['9 resume'],
    );
    assert.match(decided[0]?.reason ?? '', /without telling the model of that, so it was stopped first\./);
  });

  it('a call that ran before and is left out of the next request is named, once, where nothing is recovered', () => {
    const story = running('off').events(
      tool('completed'),
      tool('completed', { id: 'prt_read', tool: 'read', class: 'read-only' }),
      tool('pending', { id: 'prt_begun' }),
    );
    story.events(retry(1, 2000), retry(1, 2000), busy, retry(2, 3000));
    assert.deepEqual(notes(story), [
      'The engine asks the model again without telling it that “bash: npm test” has run: the model may do it a second time.',
    ]);
    assert.match(story.rows('notice').at(-1)?.text ?? '', /a second time/);
  });

  it('a call of an answer that is complete is told to the model', () => {
    const story = running().events(tool('completed'), answer({ completedAt: 2, finish: 'tool-calls' }));
    story.events(answer({ id: 'msg_b' }), retry(1, 2000));
    assert.deepEqual(notes(story), []);
  });
});
