import assert from 'node:assert/strict';
import type { EngineEvent, Repair } from '../../../src/core/engine.ts';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { repairsOf } from '../../../src/core/recovery/repair.ts';
import { HAD_NOT_STARTED, MAY_HAVE_RUN } from '../../../src/core/recovery/tool-fact.ts';
import { answer, delta, finished, running, type Story, text, tool } from '../support/story.ts';

const lost: RecordBody = { kind: 'stream', generation: 1, state: 'lost' };
const reopened: RecordBody = { kind: 'stream', generation: 1, state: 'open' };
const died: RecordBody = {
  kind: 'server',
  generation: 1,
  state: 'backing-off',
  exit: { signal: 'SIGKILL', stderrTail: '', expected: false },
};
const back: RecordBody[] = [
  lost,
  died,
  { kind: 'server', generation: 2, state: 'ready' },
  { kind: 'stream', generation: 2, state: 'open' },
];

function repairs(story: Story): Repair[] {
  return repairsOf(story.state.turn!, story.state.conversation);
}

function reasoning(value: string): EngineEvent {
  const part = { type: 'reasoning', id: 'prt_r', text: value } as const;
  return { type: 'part', sessionId: 'ses_1', messageId: 'msg_a', part };
}

const written = (value: string, partId = 'prt_text'): Repair => ({
  kind: 'text',
  messageId: 'msg_a',
  partId,
  text: value,
});
const closed = (error: string): Repair => ({ kind: 'tool', messageId: 'msg_a', partId: 'prt_tool', error });
const discarded: Repair = { kind: 'discard', messageId: 'msg_a' };

describe('repairs before a turn goes on', () => {
  it('give a text back that the death emptied, as it was seen', () => {
    const story = running()
      .events(text(''), delta('Hel'), delta('lo'))
      .tell(...back)
      .events(text(''));
    assert.deepEqual(repairs(story), [written('Hello')]);
  });

  it('mark the place of a piece that was never received', () => {
    const story = running()
      .events(text(''), delta('Hel'))
      .tell(lost, reopened)
      .events(delta('rld'))
      .tell(...back);
    assert.deepEqual(repairs(story), [written('Hel […] rld')]);
  });

  it('give reasoning back, which was shown too', () => {
    const story = running()
      .events(reasoning('I see'), text(''))
      .tell(...back);
    assert.deepEqual(repairs(story), [written('I see', 'prt_r')]);
  });

  it('leave a text alone that the engine has', () => {
    const story = running()
      .events(text('Whole', { endedAt: 2000 }), text('', { id: 'prt_2' }))
      .tell(...back);
    assert.deepEqual(repairs(story), []);
  });

  it('leave a text alone that the engine gave up itself when it called the model again', () => {
    const story = running()
      .events(text('', { id: 'prt_old' }), delta('Hell', 'prt_old'), text('', { id: 'prt_new' }))
      .tell(...back);
    assert.deepEqual(repairs(story), [written('Hell', 'prt_old')]);
    const later = running()
      .events(text('', { id: 'prt_old' }), delta('Hell', 'prt_old'), text('', { id: 'prt_new' }))
      .events(delta('Hello', 'prt_new'))
      .tell(...back);
    assert.deepEqual(repairs(later), [written('Hello', 'prt_new')]);
  });

  it('R-04: say of an open call that it may have run, or that it had not started', () => {
    assert.deepEqual(
      repairs(
        running()
          .events(tool('running'))
          .tell(...back),
      ),
      [closed(MAY_HAVE_RUN)],
    );
    assert.deepEqual(
      repairs(
        running()
          .events(tool('pending'))
          .tell(...back),
      ),
      [closed(HAD_NOT_STARTED)],
    );
    const ask: EngineEvent = {
      type: 'ask',
      sessionId: 'ses_1',
      ask: {
        type: 'permission',
        id: 'per_1',
        sessionId: 'ses_1',
        permission: 'bash',
        patterns: [],
        always: [],
        callId: 'call_1',
      },
    };
    assert.deepEqual(
      repairs(
        running()
          .events(tool('running'), ask)
          .tell(...back),
      ),
      [closed(HAD_NOT_STARTED)],
    );
  });

  it('leave a call alone that ended', () => {
    assert.deepEqual(
      repairs(
        running()
          .events(tool('completed'))
          .tell(...back),
      ),
      [],
    );
    assert.deepEqual(
      repairs(
        running()
          .events(tool('error'))
          .tell(...back),
      ),
      [],
    );
  });

  it('discard an answer with nothing worth keeping, never one with a call', () => {
    assert.deepEqual(repairs(running().tell(...back)), [discarded]);
    assert.deepEqual(
      repairs(
        running()
          .events(text(''), text('\n', { id: 'prt_2' }))
          .tell(...back),
      ),
      [discarded],
    );
    assert.deepEqual(
      repairs(
        running()
          .events(text(''), tool('pending'))
          .tell(...back),
      ),
      [closed(HAD_NOT_STARTED)],
    );
  });

  it('C-15: touch no completed step, and nothing of a turn that is in order', () => {
    const step = running().events(
      text('I look.', { endedAt: 1500 }),
      tool('completed'),
      finished({ finish: 'tool-calls' }),
      answer({ id: 'msg_b' }),
    );
    assert.deepEqual(repairs(step.tell(...back)), [{ kind: 'discard', messageId: 'msg_b' }]);
    assert.deepEqual(repairs(running().events(text('Done', { endedAt: 1500 }), finished())), []);
  });

  it('are none once they were made', () => {
    const story = running()
      .events(text(''), delta('Hello'), tool('running'))
      .tell(...back);
    assert.equal(repairs(story).length, 2);
    story.events(text('Hello', { endedAt: 3000 }), tool('error', { error: MAY_HAVE_RUN }));
    assert.deepEqual(repairs(story), []);
    const empty = running()
      .tell(...back)
      .events({ type: 'message-gone', sessionId: 'ses_1', messageId: 'msg_a' });
    assert.deepEqual(repairs(empty), []);
  });
});
