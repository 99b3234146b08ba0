/** What the engine says of a turn, as its machine takes it. */
import type { EngineEvent } from '../engine.ts';
import type { Conversation } from '../journal/conversation.ts';
import { heard } from './asked.ts';
import { isGivenUp, progress } from './clocks.ts';
import { finalAnswer } from './settle.ts';
import {
  IDLE_SETTLE_MS,
  isRecovering,
  REFUSED_MS,
  type Step,
  type TurnState,
  UNKNOWN_FINISH_LIMIT,
} from './state.ts';
import {
  asking,
  cancel,
  closedWithError,
  factsOf,
  inferEnd,
  isAnswer,
  noteAnswer,
  ownAnswers,
  settle,
  stay,
  timer,
  working,
} from './step.ts';

export function onEvent(turn: TurnState, event: EngineEvent, at: number, conversation: Conversation): Step {
  // Every event of the session, or of a sub-agent working for it, is progress.
  const now: TurnState = { ...turn, asked: heard(turn.asked, event), ...progress(turn, event, at) };
  if (isRecovering(turn)) {
    // The session is being read back: what it holds is known from here on.
    const { type } = event;
    if (type === 'message' && event.message.parentId === turn.prompt.messageId)
      noteAnswer(turn, event.message.id);
    return stay(turn);
  }
  if (event.sessionId !== turn.sessionId) {
    return event.type === 'ask' || event.type === 'ask-closed' ? stay(asking(now, conversation)) : stay(now);
  }
  switch (event.type) {
    case 'part':
      return event.messageId === turn.prompt.messageId && event.part.id === turn.prompt.partId
        ? onAccepted(now)
        : onWorkPart(now, event.messageId, conversation);
    case 'delta':
      return stay(isAnswer(turn, event.messageId, conversation) ? working(now) : now);
    case 'message':
      return event.message.role === 'assistant' && isAnswer(turn, event.message.id, conversation)
        ? onAnswer(now, event.message.id, conversation)
        : stay(now);
    case 'status':
      return onStatus(now, event.status.type, conversation);
    case 'ask':
    case 'ask-closed':
      return stay(asking(now, conversation));
    case 'error': {
      const withError = { ...now, lastError: event.error };
      // With no work seen this is a refusal, unless the work is only late.
      return turn.worked
        ? stay(withError)
        : { turn: withError, effects: [timer(turn, 'refused', REFUSED_MS)] };
    }
    default:
      return stay(now);
  }
}

function onAccepted(turn: TurnState): Step {
  if (turn.phase !== 'sent' && turn.phase !== 'drafted') return stay(turn);
  return {
    turn: { ...turn, phase: turn.worked ? 'running' : 'accepted' },
    effects: [cancel(turn, 'accept')],
  };
}

/** Output that belongs to an answer of this prompt is work on it. */
function onWorkPart(turn: TurnState, messageId: string, conversation: Conversation): Step {
  if (!isAnswer(turn, messageId, conversation)) return stay(turn);
  // A tool that ends after the final answer may be what it waited for.
  return stay(working(turn), inferEnd(turn, conversation));
}

function onAnswer(turn: TurnState, messageId: string, conversation: Conversation): Step {
  noteAnswer(turn, messageId);
  const next = working(turn);
  if (next.stop === undefined && unknownFinishes(next, conversation) >= UNKNOWN_FINISH_LIMIT) {
    return {
      turn: next,
      effects: [{ type: 'record', body: { kind: 'stop-requested', turnId: turn.turnId, cause: 'loop' } }],
    };
  }
  return stay(next, inferEnd(next, conversation));
}

function onStatus(turn: TurnState, status: 'idle' | 'busy' | 'retry', conversation: Conversation): Step {
  if (status !== 'idle') {
    // Before the prompt is known to be stored, a busy may still be the end of the turn before.
    if (turn.phase === 'drafted' || turn.phase === 'sent') return stay(turn);
    return { turn: working(turn), effects: [cancel(turn, 'idle'), cancel(turn, 'refused')] };
  }
  // The end of what was stopped is told before its last messages are (opencode 1.18.33).
  if (isGivenUp(turn)) return { turn, effects: [timer(turn, 'idle', IDLE_SETTLE_MS)] };
  // A trailing idle of the turn before says nothing about this one.
  if (!turn.worked) return stay(turn);
  const facts = factsOf(turn, conversation);
  if (finalAnswer(facts) !== undefined || closedWithError(facts)) return settle(turn, conversation);
  return { turn, effects: [timer(turn, 'idle', IDLE_SETTLE_MS)] };
}

/** How many of the latest answers in a row ended without a reason. */
function unknownFinishes(turn: TurnState, conversation: Conversation): number {
  let count = 0;
  for (const id of ownAnswers(turn)
    .slice(-2 * UNKNOWN_FINISH_LIMIT)
    .toReversed()) {
    const info = conversation.messages.get(id)?.info;
    if (info?.completedAt === undefined) continue;
    if (info.finish !== 'unknown') break;
    count++;
  }
  return count;
}
