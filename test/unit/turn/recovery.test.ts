import assert from 'node:assert/strict';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { HAD_NOT_STARTED, MAY_HAVE_RUN } from '../../../src/core/recovery/tool-fact.ts';
import {
  asked,
  asking,
  back,
  count,
  decisions,
  died,
  diedAgain,
  lastRepairs,
  mended,
  mending,
  notices,
  open,
  owner,
  permission,
  phase,
  readBack,
  ready,
  running,
  says,
  sendCompleted,
  sendFailed,
  sendStarted,
  sends,
  sent,
  stop,
  synced,
} from '../support/recovery-story.ts';
import {
  answer,
  busy,
  delta,
  finished,
  idle,
  PROMPT,
  text,
  tool,
  userMessage,
  userPart,
} from '../support/story.ts';

describe('a turn whose server died', () => {
  it('R-01: before any output, is sent again once the session was read back and put in order', () => {
    const story = sent().each(sendCompleted).events(userPart, busy);
    assert.deepEqual(asked(story, died), ['recover', 'timer read-back']);
    assert.equal(phase(story), 'failed');
    assert.deepEqual(asked(story, ready), []);
    assert.deepEqual(asked(story, open), ['sync']);
    assert.deepEqual(asked(story, synced('idle')), ['mend']);
    assert.equal(phase(story), 'mending');
    assert.deepEqual(story.armed, []);
    assert.deepEqual(asked(story, mended), ['send']);
    assert.deepEqual(
      story.records.slice(-8).map(({ kind }) => kind),
      ['server', 'incident', 'server', 'stream', 'synced', 'decision', 'session-mended', 'attempt-started'],
    );
    assert.deepEqual(decisions(story), ['8 replay 1/3']);
    assert.deepEqual(notices(story), [undefined, undefined]);
    story.each(sendStarted, sendCompleted).events(userPart, busy, answer({ id: 'msg_b' }));
    story.events(finished({ id: 'msg_b' }), idle);
    assert.equal(story.settled?.outcome, 'ok');
    assert.equal(story.state.turn?.attempt, 2);
  });

  it('R-01: discards the empty answer before it sends again', () => {
    const story = readBack(running());
    assert.deepEqual(decisions(story), ['8 replay 1/3']);
    assert.deepEqual(lastRepairs(story), [{ kind: 'discard', messageId: 'msg_a' }]);
  });

  it('R-05: in a text, goes on with a notice, and the text is written back first', () => {
    const story = readBack(running().events(text(''), delta('Hel'), delta('lo')));
    assert.deepEqual(decisions(story), ['9 resume 1/3']);
    assert.deepEqual(lastRepairs(story), [
      { kind: 'text', messageId: 'msg_a', partId: 'prt_text', text: 'Hello' },
    ]);
    assert.deepEqual(asked(story, mended), ['send']);
    assert.match(notices(story)[1] ?? '', /^This turn was interrupted\. The server was killed/);
    assert.equal(story.state.turn?.notice, notices(story)[1]);
  });

  it('R-04: while a call ran whose effect is not known, asks, and sends nothing by itself', () => {
    const story = asking();
    assert.equal(phase(story), 'asking');
    assert.deepEqual(decisions(story), ['6 ask 0/3']);
    const decision = story.records.findLast((record) => record.kind === 'decision');
    assert.deepEqual(decision?.tools, ['bash: npm test']);
    assert.deepEqual(story.armed, [], 'the user has all the time');
    assert.equal(sends(story), 1);
  });

  it('R-04: goes on when the user says so, tells the model what to verify, and spends no recovery', () => {
    const story = asking();
    assert.deepEqual(asked(story, says('go-on')), ['recover', 'timer read-back']);
    assert.deepEqual(asked(story, synced('idle')), ['mend']);
    assert.deepEqual(decisions(story).slice(1), ['9 resume 0/3']);
    assert.deepEqual(lastRepairs(story)?.at(-1), {
      kind: 'tool',
      messageId: 'msg_a',
      partId: 'prt_tool',
      error: MAY_HAVE_RUN,
    });
    assert.deepEqual(asked(story, mended), ['send']);
    assert.match(notices(story)[1] ?? '', /Verify them first.*:\n- bash: npm test/);
  });

  it('is kept as it is when the user says so', () => {
    const story = asking();
    assert.deepEqual(asked(story, says('keep')), []);
    assert.equal(story.settled?.outcome, 'interrupted');
    assert.match(story.settled?.message ?? '', /^Kept as it is/);
  });

  it('ends as what happened where nobody can be asked', () => {
    const story = asking().each(says('nobody'));
    assert.equal(story.settled?.outcome, 'server-unreachable');
    assert.match(story.settled?.message ?? '', /^The server was killed .* could be asked nobody\.$/);
  });

  it('T-02: after the final answer, is a success at once, and no server is started for it', () => {
    const story = running().events(text('Done', { endedAt: 2000 }), finished());
    assert.deepEqual(asked(story, died), []);
    assert.deepEqual(decisions(story), ['3 accept 0/3']);
    assert.deepEqual([story.settled?.outcome, story.settled?.inferred], ['ok', true]);
  });

  it('T-02: is a success when only the read back session has the final answer', () => {
    const story = running()
      .events(text('Do'))
      .each(died, ...back);
    story.events(text('Done', { endedAt: 2000 }), finished()).each(synced('idle'));
    assert.deepEqual(decisions(story), ['3 accept 0/3']);
    assert.equal(story.settled?.outcome, 'ok');
    assert.deepEqual(story.armed, []);
  });

  it('S-13: a trailing idle after the restart settles nothing', () => {
    const story = mending().each(mended).events(idle).each(sendStarted).events(idle);
    story.each(sendCompleted).events(idle, userPart, idle);
    assert.equal(story.settled, undefined);
    assert.equal(story.state.turn?.attempt, 2);
  });

  it('R-02: is judged by its own attempt: nothing shown in the second is sent again with the notice it had', () => {
    const story = mending().each(mended, sendStarted, sendCompleted).events(userPart, busy);
    const notice = notices(story)[1];
    story.each(diedAgain, { ...ready, generation: 3 }, { ...open, generation: 3 }, synced('idle'), mended);
    assert.deepEqual(decisions(story), ['9 resume 1/3', '8 replay 2/3']);
    assert.ok(notice !== undefined && notice !== '');
    assert.deepEqual(notices(story), [undefined, notice, notice]);
  });

  it('R-01: is not replayed twice in a row', () => {
    const story = readBack(running()).each(mended, sendStarted, sendCompleted).events(userPart, busy);
    story.each(diedAgain, ...back, synced('idle'));
    assert.deepEqual(decisions(story), ['8 replay 1/3', '9 resume 2/3']);
  });

  it('is left alone after the second death on going on', () => {
    const story = running();
    for (const generation of [1, 2, 3]) {
      story.events(busy, answer({ id: `msg_${generation}` }));
      story.events(text('x', { id: `prt_${generation}`, messageId: `msg_${generation}` }));
      story.each({ ...diedAgain, generation }, ...back, synced('idle'));
      if (generation < 3) story.each(mended, sendStarted, sendCompleted);
    }
    assert.deepEqual(decisions(story), ['9 resume 1/3', '9 resume 2/3', '7 stop 2/3']);
    assert.equal(story.settled?.outcome, 'server-unreachable');
    assert.match(story.settled?.message ?? '', /ended the server 2 times/);
  });

  it('what was asked when it died is cut off with it, and the call behind it had not started', () => {
    const story = running().events(tool('running'), permission);
    assert.equal(phase(story), 'waiting');
    readBack(story);
    assert.deepEqual(decisions(story), ['9 resume 1/3']);
    assert.deepEqual(lastRepairs(story), [
      { kind: 'tool', messageId: 'msg_a', partId: 'prt_tool', error: HAD_NOT_STARTED },
    ]);
    assert.deepEqual(
      story.rows('permission').map(({ state }) => state),
      ['gone'],
    );
    assert.equal(story.state.conversation.asks.size, 0);
  });

  it('R-04: an answer that was on its way may have let the call begin', () => {
    const story = running()
      .events(tool('running'), permission)
      .each({ kind: 'answered', askId: 'per_1', answer: { type: 'permission', reply: 'once' } });
    assert.deepEqual(decisions(readBack(story)), ['6 ask 0/3']);
  });

  it('is not sent again once the session has gone on with another prompt', () => {
    const story = running()
      .events(userMessage(PROMPT.messageId), text('Half'))
      .each(died, ...back);
    story.events(userMessage('msg_other'), text('And?', { id: 'prt_other', messageId: 'msg_other' }));
    story.each(synced('idle'));
    assert.deepEqual(decisions(story), ['7 stop 0/3']);
    assert.match(story.settled?.message ?? '', /another prompt/);
  });
});

describe('a prompt whose fate is not known', () => {
  it('C-02: is looked for in the session, and sent again when it is not there', () => {
    const story = sent();
    assert.deepEqual(asked(story, sendFailed), ['recover', 'timer read-back']);
    const incident = story.records.findLast((record) => record.kind === 'incident');
    assert.deepEqual(incident?.cause, { type: 'server-unreachable' });
    assert.deepEqual(asked(story, synced('idle')), ['mend']);
    assert.deepEqual(asked(story, mended), ['send']);
    assert.deepEqual(decisions(story), ['8 replay 1/3']);
  });

  it('ends the turn at once when the server refused it', () => {
    const story = sent();
    assert.deepEqual(asked(story, { ...sendFailed, fateUnknown: false } as RecordBody), []);
    assert.equal(story.settled?.outcome, 'error');
  });
});

describe('the mode of recovery', () => {
  it('ask: asks where it would go on by itself', () => {
    const story = readBack(running('ask').events(text('Half')));
    assert.deepEqual(decisions(story), ['9 ask 0/3']);
    story.each(says('go-on'), synced('idle'), mended);
    assert.deepEqual(decisions(story), ['9 ask 0/3', '9 resume 0/3']);
    assert.equal(sends(story), 2);
  });

  it('off: settles as ever, and nothing is decided', () => {
    for (const trouble of [died, sendFailed, owner(true)]) {
      const story = sent('off');
      assert.deepEqual(
        asked(story, trouble).filter((what) => what !== 'abort'),
        [],
      );
      assert.notEqual(story.settled, undefined);
      assert.notEqual(story.settled?.outcome, 'ok');
    }
    const story = running('off').events(text('Half')).each(died);
    assert.deepEqual([count(story, 'incident'), story.settled?.outcome], [0, 'server-unreachable']);
  });
});

describe('a turn whose window went away with its server', () => {
  it('R-06: is offered, whatever it did', () => {
    for (const story of [sent(), running(), running().events(text('Half'), tool('running'))]) {
      assert.deepEqual(asked(story, owner(true)), []);
      assert.deepEqual(decisions(story), ['2 offer 0/3']);
      assert.equal(phase(story), 'asking');
      story.each(says('keep'));
      assert.equal(story.settled?.outcome, 'interrupted');
    }
  });

  it('R-04: goes on when the user says so, the call in doubt being named in the offer', () => {
    const story = running().events(text('Half'), tool('running')).each(owner(true), says('go-on'));
    assert.deepEqual(asked(story, ...back), ['sync']);
    story.each(synced('idle'), mended);
    assert.deepEqual(decisions(story), ['2 offer 0/3', '9 resume 0/3']);
    const offer = story.records.find((record) => record.kind === 'decision');
    assert.match(offer?.reason ?? '', /not known: “bash: npm test”/);
    assert.equal(sends(story), 2);
  });

  it('T-02: is a success when the final answer had come', () => {
    const story = running()
      .events(text('Done', { endedAt: 2000 }), finished())
      .each(owner(true));
    assert.deepEqual([story.settled?.outcome, story.settled?.inferred], ['ok', true]);
  });

  it('R-07: is over when it had been stopped', () => {
    const story = running().each(stop, owner(true));
    assert.equal(story.settled?.outcome, 'interrupted');
    assert.equal(count(story, 'incident'), 0);
  });

  it('asks the user whose agreement the last window did not come to carry out', () => {
    const story = asking().each(says('go-on'), owner(true));
    assert.equal(phase(story), 'asking');
    assert.deepEqual(decisions(story).at(-1), '2 offer 0/3');
  });
});
