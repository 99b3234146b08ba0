import assert from 'node:assert/strict';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import {
  answer,
  busy,
  finished,
  idle,
  PROMPT,
  running as runningIn,
  SESSION,
  type Story,
  text,
  userMessage,
} from '../support/story.ts';

const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
const died: RecordBody = { kind: 'server', generation: 1, state: 'stopped', exit };
const back: readonly RecordBody[] = [
  { kind: 'server', generation: 2, state: 'ready' },
  { kind: 'stream', generation: 2, state: 'open' },
  { kind: 'synced', turnId: 't1', status: 'idle' },
];
const overflow: EngineEvent = {
  type: 'error',
  sessionId: SESSION,
  error: { name: 'ContextOverflowError', message: 'too long' },
};
const compacted: EngineEvent = { type: 'compacted', sessionId: SESSION };

const userText = (messageId: string, value: string, synthetic = true): EngineEvent => ({
  type: 'part',
  sessionId: SESSION,
  messageId,
  part: { type: 'text', id: `prt_${messageId}`, text: value, ...(synthetic ? { synthetic } : {}) },
});
/** As far as the summary, as opencode 1.18.33 tells it. */
const summarised = (n = 1): EngineEvent[] => [
  userMessage(`msg_ask${n}`),
  userText(`msg_ask${n}`, ''),
  answer({ id: `msg_sum${n}`, parentId: `msg_ask${n}` }),
  text('A summary.', { id: `prt_sum${n}`, messageId: `msg_sum${n}`, endedAt: 2 }),
  finished({ id: `msg_sum${n}`, parentId: `msg_ask${n}` }),
];
const goesOn = (n = 1): EngineEvent[] => [
  userMessage(`msg_on${n}`),
  userText(`msg_on${n}`, 'Continue if you have next steps.'),
  compacted,
  answer({ id: `msg_more${n}`, parentId: `msg_on${n}` }),
];
const running = (): Story => runningIn('prompt', 'auto').events(userMessage(PROMPT.messageId));
const decisions = (story: Story): string[] =>
  story.records.flatMap((record) =>
    record.kind === 'decision' ? [`${record.rule} ${record.decision} ${record.n}/${record.limit}`] : [],
  );

describe('a turn whose conversation the engine summarises', () => {
  it('ends with the answer behind the summary', () => {
    const story = running().events(answer({ completedAt: 1, finish: 'tool-calls' }), ...summarised());
    story.events(...goesOn());
    assert.equal(story.state.turn?.phase, 'running');
    story.events(finished({ id: 'msg_more1', parentId: 'msg_on1' }), idle);
    assert.equal(story.settled?.outcome, 'ok');
    assert.deepEqual(story.state.turn?.answers, ['msg_a', 'msg_more1']);
  });

  it('ends so too where it was too long for the model at first', () => {
    const story = running().events(overflow, answer({ completedAt: 1 }), ...summarised(), ...goesOn());
    story.events(finished({ id: 'msg_more1', parentId: 'msg_on1' }), idle);
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('ends so too where the engine repeats the prompt behind it', () => {
    const story = running().events(answer({ completedAt: 1 }), ...summarised());
    story.events(userMessage('msg_on1'), userText('msg_on1', PROMPT.text, false), compacted);
    story.events(answer({ id: 'msg_b', parentId: 'msg_on1' }));
    story.events(finished({ id: 'msg_b', parentId: 'msg_on1' }), idle);
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('ends so too after several summaries', () => {
    const story = running().events(...summarised(1), ...goesOn(1), ...summarised(2), ...goesOn(2));
    story.events(finished({ id: 'msg_more2', parentId: 'msg_on2' }), idle);
    assert.deepEqual(
      [story.settled?.outcome, story.state.turn?.answers],
      ['ok', ['msg_a', 'msg_more1', 'msg_more2']],
    );
  });

  it('T-08: the summary is not its answer, however final it looks', () => {
    const story = running().events(...summarised());
    assert.equal(story.armed.includes('inferred'), false);
    assert.deepEqual(story.state.turn?.answers, ['msg_a']);
  });

  it('is a failure when it cannot be summarised', () => {
    const story = running()
      .events(overflow, answer({ completedAt: 1 }), busy, idle)
      .timer('idle');
    story.each({ kind: 'synced', turnId: 't1', status: 'idle' });
    assert.deepEqual(decisions(story), ['7 stop 0/3']);
    assert.match(story.settled?.message ?? '', /^The conversation is too long for the model\./);
  });

  it('what was too long before the summary is no reason for an end behind it', () => {
    const story = running().events(overflow, answer({ completedAt: 1 }), ...summarised(), ...goesOn());
    story.events(answer({ id: 'msg_more1', parentId: 'msg_on1', completedAt: 3 }), idle).timer('idle');
    story.each({ kind: 'synced', turnId: 't1', status: 'idle' });
    assert.deepEqual([story.settled?.outcome, decisions(story)], ['incomplete', []]);
  });

  it('is not overtaken by what the engine wrote: after a death it is gone on with', () => {
    for (const events of [summarised(), [...summarised(), ...goesOn()]]) {
      const story = running()
        .events(text('Half'), ...events)
        .each(died, ...back);
      assert.deepEqual(decisions(story), ['9 resume 1/3']);
    }
  });

  it('is overtaken by somebody’s prompt, behind a summary too', () => {
    const other = [userMessage('msg_other'), userText('msg_other', 'And now?', false)];
    for (const events of [
      other,
      [...summarised(), ...other],
      [...summarised(), ...goesOn(), ...other],
      // One of which nothing is known that could say whose it is.
      [userMessage('msg_other')],
      [...summarised(), userMessage('msg_other')],
      // A text that the engine wrote, but not behind a summary.
      [userMessage('msg_other'), userText('msg_other', 'The user ran a command.')],
    ]) {
      const story = running()
        .events(text('Half'), ...events)
        .each(died, ...back);
      assert.deepEqual(decisions(story), ['7 stop 0/3']);
    }
  });

  it('answers of a summary before this turn are none of it', () => {
    const story = runningIn('prompt', 'auto');
    story.events(userMessage('msg_old'), ...summarised(), ...goesOn(), userMessage(PROMPT.messageId));
    story.events(finished({ id: 'msg_more1', parentId: 'msg_on1' }), idle);
    assert.deepEqual([story.settled, story.state.turn?.answers], [undefined, ['msg_a']]);
  });
});
