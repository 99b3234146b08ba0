/** What the parts of a turn's machine share: questions about a turn, and the steps that it can take. */
import type { Conversation } from '../journal/conversation.ts';
import { continuationOf } from './continuation.ts';
import { finalAnswer, type Facts, outstandingTools, settlement } from './settle.ts';
import {
  INFERRED_END_MS,
  isRecovering,
  type Step,
  type TurnEffect,
  type TurnState,
  type TurnTimer,
} from './state.ts';

/** Those of this attempt: what an earlier one left is told again, and written to, when it is put in order. */
export function ownAnswers(turn: TurnState): string[] {
  return turn.answers.slice(turn.answersBefore);
}

export function isAnswer(turn: TurnState, messageId: string, conversation: Conversation): boolean {
  // From the end: a known one is among the last.
  const known = turn.answers.lastIndexOf(messageId);
  if (known >= 0 && known < turn.answersBefore) return false;
  return known >= 0 || answersTurn(turn, conversation.messages.get(messageId)?.info.parentId, conversation);
}

/** Whether what answers this message answers the turn: a summary of the conversation that the engine asked for does not. */
export function answersTurn(
  turn: TurnState,
  parentId: string | undefined,
  conversation: Conversation,
): boolean {
  if (parentId === undefined) return false;
  return parentId === turn.prompt.messageId || continuationOf(turn, conversation).ids.includes(parentId);
}

export function noteAnswer(turn: TurnState, messageId: string): void {
  // From the end: a known one is among the last.
  if (turn.answers.lastIndexOf(messageId) < 0) turn.answers.push(messageId);
}

/** Moves to `running` or `waiting`, whatever the open asks say. */
export function working(turn: TurnState): TurnState {
  if (turn.phase === 'waiting' || turn.phase === 'settled' || isRecovering(turn)) return turn;
  return turn.phase === 'running' && turn.worked ? turn : { ...turn, phase: 'running', worked: true };
}

export function asking(turn: TurnState, conversation: Conversation): TurnState {
  if (turn.phase === 'drafted' || turn.phase === 'settled' || isRecovering(turn)) return turn;
  return { ...turn, phase: conversation.asks.size > 0 ? 'waiting' : 'running', worked: true };
}

export function factsOf(turn: TurnState, conversation: Conversation): Facts {
  const own = ownAnswers(turn);
  const answers = own.flatMap((id) => conversation.messages.get(id)?.info ?? []);
  return {
    answers,
    outstanding: outstandingTools(conversation, new Set(own)),
    ...(turn.stop === undefined ? {} : { stop: turn.stop }),
    ...(turn.loop === undefined ? {} : { loop: turn.loop }),
    ...(turn.lastError === undefined ? {} : { lastError: turn.lastError }),
    accepted: turn.phase !== 'drafted' && turn.phase !== 'sent',
  };
}

export function closedWithError(facts: Facts): boolean {
  const last = facts.answers.at(-1);
  return last?.error !== undefined && last.completedAt !== undefined;
}

export function canInferEnd(turn: TurnState, conversation: Conversation): boolean {
  const own = ownAnswers(turn);
  const last = conversation.messages.get(own.at(-1) ?? '')?.info;
  if (last === undefined || finalAnswer({ answers: [last] }) === undefined) return false;
  return conversation.openTools.size === 0 || outstandingTools(conversation, new Set(own)).length === 0;
}

export function inferEnd(turn: TurnState, conversation: Conversation): TurnEffect[] {
  return canInferEnd(turn, conversation) ? [timer(turn, 'inferred', INFERRED_END_MS)] : [];
}

export function settle(
  turn: TurnState,
  conversation: Conversation,
  how: Parameters<typeof settlement>[1] = {},
): Step {
  const decision = settlement(factsOf(turn, conversation), how);
  return {
    turn,
    effects: [
      { type: 'record', body: { kind: 'turn-settled', turnId: turn.turnId, ...decision } },
      ...(turn.unreachable === undefined ? [] : [cancel(turn, 'unreachable')]),
    ],
  };
}

export function timer(turn: TurnState, name: TurnTimer, ms: number): TurnEffect {
  return { type: 'timer', turnId: turn.turnId, name, ms };
}

export function cancel(turn: TurnState, name: TurnTimer): TurnEffect {
  return { type: 'cancel-timer', turnId: turn.turnId, name };
}

export function stay(turn: TurnState, effects: TurnEffect[] = []): Step {
  return { turn, effects };
}
