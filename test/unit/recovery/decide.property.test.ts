import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as v from 'valibot';
import {
  decide,
  type Decision,
  type DecisionInput,
  RECOVERIES_PER_TURN,
} from '../../../src/core/recovery/decide.ts';
import type { AttemptFacts } from '../../../src/core/recovery/facts.ts';
import { DECISION_TYPES, DecisionRecordSchema, type Incident } from '../../../src/core/recovery/incident.ts';
import type { ToolFact } from '../../../src/core/recovery/tool-fact.ts';
import { call, failure, looped, overloaded, refusedSignIn } from '../support/decisions.ts';

const tool: fc.Arbitrary<ToolFact> = fc
  .record({
    // A class that no version of ours knows must not count as harmless.
    class: fc.constantFrom('read-only', 'effectful', 'unknown', 'new') as fc.Arbitrary<ToolFact['class']>,
    state: fc.constantFrom<ToolFact['state']>('not-started', 'unknown', 'finished', 'failed'),
    tool: fc.string(),
    summary: fc.string(),
  })
  .map(call);

const incident: fc.Arbitrary<Incident> = fc.constantFrom<Incident>(
  { type: 'server-died' },
  { type: 'server-died', code: 1 },
  { type: 'server-unreachable' },
  { type: 'owner-gone' },
  { type: 'session-stalled', clock: 'first-byte', silentMs: 120_000 },
  { type: 'session-stalled', clock: 'tool', silentMs: 1_800_000 },
  overloaded,
  refusedSignIn,
  failure({ status: 400 }),
  looped,
);

const stop = fc.constantFrom('user', 'close', 'loop', undefined);

const input: fc.Arbitrary<DecisionInput> = fc
  .record({
    facts: fc
      .record({
        visible: fc.boolean(),
        tools: fc.array(tool, { maxLength: 4 }),
        subAgents: fc.array(fc.string(), { maxLength: 1 }),
        finalAnswer: fc.boolean(),
        gaps: fc.array(fc.string(), { maxLength: 1 }),
        complete: fc.boolean(),
        stop,
      })
      .map(({ stop: cause, ...facts }): AttemptFacts => ({
        ...facts,
        asks: [],
        ...(cause && { stop: cause }),
      })),
    incident,
    stop,
    server: fc.constantFrom<DecisionInput['server']>('gone', 'gone', 'gone', 'working', 'unknown'),
    used: fc.nat(4),
    restarts: fc.constantFrom<DecisionInput['budget']['restarts']>('left', 'left', 'spent'),
    replayedBefore: fc.boolean(),
    deaths: fc.nat(3),
    overtaken: fc.constantFrom(false, false, true),
    agreed: fc.constantFrom(false, false, true),
    known: fc.constant(['p']),
    mode: fc.constantFrom<DecisionInput['mode']>('auto', 'auto', 'ask', 'off'),
  })
  .map(({ stop: cause, used, restarts, ...rest }) => ({
    ...rest,
    ...(cause && { stop: cause }),
    budget: { recoveries: { used, limit: RECOVERIES_PER_TURN }, restarts },
  }));

const recovers = (decision: Decision): boolean => decision.type === 'replay' || decision.type === 'resume';

function always(check: (decision: Decision, given: DecisionInput) => void): void {
  fc.assert(
    fc.property(input, (given) => check(decide(given), given)),
    { numRuns: 2000 },
  );
}

describe('any decision after a failed attempt', () => {
  it('exists, names its row and itself, and fits its record', () => {
    always((decision) => {
      assert.ok(DECISION_TYPES.includes(decision.type));
      assert.ok(decision.rule >= 1 && decision.rule <= 10);
      assert.match(decision.reason, /\.$/);
      const { type, rule, reason, n, limit } = decision;
      v.parse(DecisionRecordSchema, {
        kind: 'decision',
        turnId: 't1',
        attempt: 1,
        decision: type,
        rule,
        reason,
        n,
        limit,
      });
    });
  });

  it('R-04: sends nothing while a call that is not read-only is in doubt, unless the user said so', () => {
    always((decision, { facts, agreed }) => {
      const inDoubt = facts.tools.some((one) => one.state === 'unknown' && one.class !== 'read-only');
      if (inDoubt && !agreed) assert.equal(recovers(decision), false);
    });
  });

  it('R-01, R-05: replays only what shows nothing, began nothing and is known in full, and once', () => {
    always((decision, { facts, replayedBefore }) => {
      if (decision.type !== 'replay') return;
      assert.deepEqual(
        [facts.visible, facts.tools, facts.complete, replayedBefore],
        [false, [], true, false],
      );
    });
  });

  it('R-07: is a stop when the user stopped it', () => {
    always((_, given) => {
      for (const stopped of [
        { ...given, stop: 'user' as const },
        { ...given, facts: { ...given.facts, stop: 'user' as const } },
      ]) {
        const decision = decide(stopped);
        assert.deepEqual([decision.type, decision.rule], ['stop', 1]);
      }
    });
  });

  it('C-14: never recovers out of a spent budget', () => {
    always((decision, { budget, agreed }) => {
      const isSpent = budget.recoveries.used >= budget.recoveries.limit;
      if ((isSpent && !agreed) || budget.restarts === 'spent') assert.equal(recovers(decision), false);
      if (recovers(decision) && !agreed) assert.ok(decision.n <= decision.limit);
    });
  });

  it('sends nothing unless it may act on its own', () => {
    always((decision, { mode, incident, overtaken, agreed }) => {
      if (mode === 'off' || overtaken) assert.equal(recovers(decision), false);
      if ((mode === 'ask' || incident.type === 'owner-gone') && !agreed)
        assert.equal(recovers(decision), false);
    });
  });

  it('R-06: is the same for the same facts after a backoff, and a stop when a close came meanwhile', () => {
    always((decision, given) => {
      assert.deepEqual(decide(structuredClone(given)), decision);
      const closed = decide({ ...given, stop: given.stop === 'user' ? 'user' : 'close' });
      assert.equal(closed.type, 'stop');
      assert.ok(closed.rule <= 2);
    });
  });
});
