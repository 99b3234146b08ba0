import assert from 'node:assert/strict';
import { answer, busy, sent, userPart } from '../support/story.ts';

describe('a turn that was stopped before its engine had begun', () => {
  it('T-01: is stopped once more when that begins, also once it is settled', () => {
    const story = sent().tell(
      { kind: 'stop-requested', turnId: 't1', cause: 'user' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    );
    const aborts = (): number => story.effects.filter(({ type }) => type === 'abort').length;
    assert.equal(aborts(), 1);
    story.events(userPart, busy, answer({}));
    assert.equal(aborts(), 2);
    story.timer('stop');
    assert.equal(story.settled?.outcome, 'interrupted');
    story.events(answer({ id: 'msg_b' }));
    assert.equal(aborts(), 3);
    story.events(answer({ id: 'msg_b', completedAt: 2000 }));
    assert.equal(aborts(), 3, 'what has ended is not stopped');
  });
});
