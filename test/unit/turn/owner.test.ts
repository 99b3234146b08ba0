import assert from 'node:assert/strict';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { BEGIN_MS } from '../../../src/core/turn/state.ts';
import type { ReviewScope } from '../../../src/core/review/finding.ts';
import {
  answer,
  begin,
  busy,
  delta,
  finished,
  idle,
  PROMPT,
  running,
  SESSION,
  type Story,
  text,
  userPart,
} from '../support/story.ts';

const returned: RecordBody = { kind: 'owner', owner: { pid: 2, startedAt: 5 }, reason: 'return' };
const drafted: RecordBody = {
  kind: 'turn-drafted',
  turnId: 't1',
  sessionId: SESSION,
  prompt: PROMPT,
  label: '',
};
const sending: RecordBody[] = [
  drafted,
  { kind: 'attempt-started', turnId: 't1', attempt: 1 },
  { kind: 'prompt-send-started', turnId: 't1' },
];
const synced = (status: 'idle' | 'busy'): RecordBody => ({ kind: 'synced', turnId: 't1', status });

/** What the records from here on ask the shell to do, timers apart. */
function asked(story: Story, ...bodies: RecordBody[]): string[] {
  const from = story.effects.length;
  story.tell(...bodies);
  return story.effects
    .slice(from)
    .map(({ type }) => type)
    .filter((type) => type !== 'timer' && type !== 'cancel-timer');
}

const outcomes = (story: Story): string[] =>
  story.records.flatMap((record) => (record.kind === 'turn-settled' ? [record.outcome] : []));

describe('a turn in a new process', () => {
  it('sends a prompt whose ids were written down and that never left', () => {
    assert.deepEqual(asked(begin().tell(drafted), returned), ['send']);
  });

  it('looks a prompt up that may have left, and never sends it blindly', () => {
    assert.deepEqual(asked(begin().tell(...sending), returned), ['resend']);
  });

  it('does not take an idle server for the end while its prompt is on the way again', () => {
    const story = begin().tell(...sending, returned, synced('idle'));
    assert.deepEqual(outcomes(story), []);
    story.tell({ kind: 'prompt-send-completed', turnId: 't1' });
    story.after(BEGIN_MS).tell(synced('idle'));
    assert.deepEqual(outcomes(story), ['error']);
  });

  it('does not take the idle before the work for the end of it', () => {
    const story = begin().tell(...sending, returned, { kind: 'prompt-send-completed', turnId: 't1' });
    story.after(50).events(answer({})).tell(synced('idle'));
    assert.deepEqual(outcomes(story), []);
    assert.ok(story.armed.includes('idle'), 'it asks again');
    story.events(busy, finished(), idle);
    assert.deepEqual(outcomes(story), ['ok']);
  });

  it('sends nothing once the server has the prompt', () => {
    assert.deepEqual(asked(running(), returned), []);
    assert.deepEqual(asked(running().events(text('Half', {})), returned), []);
  });

  it('asks the server how things stand when its stream is open, and follows it', () => {
    const story = running().tell(returned);
    assert.deepEqual(asked(story, { kind: 'stream', generation: 1, state: 'open' }), ['sync']);
    story.tell(synced('busy'));
    assert.deepEqual(outcomes(story), []);
    story.events(finished(), idle);
    assert.deepEqual(outcomes(story), ['ok']);
  });

  it('goes on stopping what it was asked to stop', () => {
    const story = running().tell({ kind: 'stop-requested', cause: 'user', turnId: 't1' });
    assert.deepEqual(asked(story, returned), ['abort']);
    assert.ok(story.armed.includes('stop'));
  });

  it('ends when a final answer had come and only its end was not told any more', () => {
    const story = running().events(finished()).tell(returned);
    story.timer('inferred');
    assert.deepEqual([story.settled?.outcome, story.settled?.inferred], ['ok', true]);
  });

  it('shows again what waits for the user, and waits for nobody when nothing does', () => {
    const ask: EngineEvent = {
      type: 'ask',
      sessionId: SESSION,
      ask: {
        type: 'permission',
        id: 'per_1',
        sessionId: SESSION,
        permission: 'bash',
        patterns: [],
        always: [],
      },
    };
    const story = running();
    const phaseAfter = (tell: () => unknown): string | undefined => {
      tell();
      return story.state.turn?.phase;
    };
    assert.equal(
      phaseAfter(() => story.events(ask)),
      'waiting',
    );
    assert.equal(
      phaseAfter(() => story.tell(returned)),
      'running',
    );
    assert.equal(
      phaseAfter(() => story.events(ask)),
      'waiting',
    );
  });

  it('marks what streamed while nobody listened, and has it whole once the engine tells it', () => {
    const story = running().events(answer({}), text('', {}), delta('Hel'));
    story.tell(returned).events(delta('rld'));
    assert.equal(story.rows('text').at(-1)?.gap, true);
    story.events(text('Hello, world', { endedAt: 2000 }));
    const row = story.rows('text').at(-1);
    assert.deepEqual([row?.text, row?.gap], ['Hello, world', undefined]);
  });
});

describe('a review in a new process', () => {
  const scope: ReviewScope = {
    target: 'uncommitted',
    title: 'Uncommitted changes',
    root: '/w',
    files: [{ file: 'a.ts', status: 'modified', areas: ['unstaged'], additions: 1, deletions: 0 }],
    skipped: [],
  };
  const scoped = (): Story => begin('review').tell({ kind: 'scope', scope });
  const inspected = (): Story =>
    scoped()
      .tell(...sending)
      .events(userPart, busy, answer({}), finished(), idle);

  it('drafts its first turn when the old one had not', () => {
    assert.deepEqual(asked(scoped(), returned), ['inspect']);
  });

  it('leaves a running turn to its server', () => {
    const story = scoped()
      .tell(...sending)
      .events(userPart, busy, answer({}));
    assert.deepEqual(asked(story, returned), []);
  });

  it('checks an answer that was not checked, and writes a report that was not written', () => {
    assert.equal(inspected().state.review?.phase, 'checking');
    assert.deepEqual(asked(inspected(), returned), ['check']);
    const found = inspected().tell({ kind: 'findings', findings: [], dropped: [] });
    assert.deepEqual(asked(found, returned), ['report']);
  });

  it('asks for a usable answer once more, naming what was wrong', () => {
    const story = inspected().tell({
      kind: 'gate',
      stepId: 'inspect',
      verdict: 'repair',
      problems: ['no file'],
    });
    story.tell(returned);
    assert.deepEqual(story.effects.at(-1), { type: 'repair', problems: ['no file'] });
  });

  it('ends when it had not begun', () => {
    const story = begin('review').tell(returned);
    assert.equal(story.state.ended?.outcome, 'interrupted');
  });

  it('asks nothing of a review that is over', () => {
    const story = inspected().tell(
      { kind: 'findings', findings: [], dropped: [] },
      { kind: 'run-ended', outcome: 'ok' },
    );
    assert.deepEqual(asked(story, returned), []);
  });
});
