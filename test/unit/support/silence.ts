/** Turns with clocks, and time that passes in them. */
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody, StallLimits } from '../../../src/core/journal/record.ts';
import type { RecoveryMode } from '../../../src/core/recovery/incident.ts';
import { stallLimits } from '../../../src/core/turn/clocks.ts';
import { answer, begin, busy, delta, idle, PROMPT, SESSION, type Story, text, userPart } from './story.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const LIMITS = stallLimits({ stallTimeoutMs: 180 * SECOND, toolStallTimeoutMs: 30 * MINUTE });

export const synced = (status: 'idle' | 'busy' | 'retry' | 'unknown'): RecordBody => ({
  kind: 'synced',
  turnId: 't1',
  status,
});
export const stream = (state: 'open' | 'lost'): RecordBody => ({ kind: 'stream', generation: 1, state });
export const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
export const retry = (nextAt: number): EngineEvent => ({
  type: 'status',
  sessionId: SESSION,
  status: { type: 'retry', attempt: 1, message: 'Overloaded', nextAt },
});
export const ask: EngineEvent = {
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
export const allowed: EngineEvent = { type: 'ask-closed', sessionId: SESSION, askId: 'per_1', reply: 'once' };
export const aborted = (): EngineEvent[] => [
  { type: 'error', sessionId: SESSION, error: { name: 'MessageAbortedError', message: 'Aborted' } },
  idle,
  answer({ completedAt: 1, error: { name: 'MessageAbortedError', message: 'Aborted' } }),
];

/** A turn with clocks that the engine has taken and not answered yet. */
export function taken(recovery: RecoveryMode = 'auto', limits: StallLimits = LIMITS): Story {
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
export function answering(recovery: RecoveryMode = 'auto'): Story {
  return taken(recovery).events(text('', {}), delta('Hello'));
}

/** Time passes, in which the timer of the clocks fires when it is due. */
export function pass(story: Story, ms: number): Story {
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
export function givenUp(story: Story): Story {
  pass(story, 180 * SECOND)
    .events(busy, answer({}), text('', {}))
    .tell(synced('busy'));
  return pass(story, SECOND);
}

export const stalls = (story: Story): string[] =>
  story.records.flatMap((record) =>
    record.kind === 'stall' ? [`${record.clock} ${record.silentMs / SECOND} ${record.rung}`] : [],
  );
export const rungs = (story: Story): string[] =>
  story.records.flatMap((record) => (record.kind === 'stall' ? [record.rung] : []));
export const incidents = (story: Story): unknown[] =>
  story.records.flatMap((record) => (record.kind === 'incident' ? [record.cause] : []));
export const requests = (story: Story): string[] =>
  story.effects.flatMap(({ type }) =>
    type === 'sync' || type === 'abort' || type === 'give-up-server' ? [type] : [],
  );
export const armings = (story: Story): number =>
  story.effects.filter((effect) => effect.type === 'timer' && effect.name === 'stall').length;
