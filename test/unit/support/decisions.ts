/** What a decision is taken from. */
import type { EngineError } from '../../../src/core/engine.ts';
import { decide, type DecisionInput, RECOVERIES_PER_TURN } from '../../../src/core/recovery/decide.ts';
import type { AttemptFacts } from '../../../src/core/recovery/facts.ts';
import type { Incident } from '../../../src/core/recovery/incident.ts';
import { modelFailure } from '../../../src/core/recovery/model-trouble.ts';
import type { ToolFact } from '../../../src/core/recovery/tool-fact.ts';

export function call(fields: Partial<ToolFact> = {}): ToolFact {
  return {
    sessionId: 's',
    messageId: 'm',
    partId: 'p',
    callId: 'c',
    tool: 'bash',
    class: 'effectful',
    state: 'unknown',
    summary: 'npm publish',
    ...fields,
  };
}

export const untouched: AttemptFacts = {
  visible: false,
  tools: [],
  subAgents: [],
  finalAnswer: false,
  gaps: [],
  asks: [],
  complete: true,
};

export function given(
  facts: Partial<AttemptFacts>,
  input: Partial<Omit<DecisionInput, 'facts'>> = {},
): DecisionInput {
  return {
    facts: { ...untouched, ...facts },
    incident: { type: 'server-died', signal: 'SIGKILL' },
    server: 'gone',
    budget: { recoveries: { used: 0, limit: RECOVERIES_PER_TURN }, restarts: 'left' },
    replayedBefore: false,
    deaths: 1,
    overtaken: false,
    mode: 'auto',
    agreed: false,
    known: ['p'],
    ...input,
  };
}

export const failure = (fields: Partial<EngineError>, retries = 0): Incident =>
  modelFailure({ name: 'APIError', message: 'raw words', ...fields }, retries);
export const refusedSignIn = failure({ status: 401, retriable: false });
export const overloaded = failure({ status: 503, retriable: true }, 5);
export const looped: Incident = { type: 'looped', loop: 'same-failure' };
export const spent: DecisionInput['budget'] = { recoveries: { used: 3, limit: 3 }, restarts: 'left' };

export function decided(...args: Parameters<typeof given>): string {
  const { type, rule } = decide(given(...args));
  return `${rule} ${type}`;
}
