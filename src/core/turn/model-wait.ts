/** The engine's own retries of a model call: how long it waits, and what it leaves out when it asks again. */
import type { EngineEvent } from '../engine.ts';
import { type Conversation, partsOf } from '../journal/conversation.ts';
import { PARK_MS } from '../recovery/model-trouble.ts';
import { toolLine } from '../recovery/wording.ts';
import { type TurnEffect, type TurnState } from './state.ts';
import { ownAnswers } from './step.ts';

/** When the engine means to ask the model again, epoch ms, where it waits for that: the session or a sub-agent of it. */
export function nextTry(turn: TurnState, conversation: Conversation): number | undefined {
  const working = [...conversation.openTools.values()].flatMap(({ part }) => part.childSessionId ?? []);
  const times = [turn.sessionId, ...working].flatMap((id) => {
    const status = conversation.sessions.get(id)?.status;
    return status?.type === 'retry' ? [status.nextAt] : [];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Says once that the turn is parked, where an event means a longer wait. */
export function parkedBy(turn: TurnState, event: EngineEvent, at: number): TurnEffect[] {
  if (event.type !== 'status' || event.status.type !== 'retry') return [];
  const { nextAt } = event.status;
  return nextAt - at > PARK_MS ? parked(turn, nextAt) : [];
}

export function parked(turn: TurnState, until: number): TurnEffect[] {
  if (turn.parkedUntil === until) return [];
  return [{ type: 'record', body: { kind: 'parked', turnId: turn.turnId, until } }];
}

/**
 * Calls of the answer under way that have run and may run once more. opencode 1.18.33 leaves them and their results out
 * of the request when it asks again for the same answer, which only it can prevent. Said once of each.
 */
export function forgottenCalls(
  turn: TurnState,
  conversation: Conversation,
): { partIds: string[]; notes: TurnEffect[] } {
  const calls = partsOf(conversation, ownAnswers(turn).at(-1) ?? '').flatMap(({ part }) =>
    part.type === 'tool' &&
    part.class !== 'read-only' &&
    part.status !== 'pending' &&
    !turn.forgotten.includes(part.id)
      ? [part]
      : [],
  );
  return {
    partIds: calls.map(({ id }) => id),
    notes: calls.map((call) => ({
      type: 'record',
      body: {
        kind: 'note',
        level: 'warning',
        text: `The engine asks the model again without telling it that “${toolLine(call)}” has run: the model may do it a second time.`,
      },
    })),
  };
}
