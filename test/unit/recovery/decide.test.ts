import assert from 'node:assert/strict';
import type { EngineError } from '../../../src/core/engine.ts';
import { decide, type DecisionInput } from '../../../src/core/recovery/decide.ts';
import type { AttemptFacts } from '../../../src/core/recovery/facts.ts';
import type { Incident } from '../../../src/core/recovery/incident.ts';
import {
  call,
  decided,
  failure,
  given,
  looped,
  overloaded,
  refusedSignIn,
  spent,
} from '../support/decisions.ts';

describe('the decision after a failed attempt', () => {
  it('1, R-07: the user stopped it', () => {
    assert.equal(decided({ stop: 'user', finalAnswer: true }), '1 stop');
    assert.equal(decided({ stop: 'close' }, { stop: 'user' }), '1 stop');
    const decision = decide(given({}, { stop: 'user' }));
    assert.equal(decision.type === 'stop' && decision.outcome, 'interrupted');
  });

  it('2, R-06: a deliberate close is offered again next time and never resumed', () => {
    assert.equal(decided({ finalAnswer: true }, { stop: 'close' }), '2 stop');
    assert.match(decide(given({}, { stop: 'close' })).reason, /offered again next time/);
  });

  it('3, T-02: a final answer with nothing outstanding is accepted, even with the budget spent', () => {
    assert.equal(decided({ finalAnswer: true, visible: true }, { budget: spent }), '3 accept');
    assert.equal(decided({ finalAnswer: true, tools: [call({ state: 'finished' })] }), '3 accept');
  });

  it('3, T-02: but not while a call or a sub-agent had not ended', () => {
    assert.equal(decided({ finalAnswer: true, tools: [call()] }), '6 ask');
    assert.equal(decided({ finalAnswer: true, visible: true, subAgents: ['s2'] }), '9 resume');
  });

  it('4: a turn that the server has alive is followed', () => {
    assert.equal(decided({ complete: false }, { server: 'working' }), '4 follow');
    assert.equal(decided({ tools: [call()] }, { server: 'working' }), '4 follow');
  });

  it('5: incomplete facts, or a server that cannot say, are for the user', () => {
    assert.equal(decided({ complete: false }, { budget: spent }), '5 ask');
    assert.equal(decided({}, { server: 'unknown' }), '5 ask');
  });

  it('6, R-04: a call that may have had an effect is named', () => {
    assert.equal(decided({ tools: [call({ class: 'unknown' })] }), '6 ask');
    const decision = decide(
      given({ visible: true, tools: [call(), call({ tool: 'read', class: 'read-only' })] }),
    );
    assert.deepEqual(decision.type === 'ask' && decision.tools.map(({ tool }) => tool), ['bash']);
    assert.match(
      decision.reason,
      /^The server was killed \(SIGKILL, signal 9\)\. What was shown is kept\. .*not known: “bash: npm publish”\./,
    );
  });

  it('6, R-08: a call is what the engine that offered the tool says, whatever its name', () => {
    assert.equal(decided({ visible: true, tools: [call({ tool: 'read', class: 'unknown' })] }), '6 ask');
    assert.equal(decided({ visible: true, tools: [call({ tool: 'bash', class: 'read-only' })] }), '9 resume');
  });

  it('7, C-10, C-14: a spent budget is a visible failure that says how much was spent', () => {
    const decision = decide(given({}, { budget: spent }));
    assert.deepEqual([decision.type, decision.rule], ['stop', 7]);
    assert.match(decision.reason, /3\/3.*by hand/);
    const noRestart: DecisionInput['budget'] = { recoveries: { used: 0, limit: 3 }, restarts: 'spent' };
    assert.equal(decided({}, { budget: noRestart }), '7 stop');
    const outcome = (incident: Incident): unknown => {
      const stop = decide(given({}, { budget: noRestart, incident }));
      return stop.type === 'stop' && stop.outcome;
    };
    assert.equal(outcome({ type: 'server-unreachable' }), 'server-unreachable');
    assert.equal(outcome({ type: 'session-stalled', clock: 'model', silentMs: 180_000 }), 'session-stalled');
    assert.equal(outcome(overloaded), 'error');
    assert.equal(outcome(looped), 'error');
  });

  it('8, R-01: nothing shown and nothing begun is sent again, once', () => {
    assert.equal(decided({}), '8 replay');
    assert.equal(decided({}, { replayedBefore: true }), '9 resume');
    assert.match(decide(given({})).reason, /sent again \(1\/3\)/);
  });

  it('9, R-05: what was shown is gone on with when no call is in doubt', () => {
    assert.equal(decided({ visible: true }), '9 resume');
    const tools = [
      call({ class: 'read-only' }),
      call({ state: 'finished' }),
      call({ state: 'failed' }),
      call({ class: 'unknown', state: 'not-started' }),
    ];
    assert.equal(decided({ visible: true, tools }), '9 resume');
  });

  it('9: a piece of text that was missed is said and does not hold the turn up', () => {
    const decision = decide(given({ visible: true, gaps: ['p'] }));
    assert.equal(decision.type, 'resume');
    assert.match(decision.reason, /A piece of its text was never received/);
  });

  it('10, R-11: a failed model call is offered and never sent again by itself: the engine has tried', () => {
    for (const incident of [refusedSignIn, overloaded, failure({ status: 429 }), failure({ status: 402 })])
      for (const mode of ['auto', 'ask'] as const)
        for (const visible of [false, true])
          assert.equal(decided({ visible }, { incident, mode }), '10 offer', JSON.stringify(incident));
    assert.equal(decided({ visible: true }, { incident: overloaded, agreed: true }), '9 resume');
    assert.equal(decided({}, { incident: overloaded, mode: 'off' }), '7 stop');
    assert.equal(decided({ tools: [call()] }, { incident: overloaded }), '6 ask');
  });

  it('10, R-09: says in its own words what happened and what to do', () => {
    const reason = (fields: Partial<EngineError>, retries = 0): string =>
      decide(given({ visible: true }, { incident: failure(fields, retries) })).reason;
    assert.equal(
      reason({ status: 401, message: 'Incorrect API key provided: sk-1' }),
      'The model’s provider did not accept the sign-in (HTTP 401). What was shown is kept. Sign in again or correct the API key, and restart the server. Then continue.',
    );
    assert.match(
      reason({ status: 503 }, 5),
      /^The model’s provider answered with an error \(HTTP 503\)\. The engine has asked 6 times\. /,
    );
    assert.match(
      reason({ status: 429 }, 5),
      /limits the rate of requests \(HTTP 429\)\. .* Wait a while\. Then continue\.$/,
    );
    assert.match(
      reason({ status: 429, code: 'insufficient_quota' }),
      /^The quota or the credit .* is used up \(HTTP 429\)\./,
    );
    assert.match(reason({ retriable: true }), /^The connection to the model’s provider failed\. /);
    assert.match(
      reason({}),
      /^The model call failed\. What was shown is kept\. Continue to try once more\.$/,
    );
  });

  it('7, R-11: a request that would be refused again is no matter of trying, whoever agrees', () => {
    for (const fields of [{ status: 400 }, { status: 413 }, { name: 'ContextOverflowError', status: 400 }])
      for (const agreed of [false, true]) {
        const decision = decide(given({}, { incident: failure(fields), agreed }));
        assert.deepEqual([decision.rule, decision.type], [7, 'stop']);
        assert.equal(decision.type === 'stop' && decision.outcome, 'error');
      }
    assert.match(decide(given({}, { incident: failure({ status: 400 }) })).reason, /refused again/);
    const tooLong = decide(given({}, { incident: failure({ name: 'ContextOverflowError' }) }));
    assert.match(tooLong.reason, /too long for the model.*Begin a new session/);
  });

  it('10, C-20: what went in circles is offered, with what it did, and asked about where it does not stop', () => {
    assert.equal(decided({ visible: true }, { incident: looped }), '10 offer');
    assert.equal(decided({ visible: true }, { incident: looped, agreed: true }), '9 resume');
    // Stopped before its last answer showed anything: the model has to be told all the same.
    assert.equal(decided({}, { incident: looped, agreed: true }), '9 resume');
    assert.equal(decided({}, { incident: { type: 'looped', loop: 'forgotten-call' } }), '9 resume');
    assert.equal(decided({ complete: false }, { incident: looped, server: 'working' }), '5 ask');
    assert.match(
      decide(given({}, { incident: looped })).reason,
      /^The same call failed three times in a row, /,
    );
  });

  it('the mode asks first or does nothing where 8 and 9 would act', () => {
    assert.equal(decided({}, { mode: 'ask' }), '8 ask');
    assert.equal(decided({ visible: true }, { mode: 'ask' }), '9 ask');
    assert.equal(decided({}, { mode: 'off' }), '7 stop');
    assert.equal(decided({ visible: true }, { mode: 'off' }), '7 stop');
    assert.match(decide(given({}, { mode: 'off' })).reason, /Recovery is switched off\./);
    const yes = (facts: Partial<AttemptFacts>): unknown => {
      const { type } = decide(given(facts, { mode: 'ask', agreed: true }));
      return type;
    };
    assert.deepEqual([yes({}), yes({ visible: true })], ['replay', 'resume']);
    assert.equal(decided({ finalAnswer: true }, { mode: 'off' }), '3 accept');
  });

  it('2: what a window left behind is offered, and never gone on with by itself', () => {
    const left: Partial<DecisionInput> = { incident: { type: 'owner-gone' } };
    assert.equal(decided({}, left), '2 offer');
    assert.equal(decided({ visible: true, tools: [call()] }, left), '2 offer');
    assert.equal(decided({}, { ...left, server: 'working' }), '2 offer');
    assert.equal(decided({ complete: false }, { ...left, server: 'unknown' }), '2 offer');
    assert.equal(decided({ finalAnswer: true }, left), '3 accept');
    assert.equal(decided({}, { ...left, mode: 'off' }), '7 stop');
    const agreed = { ...left, agreed: true };
    assert.equal(decided({}, agreed), '8 replay');
    assert.equal(decided({ visible: true }, agreed), '9 resume');
    assert.equal(decided({}, { ...agreed, server: 'working' }), '4 follow');
    const stopped = decide(given({}, { ...left, mode: 'off' }));
    assert.equal(stopped.type === 'stop' && stopped.outcome, 'interrupted');
  });

  it('7: a session that went on with another prompt is sent nothing, whoever agrees', () => {
    for (const agreed of [false, true]) {
      assert.equal(decided({}, { overtaken: true, agreed }), '7 stop');
      assert.equal(decided({ tools: [call()], visible: true }, { overtaken: true, agreed }), '7 stop');
      assert.equal(decided({ complete: false }, { overtaken: true, agreed }), '7 stop');
    }
    assert.match(decide(given({}, { overtaken: true })).reason, /gone on with another prompt/);
    assert.equal(decided({ finalAnswer: true }, { overtaken: true }), '3 accept');
    assert.equal(decided({}, { overtaken: true, server: 'working' }), '4 follow');
  });

  it('7, C-10: without a server nothing is asked that could not be done', () => {
    const none: Partial<DecisionInput> = { budget: { ...spent, restarts: 'spent' } };
    assert.equal(decided({ tools: [call()] }, none), '7 stop');
    assert.equal(decided({ complete: false }, none), '7 stop');
    assert.equal(decided({}, { ...none, agreed: true }), '7 stop');
    assert.equal(decided({}, { ...none, mode: 'ask' }), '7 stop');
  });

  it('7: a turn that ends its server each time it is gone on with is left alone', () => {
    assert.equal(decided({}, { deaths: 2 }), '8 replay');
    assert.equal(decided({ visible: true }, { deaths: 2 }), '9 resume');
    assert.equal(decided({ visible: true }, { deaths: 3 }), '7 stop');
    assert.match(decide(given({}, { deaths: 3 })).reason, /ended the server 2 times .* by hand/);
    assert.equal(decided({ tools: [call()] }, { deaths: 3 }), '6 ask');
    assert.equal(decided({ visible: true }, { deaths: 3, agreed: true }), '9 resume');
  });

  it('an agreement to go on stands for the call in doubt, the budget, the quarantine and the mode', () => {
    assert.equal(decided({ visible: true, tools: [call()] }, { agreed: true }), '9 resume');
    // Not for one that has come to light since.
    assert.equal(decided({ tools: [call({ partId: 'other' })] }, { agreed: true }), '6 ask');
    assert.equal(decided({}, { agreed: true, budget: spent }), '8 replay');
    assert.equal(decided({}, { agreed: true, mode: 'ask' }), '8 replay');
    assert.equal(decided({}, { agreed: true, incident: refusedSignIn }), '8 replay');
  });

  it('5: an agreement does not stand for what nobody knows', () => {
    assert.equal(decided({ complete: false }, { agreed: true }), '5 ask');
    assert.equal(decided({}, { agreed: true, server: 'unknown' }), '5 ask');
    assert.equal(decided({ stop: 'user' }, { agreed: true }), '1 stop');
  });

  it('C-14: what the user asked for spends none of the recoveries, and does not count itself among them', () => {
    const one: DecisionInput['budget'] = { recoveries: { used: 1, limit: 3 }, restarts: 'left' };
    const itself = decide(given({ visible: true }, { budget: one }));
    assert.deepEqual([itself.n, itself.limit], [2, 3]);
    assert.match(itself.reason, /\(2\/3\)\.$/);
    const asked = decide(given({ visible: true }, { budget: one, agreed: true }));
    assert.deepEqual([asked.n, asked.limit], [1, 3]);
    assert.doesNotMatch(asked.reason, /\/3/);
  });

  it('the rows come in this order: with all of them true, taking one away gives the next', () => {
    let input = given(
      { stop: 'user', finalAnswer: true, complete: false },
      {
        stop: 'close',
        server: 'working',
        incident: { type: 'owner-gone' },
        overtaken: true,
        mode: 'off',
        budget: { ...spent, restarts: 'spent' },
        deaths: 3,
        replayedBefore: true,
      },
    );
    const rows: string[] = [];
    const without = (change: Partial<DecisionInput>, facts: Partial<AttemptFacts> = {}): void => {
      input = { ...input, ...change, facts: { ...input.facts, ...facts } };
      const { type, rule, reason } = decide(input);
      rows.push(`${rule} ${type}: ${reason.split('. ').at(-1)}`);
    };
    const { stop: _stop, ...unstopped } = input.facts;
    without({});
    input = { ...input, facts: unstopped };
    without({});
    const { stop: _close, ...unclosed } = input;
    input = unclosed;
    without({});
    without({}, { finalAnswer: false, tools: [call()] });
    without({ mode: 'ask' });
    without({ incident: refusedSignIn });
    without({ server: 'gone' });
    without({ overtaken: false });
    without({ budget: spent });
    without({}, { complete: true });
    without({}, { tools: [call({ class: 'read-only' })] });
    without({ budget: { ...spent, recoveries: { used: 0, limit: 3 } } });
    without({ deaths: 1 });
    without({ incident: { type: 'server-died' } });
    without({ mode: 'auto' });
    without({ replayedBefore: false }, { tools: [] });
    assert.deepEqual(
      rows.map((row) => row.replace(/: .*/, '')),
      [
        '1 stop',
        '2 stop',
        '3 accept',
        '4 follow',
        '2 offer',
        '4 follow',
        '7 stop',
        '7 stop',
        '5 ask',
        '6 ask',
        '7 stop',
        '7 stop',
        '10 offer',
        '9 ask',
        '9 resume',
        '8 replay',
      ],
      rows.join('\n'),
    );
  });

  it('R-09: no word of a call breaks out of its sentence', () => {
    const summary = `x\n\u202e\u001b[2J${'y'.repeat(5000)}`;
    const { reason } = decide(given({ tools: Array.from({ length: 50 }, () => call({ summary })) }));
    assert.doesNotMatch(reason, /[\n\u202e\u001b]/);
    assert.match(reason, /and 47 more\./);
    assert.ok(reason.length < 1000, `${reason.length} characters`);
  });
});
