import assert from 'node:assert/strict';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import type { Loop, RecoveryMode } from '../../../src/core/recovery/incident.ts';
import { RESYNC_MS } from '../../../src/core/turn/state.ts';
import {
  answer,
  finished,
  idle,
  running as runningIn,
  SESSION,
  type Story,
  text,
  tool,
} from '../support/story.ts';

const running = (mode: RecoveryMode = 'auto'): Story => runningIn('prompt', mode);
const compacted: EngineEvent = { type: 'compacted', sessionId: SESSION };
const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
const synced = (status: RecordOf<'synced'>['status']): RecordBody => ({
  kind: 'synced',
  turnId: 't1',
  status,
});
/** One step of a turn: an answer with a call in it. */
function step(story: Story, n: number, call: Parameters<typeof tool>[1], isFailed = true): Story {
  const id = `msg_${n}`;
  const part = tool(isFailed ? 'error' : 'completed', { id: `prt_${n}`, callId: `call_${n}`, ...call });
  return story.events(answer({ id }), { ...part, messageId: id } as EngineEvent);
}
const loops = (story: Story): (Loop | undefined)[] =>
  story.records.flatMap((record) => (record.kind === 'stop-requested' ? [record.loop] : []));
const decisions = (story: Story): string[] =>
  story.records.flatMap((record) =>
    record.kind === 'decision' ? [`${record.rule} ${record.decision} ${record.n}/${record.limit}`] : [],
  );
const aborts = (story: Story): number => story.effects.filter(({ type }) => type === 'abort').length;

/** What the engine tells of a turn that was stopped. */
const stopped = (story: Story): Story =>
  story
    .events(
      idle,
      answer({ completedAt: 3, error: { name: 'MessageAbortedError', message: 'Aborted' } }),
      idle,
    )
    .timer('idle')
    .each(synced('idle'));
const failing = { failedCall: 'same' };

function circling(mode: RecoveryMode = 'auto'): Story {
  const story = running(mode);
  for (const n of [1, 2, 3]) step(story, n, failing);
  return story;
}

describe('a turn that goes in circles', () => {
  it('C-20: is stopped when the same call has failed three times in a row, and offered', () => {
    const story = circling();
    assert.deepEqual([loops(story), aborts(story)], [['same-failure'], 1]);
    stopped(story);
    assert.deepEqual(
      story.records.flatMap((record) => (record.kind === 'incident' ? [record.cause] : [])),
      [{ type: 'looped', loop: 'same-failure' }],
    );
    story.each(synced('idle'));
    assert.deepEqual(decisions(story), ['10 offer 0/3']);
    assert.match(story.rows('card')[0]?.text ?? '', /^The same call failed three times in a row/);
    assert.equal(story.state.turn?.phase, 'asking');
    assert.equal(story.armed.includes('stop'), false);
    assert.equal(story.timer('stop').state.turn?.phase, 'asking', 'it waits for the user, however long');
  });

  it('C-20: not when the calls differ, go well in between, or are followed by another one', () => {
    const other = running();
    for (const n of [1, 2, 3]) step(other, n, { failedCall: `arguments ${n}` });
    assert.deepEqual(loops(other), []);
    const between = running();
    step(step(step(between, 1, failing), 2, failing), 3, {}, false);
    step(step(between, 4, failing), 5, failing);
    assert.deepEqual(loops(between), []);
    assert.deepEqual(loops(step(between, 6, failing)), ['same-failure']);
  });

  it('C-20: counts calls of one answer too, each once however often it is told', () => {
    const story = running();
    for (const n of [1, 2, 2, 2, 1])
      story.events(tool('error', { id: `prt_${n}`, callId: `call_${n}`, ...failing }));
    assert.deepEqual(loops(story), []);
    story.events(tool('error', { id: 'prt_3', callId: 'call_3', ...failing }));
    assert.deepEqual(loops(story), ['same-failure']);
  });

  it('C-20: is stopped at the second answer that ends without a reason', () => {
    const story = running().events(
      answer({ completedAt: 2, finish: 'unknown' }),
      answer({ id: 'msg_b', completedAt: 3, finish: 'unknown' }),
    );
    assert.deepEqual(loops(story), ['unknown-finish']);
    stopped(story).each(synced('idle'));
    assert.deepEqual(decisions(story), ['10 offer 0/3']);
  });

  it('C-20: is stopped at the third summary with hardly anything done in between, and not in a long turn', () => {
    const story = running();
    for (const n of [1, 2, 3]) story.events(answer({ id: `msg_${n}` }), compacted);
    assert.deepEqual(loops(story), ['compaction']);
    const long = running();
    for (let n = 0; n < 60; n++) {
      step(long, n, {}, false);
      if (n % 15 === 14) long.events(compacted);
    }
    assert.deepEqual(loops(long), []);
  });

  it('goes on when the user says so, tells the model why it was stopped, and begins to count anew', () => {
    const story = stopped(circling()).each(synced('idle'));
    story.each({ kind: 'recovery-answered', turnId: 't1', choice: 'go-on' }, synced('idle'));
    story.each(
      { kind: 'session-mended', turnId: 't1' },
      { kind: 'prompt-send-started', turnId: 't1' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    );
    assert.deepEqual(decisions(story), ['10 offer 0/3', '9 resume 0/3']);
    assert.match(story.state.turn?.notice ?? '', /The same call failed three times/);
    assert.equal(story.state.turn?.stop, undefined);
    step(step(story, 4, failing), 5, failing);
    assert.deepEqual(loops(story), ['same-failure']);
    assert.deepEqual(loops(step(story, 6, failing)), ['same-failure', 'same-failure']);
  });

  it('R-04: a command that ran when it was stopped is in doubt, also one that began meanwhile', () => {
    const story = running().events(tool('running', { id: 'prt_early', callId: 'early' }));
    story.events(
      ...[1, 2, 3].map((n) => tool('error', { id: `prt_${n}`, callId: `call_${n}`, ...failing })),
      tool('running', { id: 'prt_late', callId: 'late' }),
    );
    const output = 'User aborted the command';
    for (const which of ['early', 'late'])
      story.events(tool('completed', { id: `prt_${which}`, callId: which, output }));
    stopped(story).each(synced('idle'));
    assert.deepEqual(story.state.turn?.cutTools, ['prt_early', 'prt_late']);
    assert.deepEqual(decisions(story), ['6 ask 0/3']);
  });

  it('R-07: the user’s stop wins, before and after it was noticed', () => {
    for (const story of [
      stopped(circling().each(stop)),
      stopped(circling()).each(stop),
      stopped(circling()).each(synced('idle'), stop),
    ]) {
      assert.deepEqual([story.settled?.outcome, story.settled?.message], ['interrupted', 'Stopped by you.']);
    }
  });

  it('a final answer that comes while it is stopped is one', () => {
    const story = circling().events(text('Done', { endedAt: 2 }), finished({ id: 'msg_4' }), idle);
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('is told to stop again while the server still has it at work', () => {
    const story = circling().timer('stop').each(synced('busy'));
    assert.deepEqual([aborts(story), decisions(story)], [2, []]);
    const again = story.effects.findLast((effect) => effect.type === 'timer');
    assert.deepEqual(again, { type: 'timer', turnId: 't1', name: 'idle', ms: RESYNC_MS });
    story.each(synced('idle'));
    assert.deepEqual(decisions(story), ['10 offer 0/3']);
  });

  it('is offered also when its server dies while it is stopped', () => {
    const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
    const story = circling().each({ kind: 'server', generation: 1, state: 'stopped', exit });
    story.each({ kind: 'server', generation: 2, state: 'ready' }, synced('idle'));
    assert.deepEqual(decisions(story), ['10 offer 0/3']);
  });

  it('with recovery off ends as an error that names it', () => {
    const story = stopped(circling('off'));
    assert.equal(story.settled?.outcome, 'error');
    assert.match(story.settled?.message ?? '', /same call failed three times/);
    assert.deepEqual(decisions(story), []);
  });
});
