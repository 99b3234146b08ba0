import assert from 'node:assert/strict';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import type { Row } from '../../../src/core/protocol.ts';
import { MAY_HAVE_RUN } from '../../../src/core/recovery/tool-fact.ts';
import {
  answer,
  busy,
  finished,
  idle,
  running as runningIn,
  sent,
  type Story,
  text,
  tool,
  userPart,
} from '../support/story.ts';

type Card = Extract<Row, { kind: 'card' }>;

const running = (): Story => runningIn('prompt', 'auto');
const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
const died = (generation = 1): RecordBody => ({ kind: 'server', generation, state: 'stopped', exit });
const mended: RecordBody = { kind: 'session-mended', turnId: 't1' };
const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
const noServer: RecordBody = {
  kind: 'recovery-failed',
  turnId: 't1',
  reason: '3 of 3 restarts are used up.',
};
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

function readBack(story: Story, generation = 1): Story {
  return story.each(
    died(generation),
    { kind: 'server', generation: generation + 1, state: 'ready' },
    { kind: 'stream', generation: generation + 1, state: 'open' },
    synced('idle'),
  );
}

/** The second attempt does what the first was to do. */
function succeed(story: Story): Story {
  return story
    .each(
      mended,
      { kind: 'prompt-send-started', turnId: 't1' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    )
    .events(userPart, busy, answer({ id: 'msg_b' }), finished({ id: 'msg_b' }), idle);
}

const cards = (story: Story): Card[] => story.rows('card');
const lastCard = (story: Story): Card => cards(story).at(-1) ?? assert.fail('there is no card');

describe('the card of a recovery', () => {
  it('is quiet while it works: what happened, how often it was tried, and the log', () => {
    const card = lastCard(readBack(running().events(text('Half'))));
    assert.deepEqual(
      [card.tone, card.title, card.actions],
      ['info', 'Server restarted, retrying 1/3', ['show-log']],
    );
    assert.match(card.text, /^The server was killed \(SIGKILL, signal 9\)\. What was shown is kept\. /);
    assert.equal(card.folded, undefined);
  });

  it('does not say that the server is back before it is', () => {
    const story = running().events(text('Half')).each(died());
    assert.equal(lastCard(story).title, 'Server died');
    assert.doesNotMatch(lastCard(story.each(noServer)).title, /restarted/);
  });

  it('folds to one line once the turn went well', () => {
    const story = succeed(readBack(running()));
    assert.deepEqual(
      cards(story).map(({ title, folded, actions }) => [title, folded, actions]),
      [['Recovered: Server restarted, retrying 1/3', true, []]],
    );
  });

  it('is one for each attempt that failed, and each of them folds', () => {
    const story = readBack(running().events(text('Half')));
    story
      .each(mended)
      .events(busy, answer({ id: 'msg_b' }), text('More', { id: 'prt_b', messageId: 'msg_b' }));
    readBack(story, 2)
      .each(mended)
      .events(busy, answer({ id: 'msg_c' }), finished({ id: 'msg_c' }), idle);
    assert.deepEqual(
      cards(story).map(({ title, folded }) => [title, folded]),
      [
        ['Recovered: Server restarted, retrying 1/3', true],
        ['Recovered: Server restarted, retrying 2/3', true],
      ],
    );
  });

  it('counts again when the session could not be put in order, and does not count twice on one line', () => {
    const story = readBack(running()).each({ ...mended, problem: 'No.' } as RecordBody, synced('idle'));
    assert.equal(lastCard(story).title, 'Server restarted, retrying 2/3');
  });

  it('R-04: asks with the call on a line of its own, and what can be done', () => {
    const card = lastCard(readBack(running().events(text('I test.'), tool('running'))));
    assert.deepEqual([card.tone, card.title], ['warn', 'Go on with this turn?']);
    assert.deepEqual(card.facts, [{ label: 'not known', value: '`bash: npm test`' }]);
    assert.deepEqual(card.actions, ['continue', 'keep-as-is', 'show-log']);
    assert.match(card.text, /^The server was killed .* took effect is not known/);
  });

  it('names the call once, however often it asks', () => {
    const story = readBack(running().events(tool('running')));
    story.each(says('go-on'), { kind: 'timer', turnId: 't1', name: 'read-back' });
    const card = lastCard(story);
    assert.deepEqual(card.actions, ['continue', 'keep-as-is', 'show-log']);
    assert.deepEqual(
      card.facts.map(({ label }) => label),
      ['not known'],
    );
  });

  it('says that it goes on because the user said so, and counts nothing then', () => {
    const story = readBack(running().events(tool('running'))).each(says('go-on'));
    const going = 'Going on with this turn, as you said';
    assert.deepEqual(
      [lastCard(story).title, lastCard(story).tone, lastCard(story).actions],
      [going, 'info', ['show-log']],
    );
    assert.equal(lastCard(story.each(synced('idle'))).title, going);
    story.events(tool('error', { error: MAY_HAVE_RUN }));
    assert.deepEqual(
      cards(succeed(story)).map(({ title, folded }) => [title, folded]),
      [['Recovered: gone on with, as you said', true]],
    );
  });

  it('has what changed meanwhile as evidence, where it asks', () => {
    const story = readBack(running().events(tool('running')));
    story.each({ kind: 'workspace-changes', turnId: 't1', files: ['src/a.ts', 'b.ts'], more: 3 });
    assert.deepEqual(lastCard(story).facts.at(-1), {
      label: 'changed meanwhile',
      value: 'src/a.ts, b.ts and 3 more',
    });
  });

  it('gives way to the end when the turn is kept as it is', () => {
    const story = readBack(running().events(tool('running'))).each(says('keep'));
    const [end, ...more] = cards(story);
    assert.match(end?.text ?? '', /you chose not to go on/);
    assert.deepEqual(more, []);
  });

  it('C-10: gives way to the end when it is given up, which says why and what can be done', () => {
    const story = running().events(text('Half')).each(died(), noServer);
    const [end, ...more] = cards(story);
    assert.deepEqual([end?.tone, end?.folded], ['error', undefined]);
    assert.match(end?.text ?? '', /killed.*3 of 3 restarts are used up/);
    assert.ok((end?.actions.length ?? 0) > 0);
    assert.deepEqual(more, []);
  });

  it('R-07: does not stay a question when the turn is stopped', () => {
    const story = readBack(running().events(tool('running'))).each(stop);
    const [recovery] = cards(story);
    assert.deepEqual([recovery?.folded, recovery?.tone, recovery?.actions], [true, 'info', []]);
    assert.doesNotMatch(recovery?.title ?? '', /\?|Recovered/);
  });

  it('R-06: offers what a window left behind', () => {
    const story = running().events(text('Half'));
    story.each({ kind: 'owner', owner: { pid: 2, startedAt: 0 }, reason: 'return', serverGone: true });
    const card = lastCard(story);
    assert.deepEqual([card.tone, card.title], ['warn', 'Continue this turn?']);
    assert.deepEqual(card.actions, ['continue', 'keep-as-is', 'show-log']);
  });

  it('T-02: is one line where the answer was complete', () => {
    const story = running()
      .events(text('Done', { endedAt: 2000 }), finished())
      .each(died());
    assert.deepEqual(
      cards(story).map(({ title, folded }) => [title, folded]),
      [['Server died; the answer was complete', true]],
    );
  });

  it('4: is one line where the server had gone on with the turn', () => {
    const error = { name: 'RequestError', message: 'no reply' };
    const story = sent('prompt', 'auto').each(
      { kind: 'prompt-send-failed', turnId: 't1', fateUnknown: true, error },
      synced('busy'),
    );
    assert.deepEqual(
      cards(story).map(({ title, folded }) => [title, folded]),
      [['Connected again; the turn went on by itself', true]],
    );
  });

  it('R-02: counts what the failed attempt did, without the zeros', () => {
    const story = running().events(
      text('Half'),
      tool('completed', { id: 'p1', callId: 'c1' }),
      tool('error', { id: 'p2', callId: 'c2' }),
      tool('pending', { id: 'p3', callId: 'c3' }),
    );
    assert.deepEqual(lastCard(readBack(story)).facts, [
      { label: 'tool calls', value: '1 finished, 1 failed, 1 not started' },
    ]);
    assert.deepEqual(lastCard(readBack(running())).facts, []);
  });

  it('nothing stays running beside it', () => {
    const story = running().events(text('Half'), tool('running')).each(died());
    assert.deepEqual(
      story.rows('tool').map(({ status }) => status === 'running'),
      [false],
    );
    assert.deepEqual(
      story.rows('text').map(({ done }) => done),
      [true],
    );
  });
});
