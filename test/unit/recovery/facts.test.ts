import assert from 'node:assert/strict';
import type { Ask, EngineEvent, ToolPart } from '../../../src/core/engine.ts';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { type AttemptFacts, factsOf, summaryOf, turnTools } from '../../../src/core/recovery/facts.ts';
import { HAD_NOT_STARTED, MAY_HAVE_RUN } from '../../../src/core/recovery/tool-fact.ts';
import { answer, busy, delta, finished, running, type Story, text, tool } from '../support/story.ts';

/** Not a state that settles the turn: recovery will have it go on. */
const died: RecordBody = {
  kind: 'server',
  generation: 1,
  state: 'stopping',
  exit: { signal: 'SIGKILL', stderrTail: '', expected: false },
};
const backAgain: RecordBody[] = [
  { kind: 'stream', generation: 1, state: 'lost' },
  died,
  { kind: 'server', generation: 2, state: 'ready' },
  { kind: 'stream', generation: 2, state: 'open' },
];
const secondAttempt: RecordBody = { kind: 'attempt-started', turnId: 't1', attempt: 2 };

function facts(story: Story, told: 'whole' | 'in-part' = 'whole'): AttemptFacts {
  return factsOf(story.state.turn!, story.state.conversation, told);
}

function states(story: Story): [string, string][] {
  return facts(story).tools.map(({ callId, state }) => [callId, state]);
}

/** A call in another answer than the first. */
function toolIn(messageId: string, status: ToolPart['status'], fields: Partial<ToolPart> = {}): EngineEvent {
  const event = tool(status, { id: `prt_${messageId}`, callId: `call_${messageId}`, ...fields });
  return { ...event, messageId } as EngineEvent;
}

function permission(callId = 'call_1', sessionId = 'ses_1'): EngineEvent {
  const ask: Ask = {
    type: 'permission',
    id: 'per_1',
    sessionId,
    permission: 'bash',
    patterns: ['npm test'],
    always: [],
    callId,
  };
  return { type: 'ask', sessionId, ask };
}

describe('facts of an attempt', () => {
  it('R-01: an answer without content shows nothing', () => {
    const story = running().events(text('')).tell(died);
    const { visible, tools, finalAnswer, complete } = facts(story);
    assert.deepEqual(
      { visible, tools, finalAnswer, complete },
      {
        visible: false,
        tools: [],
        finalAnswer: false,
        complete: true,
      },
    );
  });

  it('R-01: text, reasoning and a call whose arguments are still written are visible', () => {
    const reasoning: EngineEvent = {
      type: 'part',
      sessionId: 'ses_1',
      messageId: 'msg_a',
      part: { type: 'reasoning', id: 'prt_r', text: 'Hm' },
    };
    for (const event of [text('Hello'), reasoning, tool('pending')]) {
      assert.equal(facts(running().events(event)).visible, true);
    }
    assert.equal(facts(running().events(text(''), delta('H'))).visible, true);
  });

  it('R-01: are incomplete while something was neither heard nor read back', () => {
    assert.equal(facts(running(), 'in-part').complete, false);
  });

  it('tell how far each call came', () => {
    const story = running().events(
      tool('pending', { id: 'p1', callId: 'c1', summary: '' }),
      tool('running', { id: 'p2', callId: 'c2' }),
      tool('completed', { id: 'p3', callId: 'c3', tool: 'read', class: 'read-only', summary: 'a.ts' }),
      tool('error', { id: 'p4', callId: 'c4', error: 'exit 1' }),
    );
    assert.deepEqual(states(story), [
      ['c1', 'not-started'],
      ['c2', 'unknown'],
      ['c3', 'finished'],
      ['c4', 'failed'],
    ]);
    assert.deepEqual(facts(story).tools[2], {
      sessionId: 'ses_1',
      messageId: 'msg_a',
      partId: 'p3',
      callId: 'c3',
      tool: 'read',
      class: 'read-only',
      state: 'finished',
      summary: 'a.ts',
    });
    assert.equal(facts(story).tools[3]?.error, 'exit 1');
  });

  it('keep a call in doubt after an earlier recovery has closed it', () => {
    const story = running().events(
      tool('error', { id: 'p1', callId: 'c1', error: MAY_HAVE_RUN }),
      tool('error', { id: 'p2', callId: 'c2', error: HAD_NOT_STARTED }),
    );
    assert.deepEqual(states(story), [
      ['c1', 'unknown'],
      ['c2', 'not-started'],
    ]);
  });

  it('R-02: leave out what earlier attempts did', () => {
    const story = running().events(text('Half'), tool('running')).tell(secondAttempt);
    assert.deepEqual([facts(story).visible, states(story)], [false, []]);
    story.events(answer({ id: 'msg_b' }), toolIn('msg_b', 'completed'));
    assert.deepEqual(states(story), [['call_msg_b', 'finished']]);
  });

  it('R-02, C-15: leave out the completed steps of this attempt, and only those', () => {
    const step = finished({ finish: 'tool-calls' });
    const completed = running().events(text('I look.', { endedAt: 1500 }), tool('completed'), step);
    assert.deepEqual([facts(completed).visible, states(completed)], [false, []]);
    completed.events(answer({ id: 'msg_b' }));
    assert.deepEqual([facts(completed).visible, states(completed)], [false, []]);

    const open = running().events(tool('running'), step, answer({ id: 'msg_b' }));
    assert.deepEqual(states(open), [['call_1', 'unknown']]);
  });

  it('R-02: of the whole turn are the tools of the notice', () => {
    const story = running()
      .events(tool('error', { error: MAY_HAVE_RUN }))
      .tell(secondAttempt);
    story.events(
      answer({ id: 'msg_b' }),
      toolIn('msg_b', 'completed'),
      finished({ id: 'msg_b', finish: 'tool-calls' }),
    );
    assert.deepEqual(
      turnTools(story.state.turn!, story.state.conversation).map(({ callId, state }) => [callId, state]),
      [
        ['call_1', 'unknown'],
        ['call_msg_b', 'finished'],
      ],
    );
  });

  it('T-02, T-08: a final answer ends by itself; an intermediate one is none', () => {
    assert.equal(facts(running().events(text('Done', { endedAt: 2000 }), finished())).finalAnswer, true);
    for (const event of [
      finished({ finish: 'tool-calls' }),
      finished({ finish: 'length' }),
      finished({ error: { name: 'x', message: 'x' } }),
      answer({ finish: 'stop' }),
    ]) {
      assert.equal(facts(running().events(text('Done', { endedAt: 2000 }), event)).finalAnswer, false);
    }
  });

  it('T-02: an answer of an earlier attempt is not the final one of this', () => {
    const story = running().events(finished()).tell(secondAttempt);
    assert.equal(facts(story).finalAnswer, false);
  });

  it('name the sub-agents that had not ended, and their open calls', () => {
    const story = running().events(
      tool('running', { tool: 'task', childSessionId: 'ses_2', summary: 'look around' }),
      { type: 'session', sessionId: 'ses_2', parentId: 'ses_1', title: 'Sub' },
      { type: 'message', sessionId: 'ses_2', message: { id: 'msg_c', role: 'assistant', createdAt: 1 } },
      { ...toolIn('msg_c', 'running'), sessionId: 'ses_2' } as EngineEvent,
    );
    assert.deepEqual(facts(story).subAgents, ['ses_2']);
    assert.deepEqual(states(story), [
      ['call_1', 'unknown'],
      ['call_msg_c', 'unknown'],
    ]);
    story.events(tool('completed', { tool: 'task', childSessionId: 'ses_2' }));
    assert.deepEqual(facts(story).subAgents, []);
  });

  it('name a stop', () => {
    const story = running().tell({ kind: 'stop-requested', turnId: 't1', cause: 'user' });
    assert.equal(facts(story).stop, 'user');
  });

  it('sum up to numbers for the journal', () => {
    const story = running().events(text('Hi'), tool('running'), permission('call_other')).tell(died);
    assert.deepEqual(summaryOf(facts(story)), {
      visible: true,
      finalAnswer: false,
      complete: true,
      gaps: 0,
      subAgents: 0,
      asks: 1,
      tools: { finished: 0, failed: 0, 'not-started': 0, unknown: 1, unsafe: 1 },
    });
  });
});

describe('a text that the death of the server cut', () => {
  it('has no gap when it was heard to the end', () => {
    const story = running()
      .events(text(''), delta('Hello'))
      .tell(...backAgain)
      .events(text(''));
    assert.deepEqual(facts(story).gaps, []);
  });

  it('has one when a piece was missed in between, until the engine gives it whole', () => {
    const lost: RecordBody[] = [
      { kind: 'stream', generation: 1, state: 'lost' },
      { kind: 'stream', generation: 1, state: 'open' },
    ];
    const story = running()
      .events(text(''), delta('Hel'))
      .tell(...lost);
    assert.deepEqual(facts(story).gaps, []);
    story.events(text(''), delta('rld'));
    assert.deepEqual(facts(story).gaps, ['prt_text']);
    story.events(text('Hello, world', { endedAt: 3000 }));
    assert.deepEqual(facts(story).gaps, []);
  });

  it('has one when its beginning was missed', () => {
    assert.deepEqual(facts(running().events(delta('rld', 'prt_late'), text('x', { id: 'prt_late' }))).gaps, [
      'prt_late',
    ]);
  });
});

describe('a call that waited for a permission when the server died', () => {
  const asking = (): Story => running().events(tool('running'), permission());
  const before = (...bodies: RecordBody[]): [string, string][] => {
    const story = asking().tell(...bodies, ...backAgain);
    return states(story);
  };
  const unknown = [['call_1', 'unknown']];

  it('had not started, also once another server is there', () => {
    assert.deepEqual(before(), [['call_1', 'not-started']]);
    assert.deepEqual(
      facts(asking().tell(...backAgain)).asks.map(({ id }) => id),
      ['per_1'],
    );
  });

  it('R-04: may have started once an answer had left, whether or not the server took it', () => {
    const answered: RecordBody = {
      kind: 'answered',
      askId: 'per_1',
      answer: { type: 'permission', reply: 'once' },
    };
    assert.deepEqual(before(answered), unknown);
    assert.deepEqual(before(answered, { kind: 'event', event: permission() }), unknown);
  });

  it('R-04: may have started when the ask was closed, or may have been while nobody listened', () => {
    const closed: EngineEvent = { type: 'ask-closed', sessionId: 'ses_1', askId: 'per_1', reply: 'once' };
    assert.deepEqual(before({ kind: 'event', event: closed }), unknown);
    assert.deepEqual(before({ kind: 'owner', owner: { pid: 2, startedAt: 5 }, reason: 'return' }), unknown);
    const reopened: RecordBody[] = [
      { kind: 'stream', generation: 1, state: 'lost' },
      { kind: 'stream', generation: 1, state: 'open' },
    ];
    assert.deepEqual(before(...reopened), unknown);
    assert.deepEqual(before(...reopened, { kind: 'event', event: permission() }), [
      ['call_1', 'not-started'],
    ]);
  });

  it('R-04: may have started when nobody knows the tool: it can ask in the middle of its work', () => {
    const story = running().events(tool('running', { tool: 'deploy', class: 'unknown' }), permission());
    assert.deepEqual(states(story.tell(...backAgain)), unknown);
  });

  it('is none of the next attempt', () => {
    const story = asking().tell(secondAttempt).events(busy);
    assert.deepEqual(facts(story).asks, []);
  });
});
