import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { ACCEPT_MS } from '../../../src/core/turn/state.ts';
import {
  answer,
  begin,
  busy,
  delta,
  finished,
  idle,
  PROMPT,
  running,
  sent,
  SESSION,
  type Story,
  text,
  tool,
  userPart,
} from '../support/story.ts';

const died: RecordBody = {
  kind: 'server',
  generation: 1,
  state: 'stopped',
  exit: { signal: 'SIGKILL', stderrTail: '', expected: false },
};

describe('turn', () => {
  it('C-18: every attempt has its markers in order, ids first', () => {
    const story = running().events(finished(), idle);
    assert.deepEqual(
      story.records.map((record) => record.kind).filter((kind) => kind !== 'event'),
      [
        'run-started',
        'server',
        'session-ready',
        'turn-drafted',
        'attempt-started',
        'prompt-send-started',
        'prompt-send-completed',
        'turn-settled',
        'run-ended',
      ],
    );
  });

  it('sends once, and only when the attempt has started', () => {
    const story = begin().tell({
      kind: 'turn-drafted',
      turnId: 't1',
      sessionId: SESSION,
      prompt: PROMPT,
      label: '',
    });
    assert.deepEqual(story.effects, []);
    story.tell({ kind: 'attempt-started', turnId: 't1', attempt: 1 });
    assert.deepEqual(story.effects, [{ type: 'send', turnId: 't1' }]);
  });

  it('is accepted only when its own part is seen', () => {
    const story = sent().tell({ kind: 'prompt-send-completed', turnId: 't1' });
    assert.equal(story.state.turn?.phase, 'sent');
    story.events({
      type: 'message',
      sessionId: SESSION,
      message: { id: PROMPT.messageId, role: 'user', createdAt: 1 },
    });
    assert.equal(story.state.turn?.phase, 'sent');
    story.events(userPart);
    assert.equal(story.state.turn?.phase, 'accepted');
  });

  it('asks the server when a taken prompt is not seen, and fails when it is not there', () => {
    const story = sent().tell({ kind: 'prompt-send-completed', turnId: 't1' });
    assert.deepEqual(story.armed, ['accept']);
    story.after(ACCEPT_MS).timer('accept');
    assert.deepEqual(story.effects.at(-1), { type: 'sync', turnId: 't1' });
    story.tell({ kind: 'synced', turnId: 't1', status: 'idle' });
    assert.equal(story.settled?.outcome, 'error');
    assert.match(story.settled?.message ?? '', /did not store it/);
  });

  describe('T-01: settles', () => {
    it('on the completion that the engine tells', () => {
      const story = running().events(text('Done', { endedAt: 1 }), finished(), idle);
      assert.equal(story.settled?.outcome, 'ok');
      assert.equal(story.settled?.inferred, false);
    });

    it('on a completion inferred 250 ms after a final answer', () => {
      const story = running().events(finished());
      assert.deepEqual(
        story.effects.findLast((effect) => effect.type === 'timer'),
        {
          type: 'timer',
          turnId: 't1',
          name: 'inferred',
          ms: 250,
        },
      );
      story.timer('inferred');
      assert.equal(story.settled?.outcome, 'ok');
      assert.equal(story.settled?.inferred, true);
    });

    it('on the exit of the process', () => {
      assert.equal(running().tell(died).settled?.outcome, 'server-unreachable');
    });
  });

  it('T-01: settles when its session is deleted, and has the engine stop', () => {
    const story = running().events(text('Half', {}), { type: 'session-gone', sessionId: SESSION });
    assert.equal(story.settled?.outcome, 'interrupted');
    assert.match(story.settled?.message ?? '', /deleted by another client .* kept\.$/);
    assert.ok(story.effects.some(({ type }) => type === 'abort'));
  });

  it('T-02: a process that dies right after the final answer leaves a success', () => {
    const story = running().events(finished()).tell(died);
    assert.equal(story.settled?.outcome, 'ok');
    assert.equal(story.settled?.inferred, true);
  });

  it('T-02: … but not while a sub-agent is outstanding', () => {
    const story = running()
      .events(tool('running', { tool: 'task', childSessionId: 'ses_2' }), finished())
      .tell(died);
    assert.equal(story.settled?.outcome, 'server-unreachable');
  });

  it('T-03: a process that dies before is named with its exit, and nothing stays running', () => {
    const story = running().events(text('Half', {}), tool('running')).tell(died);
    assert.match(story.settled?.message ?? '', /killed \(SIGKILL, signal 9\).*kept/);
    assert.deepEqual(
      story.rows('tool').map((row) => row.status),
      ['unknown'],
    );
    assert.deepEqual(
      story.rows('text').map((row) => [row.text, row.done]),
      [['Half', true]],
    );
    assert.equal(story.view.header().turn, 'settled');
  });

  it('T-04: a stop that was asked for is interrupted, also when the server ends with it', () => {
    const story = running().tell({ kind: 'stop-requested', turnId: 't1', cause: 'close' }).tell(died);
    assert.equal(story.settled?.outcome, 'interrupted');
  });

  it('T-08: a message that ends in tool calls is not a final answer, however complete it looks', () => {
    const story = running().events(
      text('All done!', { endedAt: 1 }),
      answer({ completedAt: 2, finish: 'tool-calls' }),
    );
    assert.deepEqual(story.armed, []);
    assert.equal(story.tell(died).settled?.outcome, 'server-unreachable');
  });

  it('C-06: an event of a sub-agent is progress of its parent', () => {
    const story = running();
    story.events({ type: 'session', sessionId: 'ses_2', parentId: SESSION, title: 'Sub' });
    story.after(5000).events(tool('running', { id: 'prt_sub' }, 'ses_2'));
    assert.equal(story.state.turn?.progressAt, story.now);
  });

  it('S-13: a trailing idle of the turn before settles nothing', () => {
    const story = sent()
      .events(idle, idle)
      .tell({ kind: 'prompt-send-completed', turnId: 't1' })
      .events(userPart, idle);
    assert.equal(story.settled, undefined);
    assert.equal(story.state.turn?.phase, 'accepted');
  });

  it('S-13: a trailing error of the turn before does not settle one that works', () => {
    const story = running().events({
      type: 'error',
      sessionId: SESSION,
      error: { name: 'X', message: 'old' },
    });
    story.events(finished(), idle);
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('waits for the last messages when idle comes before them', () => {
    const story = running().tell({ kind: 'stop-requested', turnId: 't1', cause: 'user' }).events(idle);
    assert.equal(story.state.turn?.phase, 'running');
    assert.ok(story.armed.includes('idle'));
    story.events(
      answer({ completedAt: 2, error: { name: 'MessageAbortedError', message: 'Aborted' } }),
      idle,
    );
    assert.equal(story.settled?.outcome, 'interrupted');
  });

  it('a stop ends in bounded time although the server says nothing', () => {
    const story = running().tell({ kind: 'stop-requested', turnId: 't1', cause: 'user' });
    assert.ok(story.effects.some((effect) => effect.type === 'abort'));
    story.timer('stop');
    assert.equal(story.settled?.outcome, 'interrupted');
  });

  it('an error without any work is a refusal, with its words', () => {
    const story = sent()
      .tell({ kind: 'prompt-send-completed', turnId: 't1' })
      .events({
        type: 'error',
        sessionId: SESSION,
        error: { name: 'UnknownError', message: 'Agent not found: nobody' },
      });
    assert.ok(story.armed.includes('refused'));
    story.timer('refused').tell({ kind: 'synced', turnId: 't1', status: 'idle' });
    assert.equal(story.settled?.outcome, 'error');
    assert.match(story.settled?.message ?? '', /refused the prompt: Agent not found: nobody/);
  });

  it('R-09: the provider’s raw words are in the details, a sentence is the explanation', () => {
    const error = {
      name: 'APIError',
      message: '{"type":"invalid_api_key"}',
      status: 401,
      detail: '{"type":"invalid_api_key"}',
    };
    const story = running().events(answer({ completedAt: 2, error }), idle);
    assert.match(story.settled?.message ?? '', /did not accept the sign-in/);
    assert.doesNotMatch(story.settled?.message ?? '', /invalid_api_key/);
    assert.match(story.rows('card')[0]?.details ?? '', /invalid_api_key/);
  });

  it('C-20: length and content-filter fail, stop ends', () => {
    const outcome = (finish: 'length' | 'content-filter' | 'stop') =>
      running()
        .events(finished({ finish }), idle)
        .timer('idle')
        .tell({ kind: 'synced', turnId: 't1', status: 'idle' }).settled?.outcome;
    assert.equal(outcome('length'), 'incomplete');
    assert.equal(outcome('content-filter'), 'error');
    assert.equal(outcome('stop'), 'ok');
  });

  it('stops a model that ends twice in a row without a reason', () => {
    const story = running().events(
      answer({ completedAt: 2, finish: 'unknown' }),
      answer({ id: 'msg_b', completedAt: 3, finish: 'unknown' }),
    );
    assert.ok(story.records.some((record) => record.kind === 'stop-requested' && record.cause === 'loop'));
    story.events(idle).timer('idle').tell({ kind: 'synced', turnId: 't1', status: 'idle' });
    assert.equal(story.settled?.outcome, 'error');
  });

  it('waits while the user is asked, and goes on when the ask is answered', () => {
    const ask = {
      type: 'permission' as const,
      id: 'per_1',
      sessionId: SESSION,
      permission: 'bash',
      patterns: ['ls'],
      always: [],
    };
    const story = running().events({ type: 'ask', sessionId: SESSION, ask });
    assert.equal(story.state.turn?.phase, 'waiting');
    story.events({ type: 'ask-closed', sessionId: SESSION, askId: 'per_1', reply: 'once' });
    assert.equal(story.state.turn?.phase, 'running');
    assert.equal(story.rows('permission')[0]?.state, 'allowed');
  });

  it('re-reads after the stream was away', () => {
    const story = running().tell(
      { kind: 'stream', generation: 1, state: 'lost' },
      { kind: 'stream', generation: 1, state: 'open' },
    );
    assert.deepEqual(story.effects.at(-1), { type: 'sync', turnId: 't1' });
  });

  it('whatever happens, the death of the server settles the turn, once, and nothing changes it after', () => {
    const happening: fc.Arbitrary<EngineEvent | RecordBody> = fc.constantFrom<EngineEvent | RecordBody>(
      userPart,
      busy,
      idle,
      answer({}),
      finished(),
      answer({ completedAt: 2, finish: 'tool-calls' }),
      answer({ completedAt: 2, finish: 'unknown' }),
      tool('running'),
      tool('completed'),
      delta('x'),
      { type: 'error', sessionId: SESSION, error: { name: 'X', message: 'x' } },
      { kind: 'prompt-send-completed', turnId: 't1' },
      { kind: 'timer', turnId: 't1', name: 'inferred' },
      { kind: 'timer', turnId: 't1', name: 'idle' },
      { kind: 'synced', turnId: 't1', status: 'busy' },
      { kind: 'synced', turnId: 't1', status: 'unknown' },
      { kind: 'stop-requested', turnId: 't1', cause: 'user' },
    );
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 30 }),
        fc.array(happening, { maxLength: 10 }),
        (before, after) => {
          const story = sent();
          const tell = (one: EngineEvent | RecordBody): Story =>
            'kind' in one ? story.tell(one) : story.events(one);
          before.forEach(tell);
          story.tell(died);
          after.forEach(tell);
          assert.equal(story.records.filter((record) => record.kind === 'turn-settled').length, 1);
          assert.equal(story.state.turn?.phase, 'settled');
        },
      ),
    );
  });
});
