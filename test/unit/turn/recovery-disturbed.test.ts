import assert from 'node:assert/strict';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { READ_BACK_MS, RESYNC_MS } from '../../../src/core/turn/state.ts';
import {
  asked,
  asking,
  back,
  count,
  decisions,
  died,
  diedAgain,
  failed,
  mended,
  mending,
  noServer,
  notMended,
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
  sends,
  sent,
  stop,
  synced,
} from '../support/recovery-story.ts';
import { answer, finished, idle, type Story, text, tool, userPart } from '../support/story.ts';

describe('recovery, disturbed', () => {
  const stages: Record<string, () => Story> = { failed, asking, mending };

  for (const [name, stage] of Object.entries(stages)) {
    it(`R-07: a stop while it is ${name} ends the turn at once, and nothing is sent after it`, () => {
      const story = stage();
      assert.equal(phase(story), name);
      assert.deepEqual(asked(story, stop), []);
      assert.deepEqual([story.settled?.outcome, story.settled?.message], ['interrupted', 'Stopped by you.']);
      assert.deepEqual(story.armed, []);
      const late = asked(story, ...back, synced('idle'), mended, says('go-on'), died, owner());
      assert.deepEqual(late, []);
      assert.equal(sends(story), 1);
    });

    it(`R-07: a stop that another process could not carry out any more ends it while it is ${name}`, () => {
      const story = stage();
      // As a journal has it whose writer died right behind the stop.
      story.state.turn = { ...story.state.turn!, stop: 'user' };
      assert.deepEqual(asked(story, owner()), []);
      assert.equal(story.settled?.outcome, 'interrupted');
    });

    it(`a new process goes on with it while it is ${name}, the server being there`, () => {
      const story = stage();
      const goesOn = asked(story, owner());
      assert.deepEqual(goesOn, name === 'asking' ? [] : ['recover', 'timer read-back']);
      assert.equal(count(story, 'incident'), 1);
      if (name === 'asking') story.each(says('go-on'));
      story.each(synced('idle'), mended);
      assert.equal(sends(story), 2);
    });

    it(`R-06: it is offered, and not gone on with, when the server is gone too while it is ${name}`, () => {
      const story = stage();
      assert.deepEqual(asked(story, owner(true)), []);
      assert.equal(phase(story), 'asking');
      const last = decisions(story).at(-1);
      assert.equal(last, name === 'asking' ? '6 ask 0/3' : `2 offer ${name === 'mending' ? 1 : 0}/3`);
      assert.equal(sends(story), 1);
      assert.deepEqual(asked(story, says('go-on')), ['recover', 'timer read-back']);
      story.each(...back, synced('idle'), mended);
      assert.equal(sends(story), 2);
    });

    it(`late and doubled records change nothing while it is ${name}`, () => {
      const story = stage();
      const { turn } = story.state;
      const decision = story.records.findLast((record) => record.kind === 'decision');
      const incident = story.records.findLast((record) => record.kind === 'incident');
      const late: RecordBody[] = [
        ...(incident === undefined ? [] : [incident, { ...incident, attempt: 0 }]),
        ...(decision === undefined || name === 'failed' ? [] : [decision]),
        { kind: 'attempt-started', turnId: 't0', attempt: 1 },
        {
          kind: 'decision',
          turnId: 't1',
          attempt: 7,
          decision: 'stop',
          rule: 7,
          reason: '.',
          n: 0,
          limit: 3,
        },
        { kind: 'synced', turnId: 't0', status: 'idle' },
        { kind: 'session-mended', turnId: 't0' },
        ...(name === 'asking'
          ? [synced('idle'), synced('unknown'), noServer]
          : [says('keep'), says('nobody')]),
        ...(name === 'mending' ? [synced('idle'), synced('busy'), noServer] : [mended, notMended]),
        ...(name === 'failed' ? [] : [{ kind: 'timer', turnId: 't1', name: 'read-back' } as const]),
        { kind: 'timer', turnId: 't1', name: 'inferred' },
        sendCompleted,
        sendFailed,
        { kind: 'server', generation: 2, state: 'starting' },
        { kind: 'server', generation: 2, state: 'unreachable', reason: 'Away.' },
      ];
      const effects = late.flatMap((body) => asked(story, body));
      assert.deepEqual(effects, []);
      assert.equal(phase(story), name);
      assert.deepEqual(
        { ...story.state.turn, sending: false, sentAt: 0 },
        { ...turn, sending: false, sentAt: 0 },
      );
    });
  }

  it('another death while the session is read back has it read from the next server', () => {
    const story = failed().each(...back);
    assert.deepEqual(
      asked(story, diedAgain),
      ['recover'],
      'its patience has begun and is one for all of them',
    );
    assert.equal(phase(story), 'failed');
    assert.equal(count(story, 'incident'), 1, 'nothing was sent since');
    story.each({ ...ready, generation: 3 }, { ...open, generation: 3 }, synced('idle'));
    assert.deepEqual(decisions(story), ['9 resume 1/3']);
  });

  it('another death while the session is put in order has it decided again', () => {
    const story = mending();
    assert.deepEqual(asked(story, diedAgain), ['recover', 'timer read-back']);
    assert.deepEqual(asked(story, mended), [], 'that was of the server before');
    story.each({ ...ready, generation: 3 }, { ...open, generation: 3 }, synced('idle'), mended);
    assert.deepEqual(decisions(story), ['9 resume 1/3', '9 resume 2/3']);
    assert.equal(sends(story), 2);
  });

  it('a death while the user is asked leaves the question standing', () => {
    const story = asking();
    assert.deepEqual(asked(story, diedAgain), []);
    assert.equal(phase(story), 'asking');
    assert.deepEqual(asked(story, says('go-on')), ['recover', 'timer read-back']);
  });

  it('C-10: no server to be had is a visible failure with what was tried', () => {
    const story = failed();
    assert.deepEqual(asked(story, noServer), []);
    assert.deepEqual(decisions(story), ['7 stop 0/3']);
    assert.equal(story.settled?.outcome, 'server-unreachable');
    assert.match(
      story.settled?.message ?? '',
      /killed.*What was shown is kept\. 3 of 3 restarts are used up\.$/,
    );
    assert.deepEqual(story.armed, []);
  });

  it('C-10: is a failure also where the user had agreed', () => {
    const story = asking().each(says('go-on'), noServer);
    assert.equal(story.settled?.outcome, 'server-unreachable');
  });

  it('C-14: three recoveries are used up, and said', () => {
    const story = mending();
    for (let tries = 0; tries < 5 && phase(story) === 'mending'; tries++) {
      assert.deepEqual(asked(story, notMended), ['recover', 'timer read-back']);
      story.each(synced('idle'));
    }
    assert.deepEqual(decisions(story), ['9 resume 1/3', '9 resume 2/3', '9 resume 3/3', '7 stop 3/3']);
    assert.equal(sends(story), 1);
    assert.match(story.settled?.message ?? '', /used up \(3\/3\)/);
  });

  it('R-04: an agreement is good for one try: a session that cannot be put in order is not tried for ever', () => {
    const story = asking().each(says('go-on'), synced('idle'), notMended, synced('idle'));
    assert.equal(phase(story), 'asking');
    assert.deepEqual(decisions(story), ['6 ask 0/3', '9 resume 0/3', '6 ask 0/3']);
  });

  it('R-04: an agreement is good for one try: a session that ends each server is not put in order for ever', () => {
    const story = asking().each(says('go-on'), synced('idle'), diedAgain, synced('idle'));
    assert.equal(phase(story), 'asking');
    assert.deepEqual(decisions(story), ['6 ask 0/3', '9 resume 0/3', '6 ask 0/3']);
  });

  it('R-07: a stop that comes together with the end of the mending is in time', () => {
    for (const together of [
      [mended, stop],
      [stop, mended],
    ]) {
      const story = mending().tell(...together);
      assert.equal(story.settled?.outcome, 'interrupted');
      assert.equal(sends(story), 1);
    }
  });

  it('R-07: a stop that comes together with the death ends the turn, and no server is started for it', () => {
    const story = running();
    story.tell(died, stop);
    assert.equal(story.settled?.outcome, 'interrupted');
    assert.ok(!story.effects.some(({ type }) => type === 'recover'));
  });

  it('T-02: a final answer that comes together with the death is a success, once', () => {
    const story = running();
    story.tell({ kind: 'event', event: finished() }, { kind: 'event', event: idle }, died);
    assert.equal(story.settled?.outcome, 'ok');
    assert.equal(count(story, 'turn-settled') + count(story, 'incident'), 1);
  });

  it('C-09: a server that does not say is asked again', () => {
    const story = failed().each(...back);
    for (let again = 0; again < 3; again++) {
      assert.deepEqual(asked(story, synced('unknown')), ['timer idle']);
      assert.deepEqual(asked(story, { kind: 'timer', turnId: 't1', name: 'idle' }), ['sync']);
    }
    assert.equal(phase(story), 'failed');
    const idleTimer = story.effects.findLast((effect) => effect.type === 'timer');
    assert.deepEqual(idleTimer, { type: 'timer', turnId: 't1', name: 'idle', ms: RESYNC_MS });
    story.each(synced('unknown'), synced('idle'));
    assert.equal(phase(story), 'mending');
    assert.deepEqual(story.armed, [], 'it is not asked any more');
  });

  it('5: a session that is not read back in time is a question for the user', () => {
    const story = failed();
    const armed = story.effects.find((effect) => effect.type === 'timer' && effect.name === 'read-back');
    assert.deepEqual(armed, { type: 'timer', turnId: 't1', name: 'read-back', ms: READ_BACK_MS });
    assert.deepEqual(asked(story, { kind: 'timer', turnId: 't1', name: 'read-back' }), []);
    assert.deepEqual(decisions(story), ['5 ask 0/3']);
    assert.equal(phase(story), 'asking');
    story.each(says('go-on'), ...back, synced('idle'));
    assert.deepEqual(decisions(story), ['5 ask 0/3', '9 resume 0/3']);
  });

  it('why the session could not be put in order is shown', () => {
    const story = mending().each(notMended);
    assert.deepEqual(
      story.rows('notice').map((row) => row.text),
      ['The session could not be put in order: No.'],
    );
  });

  it('4: a server that still works on the turn is followed to its end', () => {
    const story = sent().each(sendFailed).events(userPart, answer({})).each(synced('busy'));
    assert.deepEqual(decisions(story), ['4 follow 0/3']);
    assert.equal(phase(story), 'running');
    assert.deepEqual(story.armed, []);
    story.events(text('Done', { endedAt: 2000 }), finished(), idle);
    assert.equal(story.settled?.outcome, 'ok');
    assert.equal(sends(story), 1);
  });

  it('4: what waits for an answer there is asked again', () => {
    const story = sent().each(sendFailed).after(60_000);
    story.events(userPart, answer({}), tool('running'), permission).each(synced('busy'));
    assert.equal(phase(story), 'waiting');
    assert.equal(story.state.turn?.progressAt, story.now, 'the silence before says nothing of it');
    readBack(story);
    assert.deepEqual(decisions(story).at(-1), '9 resume 1/3', 'the permission held the call back');
  });
});
