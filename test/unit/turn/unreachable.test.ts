import assert from 'node:assert/strict';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { BEGIN_MS, RESYNC_MS, UNREACHABLE_MS } from '../../../src/core/turn/state.ts';
import { answer, delta, finished, running, sent, text, tool } from '../support/story.ts';

const REASON = 'The server has stopped answering.';
const server = (state: 'connecting' | 'unreachable' | 'failed' | 'ready', generation = 1): RecordBody => ({
  kind: 'server',
  generation,
  state,
  ...(state === 'ready' || state === 'connecting' ? {} : { reason: REASON }),
});
const open: RecordBody = { kind: 'stream', generation: 2, state: 'open' };
const synced = (status: 'idle' | 'busy' | 'unknown'): RecordBody => ({
  kind: 'synced',
  turnId: 't1',
  status,
});

describe('a turn on a server that cannot be reached', () => {
  it('C-04: goes on: without a process handle its end is unknown', () => {
    const story = running().tell(server('unreachable'));
    assert.equal(story.settled, undefined);
    assert.deepEqual(story.armed, ['unreachable']);
    const [patience] = story.effects.filter((effect) => effect.type === 'timer').slice(-1);
    assert.equal(patience?.ms, UNREACHABLE_MS);
  });

  it('is asked after once the server is back, and goes on when that worked on', () => {
    const story = running()
      .events(text('Half', {}))
      .tell(server('unreachable'), server('ready', 2), open, synced('busy'));
    assert.deepEqual(story.armed, []);
    assert.ok(story.effects.some((effect) => effect.type === 'sync'));
    story.events(text('The whole.', { endedAt: 1 }), finished()).timer('inferred');
    assert.equal(story.settled?.outcome, 'ok');
    assert.deepEqual(
      story.rows('text').map((row) => row.text),
      ['The whole.'],
    );
  });

  it('ends well when the server finished it meanwhile', () => {
    const story = running()
      .tell(server('unreachable'), server('ready', 2), open)
      .events(text('Done.', { endedAt: 1 }), finished())
      .tell(synced('idle'));
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('ends with what happened when the server came back without it, and keeps what was said', () => {
    const story = running()
      .events(text('', {}), delta('Half a'), tool('running'))
      .tell(server('unreachable'))
      .after(BEGIN_MS)
      .tell(server('ready', 2), open)
      // As the engine has stored it: the text of a killed turn is empty (opencode 1.18.33).
      .events(answer({}), text('', {}), tool('running'))
      .tell(synced('idle'));
    assert.equal(story.settled?.outcome, 'incomplete');
    assert.match(story.settled?.message ?? '', /came back without this turn.*restarted.*kept/);
    assert.deepEqual(
      story.rows('text').map((row) => [row.text, row.done]),
      [['Half a', true]],
    );
    assert.deepEqual(
      story.rows('tool').map((row) => row.status),
      ['unknown'],
    );
  });

  it('C-09: is given up after five minutes, counted from the first, and says that its end is not known', () => {
    const story = running().tell(server('unreachable'), server('connecting', 2), server('unreachable', 2));
    assert.equal(
      story.effects.filter((effect) => effect.type === 'timer' && effect.name === 'unreachable').length,
      1,
    );
    story.timer('unreachable');
    assert.equal(story.settled?.outcome, 'server-unreachable');
    assert.match(story.settled?.message ?? '', /stopped answering\. .*within 5 minutes.*not known/);
    assert.deepEqual(story.armed, []);
  });

  it('is not given up by a patience that ended with the return', () => {
    const story = running().tell(server('unreachable'), server('ready', 2)).timer('unreachable');
    assert.equal(story.settled, undefined);
  });

  it('ends at once when the server is there and will not have us', () => {
    const story = running().tell(server('unreachable'), server('failed', 2));
    assert.equal(story.settled?.outcome, 'server-unreachable');
    assert.deepEqual(story.armed, []);
  });

  it('can be stopped meanwhile', () => {
    const story = running()
      .tell(server('unreachable'), { kind: 'stop-requested', turnId: 't1', cause: 'user' })
      .timer('stop');
    assert.equal(story.settled?.outcome, 'interrupted');
    assert.ok(!story.armed.includes('unreachable'));
  });

  it('is asked after again when the server did not say', () => {
    const story = sent().tell({ kind: 'prompt-send-completed', turnId: 't1' }, open, synced('unknown'));
    assert.deepEqual(story.effects.at(-1), { type: 'timer', turnId: 't1', name: 'idle', ms: RESYNC_MS });
    const syncs = (): number => story.effects.filter((effect) => effect.type === 'sync').length;
    const before = syncs();
    story.timer('idle');
    assert.equal(syncs(), before + 1);
  });
});
