import assert from 'node:assert/strict';
import type { EngineEvent, Repair } from '../../../src/core/engine.ts';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import type { RecoveryMode } from '../../../src/core/recovery/incident.ts';
import { HAD_NOT_STARTED, MAY_HAVE_RUN } from '../../../src/core/recovery/tool-fact.ts';
import { READ_BACK_MS, RESYNC_MS } from '../../../src/core/turn/state.ts';
import {
  answer,
  busy,
  delta,
  finished,
  idle,
  PROMPT,
  running as runningIn,
  sent as sentIn,
  SESSION,
  type Story,
  text,
  tool,
  userPart,
} from '../support/story.ts';

const sent = (mode: RecoveryMode = 'auto'): Story => sentIn('prompt', mode);
const running = (mode: RecoveryMode = 'auto'): Story => runningIn('prompt', mode);

const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
const lost: RecordBody = { kind: 'stream', generation: 1, state: 'lost' };
const died: RecordBody = { kind: 'server', generation: 1, state: 'stopped', exit };
const diedAgain: RecordBody = { kind: 'server', generation: 2, state: 'stopped', exit };
const ready: RecordBody = { kind: 'server', generation: 2, state: 'ready' };
const open: RecordBody = { kind: 'stream', generation: 2, state: 'open' };
const back: readonly RecordBody[] = [ready, open];
const mended: RecordBody = { kind: 'session-mended', turnId: 't1' };
const notMended: RecordBody = { kind: 'session-mended', turnId: 't1', problem: 'No.' };
const noServer: RecordBody = {
  kind: 'recovery-failed',
  turnId: 't1',
  reason: '3 of 3 restarts are used up.',
};
const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
const sendStarted: RecordBody = { kind: 'prompt-send-started', turnId: 't1' };
const sendCompleted: RecordBody = { kind: 'prompt-send-completed', turnId: 't1' };
const sendFailed: RecordBody = {
  kind: 'prompt-send-failed',
  turnId: 't1',
  fateUnknown: true,
  error: { name: 'RequestError', message: 'no reply' },
};
const permission: EngineEvent = {
  type: 'ask',
  sessionId: SESSION,
  ask: {
    type: 'permission',
    id: 'per_1',
    sessionId: SESSION,
    permission: 'bash',
    patterns: ['npm test'],
    always: [],
    callId: 'call_1',
  },
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
const owner = (serverGone?: true): RecordBody => ({
  kind: 'owner',
  owner: { pid: 2, startedAt: 0 },
  reason: 'return',
  ...(serverGone === undefined ? {} : { serverGone }),
});

/** What is asked for because of these records, apart from records and cancelled timers. */
function asked(story: Story, ...bodies: RecordBody[]): string[] {
  const before = story.effects.length;
  story.each(...bodies);
  return story.effects.slice(before).flatMap((effect) => {
    if (effect.type === 'timer') return [`timer ${effect.name}`];
    return effect.type === 'cancel-timer' ? [] : [effect.type];
  });
}

const phase = (story: Story): string | undefined => story.state.turn?.phase;
const count = (story: Story, kind: RecordBody['kind']): number =>
  story.records.filter((record) => record.kind === kind).length;
const sends = (story: Story): number => story.effects.filter(({ type }) => type === 'send').length;

function decisions(story: Story): string[] {
  return story.records.flatMap((record) =>
    record.kind === 'decision' ? [`${record.rule} ${record.decision} ${record.n}/${record.limit}`] : [],
  );
}

function notices(story: Story): (string | undefined)[] {
  return story.records.flatMap((record) => (record.kind === 'attempt-started' ? [record.notice] : []));
}

function lastRepairs(story: Story): readonly Repair[] | undefined {
  return story.effects.flatMap((effect) => (effect.type === 'mend' ? [effect.repairs] : [])).at(-1);
}

/** The server dies and is there again, and the session was read. */
const readBack = (story: Story): Story =>
  story
    .each(lost, died)
    .each(...back)
    .each(synced('idle'));

/** The stages of recovery, each as far as it goes by itself. */
const failed = (): Story => running().events(text('Half')).each(died);
const asking = (): Story => readBack(running().events(text('I test.'), tool('running')));
const mending = (): Story => readBack(running().events(text('Half')));

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
    const message = (id: string): EngineEvent => ({
      type: 'message',
      sessionId: SESSION,
      message: { id, role: 'user', createdAt: 1 },
    });
    const story = running()
      .events(message(PROMPT.messageId), text('Half'))
      .each(died, ...back);
    story.events(message('msg_other')).each(synced('idle'));
    assert.deepEqual(decisions(story), ['7 stop 0/3']);
    assert.match(story.settled?.message ?? '', /another prompt/);
  });
});

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
    assert.deepEqual(asked(story, diedAgain), ['recover', 'timer read-back']);
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
