import assert from 'node:assert/strict';
import { RECOVERIES_PER_TURN } from '../../../src/core/recovery/decide.ts';
import {
  aborted,
  answering,
  armings,
  ask,
  givenUp,
  incidents,
  MINUTE,
  pass,
  requests,
  rungs,
  SECOND,
  stalls,
  stop,
  stream,
  synced,
  taken,
} from '../support/silence.ts';
import { answer, busy, delta, finished, idle, SESSION, text, tool } from '../support/story.ts';

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
    assert.equal(requests(story).includes('give-up-server'), false);
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
      story.effects.flatMap(({ type }) => (type === 'give-up-server' || type === 'recover' ? [type] : [])),
      ['give-up-server', 'recover'],
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
    assert.equal(requests(story).filter((request) => request === 'give-up-server').length, 1);
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
    assert.equal(requests(story).at(-1), 'give-up-server');
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
