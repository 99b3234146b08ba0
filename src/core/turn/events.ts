/** What the engine says of a turn, as its machine takes it. */
import type { EngineEvent, SessionStatus } from '../engine.ts';
import type { Conversation } from '../journal/conversation.ts';
import type { Loop } from '../recovery/incident.ts';
import { heard } from './asked.ts';
import { alsoCut, isGivenUp, progress } from './clocks.ts';
import { loopOf } from './loop.ts';
import { forgottenCalls, parkedBy } from './model-wait.ts';
import { endAttempt } from './recovery.ts';
import { finalAnswer } from './settle.ts';
import {
  IDLE_SETTLE_MS,
  isRecovering,
  REFUSED_MS,
  type Step,
  type TurnEffect,
  type TurnState,
} from './state.ts';
import {
  answersTurn,
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
  const now: TurnState = {
    ...turn,
    asked: heard(turn.asked, event),
    ...progress(turn, event, at),
    ...((turn.stop === 'loop' || turn.ending) && { cutTools: alsoCut(turn.cutTools, event) }),
  };
  if (event.type === 'session-gone' && event.sessionId === turn.sessionId) return onGone(now, conversation);
  if (isRecovering(turn)) {
    // The session is being read back: what it holds is known from here on.
    const { type } = event;
    if (type === 'message' && answersTurn(turn, event.message.parentId, conversation))
      noteAnswer(turn, event.message.id);
    return stay(turn);
  }
  if (event.sessionId !== turn.sessionId) {
    const isAsk = event.type === 'ask' || event.type === 'ask-closed';
    return stay(isAsk ? asking(now, conversation) : now, parkedBy(turn, event, at));
  }
  switch (event.type) {
    case 'part':
      return event.messageId === turn.prompt.messageId && event.part.id === turn.prompt.partId
        ? onAccepted(now)
        : onWorkPart(now, event, conversation);
    case 'delta':
      return stay(isAnswer(turn, event.messageId, conversation) ? working(now) : now);
    case 'message':
      return event.message.role === 'assistant' && isAnswer(turn, event.message.id, conversation)
        ? onAnswer(now, event.message.id, conversation)
        : stay(now);
    case 'status': {
      const { turn: next, effects } = onStatus(now, event.status, conversation);
      return stay(next, [...effects, ...parkedBy(turn, event, at)]);
    }
    case 'compacted': {
      const compactedAt = [...turn.compactedAt, ownAnswers(turn).length];
      return guarded({ ...now, compactedAt }, conversation);
    }
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

/** opencode 1.18.33 goes on with the turn of a session that was deleted, and tells nobody of its end. */
function onGone(turn: TurnState, conversation: Conversation): Step {
  const { effects } = settle(turn, conversation, { gone: true });
  const waits = (['read-back', 'idle', 'parked'] as const).map((name) => cancel(turn, name));
  return stay(turn, [{ type: 'abort', turnId: turn.turnId }, ...effects, ...waits]);
}

function onAccepted(turn: TurnState): Step {
  if (turn.phase !== 'sent' && turn.phase !== 'drafted') return stay(turn);
  return {
    turn: { ...turn, phase: turn.worked ? 'running' : 'accepted' },
    effects: [cancel(turn, 'accept')],
  };
}

/** Output that belongs to an answer of this prompt is work on it. */
function onWorkPart(
  turn: TurnState,
  { messageId, part }: Extract<EngineEvent, { type: 'part' }>,
  conversation: Conversation,
): Step {
  if (!isAnswer(turn, messageId, conversation)) return stay(turn);
  // A tool that ends after the final answer may be what it waited for.
  const effects = inferEnd(turn, conversation);
  const hasFailed = part.type === 'tool' && part.failedCall !== undefined;
  return hasFailed ? guarded(working(turn), conversation, effects) : stay(working(turn), effects);
}

function onAnswer(turn: TurnState, messageId: string, conversation: Conversation): Step {
  const isNew = turn.answers.lastIndexOf(messageId) < 0;
  noteAnswer(turn, messageId);
  const next = working(isNew ? begunAnew(turn) : turn);
  return guarded(next, conversation, inferEnd(next, conversation));
}

/** The engine has gone on with another answer: what was wrong with the one before was not the end. */
function begunAnew({ lastError: _error, ...turn }: TurnState): TurnState {
  return { ...turn, retries: 0 };
}

/** Stops a turn that goes in circles. */
function guarded(turn: TurnState, conversation: Conversation, effects: TurnEffect[] = []): Step {
  const loop = isOnItsWay(turn) ? loopOf(turn, conversation) : undefined;
  return loop === undefined ? stay(turn, effects) : stopLoop(turn, loop);
}

/** What else was told at the same time asks for no second stop. */
function isOnItsWay({ stop, loop }: TurnState): boolean {
  return stop === undefined && loop === undefined;
}

function stopLoop(turn: TurnState, loop: Loop): Step {
  const body = { kind: 'stop-requested', turnId: turn.turnId, cause: 'loop', loop } as const;
  return stay({ ...turn, loop }, [{ type: 'record', body }]);
}

function onStatus(turn: TurnState, status: SessionStatus, conversation: Conversation): Step {
  if (status.type !== 'idle') {
    // Before the prompt is known to be stored, a busy may still be the end of the turn before.
    if (turn.phase === 'drafted' || turn.phase === 'sent') return stay(turn);
    const effects = [cancel(turn, 'idle'), cancel(turn, 'refused')];
    if (status.type === 'busy') return stay(working(turn), effects);
    const forgotten = forgottenCalls(turn, conversation);
    if (forgotten.partIds.length > 0 && turn.recovery !== 'off' && isOnItsWay(turn)) {
      const tried = { ...working(turn), retries: status.attempt, retryAt: status.nextAt };
      return stopLoop(tried, 'forgotten-call');
    }
    return stay(
      { ...working(turn), retries: status.attempt, forgotten: [...turn.forgotten, ...forgotten.partIds] },
      [...effects, ...forgotten.notes],
    );
  }
  // The end of what was stopped is told before its last messages are (opencode 1.18.33).
  if (isGivenUp(turn)) return { turn, effects: [timer(turn, 'idle', IDLE_SETTLE_MS)] };
  // A trailing idle of the turn before says nothing about this one.
  if (!turn.worked) return stay(turn);
  const facts = factsOf(turn, conversation);
  if (finalAnswer(facts) !== undefined || closedWithError(facts)) return endAttempt(turn, conversation);
  return { turn, effects: [timer(turn, 'idle', IDLE_SETTLE_MS)] };
}
