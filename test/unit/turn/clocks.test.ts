import assert from 'node:assert/strict';
import { stallLimits } from '../../../src/core/turn/clocks.ts';
import {
  allowed,
  answering,
  armings,
  ask,
  incidents,
  LIMITS,
  MINUTE,
  pass,
  requests,
  retry,
  rungs,
  SECOND,
  stalls,
  stop,
  stream,
  synced,
  taken,
} from '../support/silence.ts';
import {
  begin,
  delta,
  finished,
  idle,
  PROMPT,
  running,
  SESSION,
  type Story,
  tool,
} from '../support/story.ts';

describe('the clocks of silence', () => {
  it('a model that does not begin to answer is looked at after two minutes', () => {
    const story = pass(taken(), 119 * SECOND);
    assert.deepEqual(stalls(story), []);
    assert.equal(story.view.header().stallLimitMs, 120 * SECOND);
    assert.deepEqual(stalls(pass(story, SECOND)), ['first-byte 120 status']);
    assert.deepEqual(requests(story), ['sync']);
  });

  it('are armed before the request leaves: an engine that says nothing at all is looked at too', () => {
    const story = begin().tell(
      {
        kind: 'turn-drafted',
        turnId: 't1',
        sessionId: SESSION,
        prompt: PROMPT,
        label: '',
        limits: LIMITS,
      },
      { kind: 'attempt-started', turnId: 't1', attempt: 1 },
    );
    const types = story.effects.map(({ type }) => type);
    assert.ok(types.indexOf('timer') < types.indexOf('send'));
    story.tell(
      { kind: 'prompt-send-started', turnId: 't1' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    );
    assert.deepEqual(stalls(pass(story, 2 * MINUTE)), ['first-byte 120 status']);
  });

  it('a model that has begun has three minutes, counted from its last word', () => {
    const story = answering();
    pass(story, 100 * SECOND).events(delta(' and'));
    pass(story, 179 * SECOND);
    assert.deepEqual(stalls(story), []);
    assert.deepEqual(stalls(pass(story, SECOND)), ['model 180 status']);
  });

  it('a model that writes the arguments of a call is a model, and not a tool', () => {
    const story = answering().events(tool('pending', { summary: '' }));
    assert.deepEqual(stalls(pass(story, 180 * SECOND)), ['model 180 status']);
  });

  it('C-06: a tool may be silent for 25 minutes, and the model has its own three after it', () => {
    const story = answering().events(tool('running'));
    assert.equal(story.view.header().stallLimitMs, 30 * MINUTE);
    pass(story, 25 * MINUTE);
    assert.deepEqual(stalls(story), []);
    story.events(tool('completed'));
    assert.equal(story.view.header().stallLimitMs, 3 * MINUTE);
    pass(story, 3 * MINUTE);
    assert.deepEqual(stalls(story), ['model 180 status']);
  });

  it('a tool that is silent for half an hour is looked at', () => {
    assert.deepEqual(stalls(pass(answering().events(tool('running')), 30 * MINUTE)), ['tool 1800 status']);
  });

  it('C-06: what a sub-agent does is progress of its parent', () => {
    const child = 'ses_child';
    const story = answering().events(
      { type: 'session', sessionId: child, parentId: SESSION, title: 'Look' },
      tool('running', { tool: 'task', childSessionId: child }),
    );
    for (let minutes = 0; minutes < 60; minutes += 20) {
      pass(story, 20 * MINUTE).events(tool('completed', { id: `prt_${minutes}` }, child));
    }
    assert.deepEqual(stalls(story), []);
    assert.deepEqual(stalls(pass(story, 30 * MINUTE)), ['tool 1800 status']);
  });

  it('C-03: wake by themselves: nothing has to come from the server for that', () => {
    const story = answering();
    assert.deepEqual(story.armed.includes('stall'), true);
    const before = story.records.length;
    pass(story, 180 * SECOND);
    assert.ok(story.records.slice(before).every(({ kind }) => kind === 'timer' || kind === 'stall'));
    assert.deepEqual(rungs(story), ['status']);
  });

  it('cost nothing by the event: 500 a second for a minute arm one timer', () => {
    const story = answering();
    const before = armings(story);
    for (let n = 0; n < 60 * 500; n++) story.after(2).events(delta('x'));
    assert.equal(armings(story), before);
    assert.equal(before, 1);
  });

  it('stand still while the user is asked, and begin anew with the answer', () => {
    const story = pass(answering().events(ask), 60 * MINUTE);
    assert.deepEqual(stalls(story), []);
    story.tell({ kind: 'answered', askId: 'per_1', answer: { type: 'permission', reply: 'once' } });
    story.events(allowed);
    pass(story, 179 * SECOND);
    assert.deepEqual(stalls(story), []);
    assert.deepEqual(stalls(pass(story, SECOND)), ['model 180 status']);
  });

  it('do not take the engine’s own wait before it asks the model again for silence', () => {
    const story = answering();
    story.events(retry(story.now + 10 * MINUTE));
    pass(story, 12 * MINUTE);
    assert.deepEqual(stalls(story), []);
    // Silent since the moment at which it meant to go on.
    assert.deepEqual(stalls(pass(story, MINUTE)), ['model 180 status']);
  });

  it('stand still while the server cannot be reached', () => {
    const story = answering().tell({ kind: 'server', generation: 1, state: 'unreachable', reason: 'Away.' });
    pass(story, 4 * MINUTE);
    assert.deepEqual(stalls(story), []);
    story.tell({ kind: 'server', generation: 2, state: 'ready' });
    pass(story, 179 * SECOND);
    assert.deepEqual(stalls(story), []);
  });

  it('do not judge what cannot be heard: while the stream is lost, a server that answers is left alone', () => {
    const story = answering().tell(stream('lost'));
    for (let n = 0; n < 3; n++) pass(story, 180 * SECOND).tell(synced('busy'));
    assert.deepEqual(requests(story), ['sync', 'sync', 'sync']);
    assert.deepEqual(rungs(story), ['status', 'status', 'status']);
  });

  it('C-10, S-12: end a turn whose server neither tells anything nor answers', () => {
    const story = pass(answering().tell(stream('lost')), 4 * MINUTE);
    assert.deepEqual(rungs(story), ['status', 'abort', 'restart']);
    assert.deepEqual(requests(story), ['sync', 'abort', 'sync', 'give-up-server']);
  });

  describe('S-12: a server at work that answers nothing any more', () => {
    const unresponsive = { kind: 'server', generation: 1, state: 'unresponsive' } as const;
    const ended = {
      kind: 'server',
      generation: 1,
      state: 'stopped',
      exit: { signal: 'SIGTERM', stderrTail: '', expected: true },
    } as const;
    const decisions = (story: Story): string[] =>
      story.records.flatMap((record) => (record.kind === 'decision' ? [record.decision] : []));

    it('is given up before the clocks of its turn have run out, and the turn goes on', () => {
      const story = answering().tell(unresponsive);
      assert.deepEqual(requests(story), ['give-up-server']);
      assert.deepEqual(incidents(story), [{ type: 'server-unreachable' }]);
      story.tell({ kind: 'server', generation: 1, state: 'stopping' }, ended);
      assert.deepEqual(incidents(story).length, 1, 'its death is no incident of its own');
      story.tell(synced('idle'));
      assert.deepEqual(decisions(story), ['resume']);
    });

    it('cuts off a command, of which the engine then says what it likes: it is asked about', () => {
      const story = answering().events(tool('running')).tell(unresponsive, ended);
      story.events(tool('completed')).tell(synced('idle'));
      assert.deepEqual(decisions(story), ['ask']);
    });

    it('ends a turn that is not recovered, and is given up all the same', () => {
      const story = answering('off').tell(unresponsive);
      assert.equal(story.settled?.outcome, 'server-unreachable');
      assert.match(story.settled.message ?? '', /did not answer any more/);
      assert.deepEqual(requests(story), ['give-up-server']);
    });

    it('leaves the user’s stop to its own clock', () => {
      const story = answering().tell(stop, unresponsive);
      assert.deepEqual([requests(story), incidents(story)], [['abort'], []]);
    });
  });

  for (const [what, ms] of [
    ['a sleep of ten minutes', 10 * MINUTE],
    ['a clock set back by an hour', -60 * MINUTE],
  ] as const) {
    it(`are blind to ${what}: the server is asked once, and the silence counts from there`, () => {
      const story = answering();
      const armed = story.state.turn?.watch?.armed;
      story.now += (armed?.ms ?? 0) + ms;
      story.timer('stall').tell(synced('busy'));
      assert.deepEqual([stalls(story), requests(story)], [[], ['sync']]);
      pass(story, 179 * SECOND);
      assert.deepEqual([stalls(story), requests(story)], [[], ['sync']]);
      assert.deepEqual(stalls(pass(story, SECOND)), ['model 180 status']);
    });
  }

  it('end with their turn', () => {
    const story = answering().events(finished(), idle);
    assert.equal(story.settled?.outcome, 'ok');
    assert.equal(story.armed.includes('stall'), false);
    story.timer('stall');
    assert.deepEqual(stalls(story), []);
  });

  it('S-07: begin anew with the next turn, whatever was under way', () => {
    const story = pass(answering(), 180 * SECOND)
      .events(finished())
      .tell(synced('idle'));
    assert.ok(story.settled);
    story.now += MINUTE;
    story.tell(
      {
        kind: 'turn-drafted',
        turnId: 't2',
        sessionId: SESSION,
        prompt: { ...PROMPT, messageId: 'msg_user2' },
        label: '',
        limits: LIMITS,
      },
      { kind: 'attempt-started', turnId: 't2', attempt: 1 },
    );
    const { watch } = story.state.turn!;
    assert.deepEqual(watch?.ladder, { step: 'none' });
    assert.deepEqual(watch?.armed, { at: story.now, ms: 120 * SECOND });
    // A late timer of the turn before is none of this one's.
    story.timer('stall');
    assert.deepEqual(rungs(story), ['status']);
  });

  it('a turn of a journal without limits has none', () => {
    const story = running();
    assert.equal(story.armed.includes('stall'), false);
    assert.equal(story.view.header().stallLimitMs, 180 * SECOND);
  });

  it('give a slow model more time for its first word too', () => {
    const { firstByteMs, modelMs } = stallLimits({ stallTimeoutMs: 900_000, toolStallTimeoutMs: 900_000 });
    assert.deepEqual([firstByteMs, modelMs], [600_000, 900_000]);
    assert.equal(LIMITS.firstByteMs, 120_000);
  });

  it('are armed again by the process that goes on with the turn', () => {
    const story = answering();
    const before = armings(story);
    story.tell({ kind: 'owner', owner: { pid: 2, startedAt: 1 }, reason: 'return' });
    assert.equal(armings(story), before + 1);
  });
});
