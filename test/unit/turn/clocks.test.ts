import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody, StallLimits } from '../../../src/core/journal/record.ts';
import type { RecoveryMode } from '../../../src/core/recovery/incident.ts';
import { RECOVERIES_PER_TURN } from '../../../src/core/recovery/decide.ts';
import { stallLimits } from '../../../src/core/turn/clocks.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { JournalWriter } from '../../../src/node/journal/journal-writer.ts';
import { Run } from '../../../src/node/run/run.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import {
  answer,
  begin,
  busy,
  delta,
  finished,
  idle,
  PROMPT,
  running,
  SESSION,
  type Story,
  text,
  tool,
  userPart,
} from '../support/story.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const LIMITS = stallLimits({ stallTimeoutMs: 180 * SECOND, toolStallTimeoutMs: 30 * MINUTE });

const synced = (status: 'idle' | 'busy' | 'retry' | 'unknown'): RecordBody => ({
  kind: 'synced',
  turnId: 't1',
  status,
});
const stream = (state: 'open' | 'lost'): RecordBody => ({ kind: 'stream', generation: 1, state });
const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
const retry = (nextAt: number): EngineEvent => ({
  type: 'status',
  sessionId: SESSION,
  status: { type: 'retry', attempt: 1, message: 'Overloaded', nextAt },
});
const ask: EngineEvent = {
  type: 'ask',
  sessionId: SESSION,
  ask: {
    type: 'permission',
    id: 'per_1',
    sessionId: SESSION,
    permission: 'bash',
    patterns: ['npm test'],
    always: [],
  },
};
const allowed: EngineEvent = { type: 'ask-closed', sessionId: SESSION, askId: 'per_1', reply: 'once' };
const aborted = (): EngineEvent[] => [
  { type: 'error', sessionId: SESSION, error: { name: 'MessageAbortedError', message: 'Aborted' } },
  idle,
  answer({ completedAt: 1, error: { name: 'MessageAbortedError', message: 'Aborted' } }),
];

/** A turn with clocks that the engine has taken and not answered yet. */
function taken(recovery: RecoveryMode = 'auto', limits: StallLimits = LIMITS): Story {
  return begin()
    .tell(
      { kind: 'turn-drafted', turnId: 't1', sessionId: SESSION, prompt: PROMPT, label: '', recovery, limits },
      { kind: 'attempt-started', turnId: 't1', attempt: 1 },
      { kind: 'prompt-send-started', turnId: 't1' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    )
    .events(userPart, busy, answer({}));
}

/** One that has begun to answer. */
function answering(recovery: RecoveryMode = 'auto'): Story {
  return taken(recovery).events(text('', {}), delta('Hello'));
}

/** Time passes, in which the timer of the clocks fires when it is due. */
function pass(story: Story, ms: number): Story {
  const end = story.now + ms;
  for (;;) {
    const armed = story.state.turn?.watch?.armed;
    if (armed === undefined || armed.at + armed.ms > end) break;
    story.now = armed.at + armed.ms;
    story.timer('stall');
  }
  story.now = end;
  return story;
}

/** As far as the abort of a turn that was silent for too long. */
function givenUp(story: Story): Story {
  pass(story, 180 * SECOND)
    .events(busy, answer({}), text('', {}))
    .tell(synced('busy'));
  return pass(story, SECOND);
}

const stalls = (story: Story): string[] =>
  story.records.flatMap((record) =>
    record.kind === 'stall' ? [`${record.clock} ${record.silentMs / SECOND} ${record.rung}`] : [],
  );
const rungs = (story: Story): string[] =>
  story.records.flatMap((record) => (record.kind === 'stall' ? [record.rung] : []));
const incidents = (story: Story): unknown[] =>
  story.records.flatMap((record) => (record.kind === 'incident' ? [record.cause] : []));
const requests = (story: Story): string[] =>
  story.effects.flatMap(({ type }) =>
    type === 'sync' || type === 'abort' || type === 'restart-server' ? [type] : [],
  );
const armings = (story: Story): number =>
  story.effects.filter((effect) => effect.type === 'timer' && effect.name === 'stall').length;

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

  it('do not judge what cannot be heard: while the stream is lost the server is asked, and nothing stopped', () => {
    const story = pass(answering().tell(stream('lost')), 10 * MINUTE);
    assert.deepEqual(stalls(story), []);
    assert.ok(requests(story).length >= 3);
    assert.ok(requests(story).every((request) => request === 'sync'));
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

describe('what is done about silence', () => {
  it('C-05: a session that the server calls idle settles as ever', () => {
    const story = pass(answering(), 180 * SECOND)
      .events(finished())
      .tell(synced('idle'));
    assert.equal(story.settled?.outcome, 'ok');
    assert.deepEqual([rungs(story), requests(story), incidents(story)], [['status'], ['sync'], []]);
  });

  it('C-05: a busy session is stopped, and is a failure of its own kind once it has ended', () => {
    const story = givenUp(answering());
    assert.deepEqual(stalls(story), ['model 180 status', 'model 180 abort']);
    assert.deepEqual(requests(story), ['sync', 'abort']);
    assert.deepEqual(incidents(story), []);
    story.events(...aborted());
    assert.ok(story.armed.includes('idle'), 'its last messages may still be under way');
    story.timer('idle').tell(synced('idle'));
    assert.deepEqual(incidents(story), [{ type: 'session-stalled', clock: 'model', silentMs: 180 * SECOND }]);
    assert.equal(story.armed.includes('stall'), false);
    assert.equal(requests(story).includes('restart-server'), false);
  });

  it('C-05: no answer is no life either', () => {
    const story = pass(answering(), 180 * SECOND);
    assert.deepEqual(rungs(pass(story, 30 * SECOND)), ['status', 'abort']);
    const told = pass(answering(), 180 * SECOND).tell(synced('unknown'));
    assert.deepEqual(rungs(pass(told, SECOND)), ['status', 'abort']);
  });

  it('only a turn that does not end when it is stopped costs the server', () => {
    const story = pass(givenUp(answering()), 5 * SECOND);
    assert.deepEqual(requests(story), ['sync', 'abort', 'sync']);
    story.tell(synced('busy'));
    assert.deepEqual(rungs(story), ['status', 'abort', 'restart']);
    assert.deepEqual(
      story.effects.flatMap(({ type }) => (type === 'restart-server' || type === 'recover' ? [type] : [])),
      ['restart-server', 'recover'],
    );
    // Its death, which follows, is no incident of its own.
    story.tell({ kind: 'server', generation: 1, state: 'stopping' });
    story.tell({
      kind: 'server',
      generation: 1,
      state: 'stopped',
      exit: { signal: 'SIGTERM', stderrTail: '', expected: true },
    });
    assert.deepEqual(incidents(story), [{ type: 'session-stalled', clock: 'model', silentMs: 180 * SECOND }]);
  });

  it('a server that says nothing at all is restarted ten seconds after the abort', () => {
    const story = pass(givenUp(answering()), 10 * SECOND);
    assert.deepEqual(rungs(story), ['status', 'abort', 'restart']);
    assert.equal(requests(story).filter((request) => request === 'restart-server').length, 1);
  });

  it('what is read back is no progress, but what comes after it is', () => {
    const story = pass(answering(), 180 * SECOND);
    story.events(busy, answer({}), text('', {})).tell(synced('busy'));
    story.after(40).events(delta(' there'));
    pass(story, 2 * MINUTE);
    assert.deepEqual(rungs(story), ['status']);
    assert.deepEqual(rungs(pass(story, MINUTE)), ['status', 'status']);
  });

  it('a session that has got further than was told was not silent', () => {
    const story = pass(answering(), 180 * SECOND);
    story.events(text('More', { id: 'prt_more' })).tell(synced('busy'));
    assert.deepEqual(rungs(pass(story, 2 * MINUTE)), ['status']);
  });

  it('a request for the user that was missed is shown, and waited for', () => {
    const story = pass(answering(), 180 * SECOND)
      .events(ask)
      .tell(synced('busy'));
    pass(story, 10 * MINUTE);
    assert.deepEqual(rungs(story), ['status']);
    assert.equal(story.view.header().turn, 'waiting');
  });

  it('a word that comes together with the decision to stop the turn is heard', () => {
    const story = pass(answering(), 180 * SECOND).tell(synced('busy'));
    const before = armings(story);
    story
      .after(SECOND)
      .tell({ kind: 'timer', turnId: 't1', name: 'stall' }, { kind: 'event', event: delta('!') });
    assert.deepEqual([requests(story), armings(story)], [['sync'], before + 1]);
  });

  it('the user’s stop wins, at each step', () => {
    const steps = [
      pass(answering(), 180 * SECOND),
      pass(answering(), 180 * SECOND).tell(synced('busy')),
      givenUp(answering()),
      pass(givenUp(answering()), 5 * SECOND),
    ];
    for (const story of steps) {
      const before = rungs(story);
      story.tell(stop);
      assert.equal(story.armed.includes('stall'), false);
      story.events(...aborted()).timer('stop');
      assert.equal(story.settled?.outcome, 'interrupted');
      assert.deepEqual([rungs(story), incidents(story)], [before, []]);
    }
  });

  it('a final answer that comes while the turn is stopped is one', () => {
    const story = givenUp(answering('off')).events(finished(), idle).timer('inferred');
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('a slept through abort is asked after, and not punished', () => {
    const story = givenUp(answering());
    story.now += 10 * MINUTE;
    story.timer('stall');
    assert.deepEqual(rungs(story), ['status', 'abort']);
    story.tell(synced('idle'));
    assert.equal(incidents(story).length, 1);
  });

  it('goes on in the window that comes back', () => {
    const story = givenUp(answering()).tell(
      { kind: 'owner', owner: { pid: 2, startedAt: 1 }, reason: 'return' },
      stream('open'),
      synced('idle'),
    );
    assert.deepEqual(incidents(story), [{ type: 'session-stalled', clock: 'model', silentMs: 180 * SECOND }]);
  });

  it('remembers which calls ran when the turn was stopped, those of sub-agents too, however they are said to end', () => {
    const child = 'ses_child';
    const story = answering().events(
      { type: 'session', sessionId: child, parentId: SESSION, title: 'Look' },
      tool('pending', { id: 'prt_pending' }),
      tool('completed', { id: 'prt_done' }),
      tool('running', { id: 'prt_task', childSessionId: child }),
      tool('running', { id: 'prt_child' }, child),
    );
    pass(story, 30 * MINUTE).tell(synced('busy'));
    // One begins between the decision and the server's hearing of it.
    pass(story, SECOND).events(tool('running', { id: 'prt_late' }));
    story.events(tool('completed', { id: 'prt_task' }), tool('error', { id: 'prt_child' }, child));
    assert.deepEqual(story.state.turn?.cutTools, ['prt_task', 'prt_child', 'prt_late']);
  });

  it('C-10: a stalled turn that is not recovered ends as stalled, also where the server answers', () => {
    const story = givenUp(answering('off')).events(...aborted());
    story.timer('idle').tell(synced('idle'));
    assert.equal(story.settled?.outcome, 'session-stalled');
    assert.match(story.settled?.message ?? '', /silent for 180 s\. The turn was stopped\. .*kept/);
    assert.deepEqual(
      story.rows('card').map(({ title, tone }) => [title, tone]),
      [['Stalled', 'error']],
    );
  });

  it('C-10: with recovery off a server that cannot end the turn is restarted, and the turn still ends as stalled', () => {
    const story = pass(givenUp(answering('off')), 10 * SECOND);
    assert.equal(story.settled?.outcome, 'session-stalled');
    assert.equal(requests(story).at(-1), 'restart-server');
  });

  it('C-10, R-03: each stall is an incident with its phase, they stay, and the last one is a visible failure', () => {
    const story = taken();
    for (let attempt = 1; attempt <= RECOVERIES_PER_TURN + 1; attempt++) {
      pass(story, 120 * SECOND).tell(synced('busy'));
      pass(story, SECOND).events(...aborted());
      story.timer('idle').tell(synced('idle'));
      assert.equal(incidents(story).length, attempt);
      // The session is read back, and put in order.
      story.tell(synced('idle'));
      if (attempt > RECOVERIES_PER_TURN) break;
      story
        .tell({ kind: 'session-mended', turnId: 't1' })
        .tell({ kind: 'prompt-send-started', turnId: 't1' }, { kind: 'prompt-send-completed', turnId: 't1' })
        .events(busy, answer({ id: `msg_${attempt}` }));
    }
    assert.deepEqual(
      incidents(story),
      Array.from({ length: RECOVERIES_PER_TURN + 1 }, () => ({
        type: 'session-stalled',
        clock: 'first-byte',
        silentMs: 120 * SECOND,
      })),
    );
    assert.equal(story.settled?.outcome, 'session-stalled');
    assert.match(story.settled?.message ?? '', /used up \(3\/3\)/);
  });

  it('R-03: a recovered stall stays in the history of a success', () => {
    const story = givenUp(answering()).events(...aborted());
    story.timer('idle').tell(synced('idle')).tell(synced('idle'));
    story
      .tell({ kind: 'session-mended', turnId: 't1' })
      .tell({ kind: 'prompt-send-started', turnId: 't1' }, { kind: 'prompt-send-completed', turnId: 't1' })
      .events(busy, finished({ id: 'msg_b' }), idle);
    assert.equal(story.settled?.outcome, 'ok');
    assert.equal(incidents(story).length, 1);
    assert.match(story.rows('card')[0]?.title ?? '', /^Recovered: Model silent/);
  });

  it('each step is shown', () => {
    const story = pass(givenUp(answering()), 10 * SECOND);
    assert.deepEqual(
      story.rows('notice').map((row) => row.text),
      [
        'The model was silent for 180 s; asking the server how the session stands',
        'There is no other sign of life, so the turn is being stopped',
        'The turn could not be stopped, so the server is restarted',
      ],
    );
  });
});

describe('a run whose session falls silent', () => {
  it('asks, stops, asks again and has the server restarted, each once, and settles as stalled', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-stall-'));
    const clock = new FakeClock();
    const client = new FakeClient();
    let asked = 0;
    let restarted = 0;
    client.snapshotting = () => {
      asked++;
      return Promise.resolve({ status: { type: 'busy' }, events: [userPart, answer({}), text('', {})] });
    };
    const run = new Run({
      id: 'r1',
      writer: new JournalWriter(folder),
      clock,
      stallLimitMs: LIMITS.modelMs,
      stall: {
        limits: LIMITS,
        restartServer: () => {
          restarted++;
          return Promise.resolve();
        },
      },
      recovery: 'off',
      onJournalError: assert.fail,
      onLeaseLost: () => assert.fail('nobody takes it'),
      onRecover: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      onReviewEffect: () => Promise.resolve(),
    });
    /** Lets what was promised happen after each second. */
    const advance = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += SECOND) {
        clock.advance(SECOND);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    try {
      for (const record of begin().records.slice(0, 2)) run.append(record);
      run.connect({ generation: 1, client });
      await run.createSession('Test');
      run.startTurn(SESSION, PROMPT, '');
      await advance(SECOND);
      run.onEvents([userPart, busy, answer({}), text('', {}), delta('Hello')]);
      // Events are told in batches, so that the silence begins with the next second.
      await advance(181 * SECOND);
      assert.deepEqual([asked, client.aborted, restarted], [1, [], 0]);
      await advance(SECOND);
      assert.deepEqual([asked, client.aborted, restarted], [1, [SESSION], 0]);
      await advance(6 * SECOND);
      assert.deepEqual([asked, client.aborted, restarted], [2, [SESSION], 1]);
      assert.equal(run.active, false);
      const { records } = readJournal(folder);
      assert.deepEqual(
        records.flatMap((record) => (record.kind === 'turn-settled' ? [record.outcome] : [])),
        ['session-stalled'],
      );
      await advance(10 * MINUTE);
      assert.deepEqual([asked, client.aborted.length, restarted], [2, 1, 1]);
    } finally {
      run.close();
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
