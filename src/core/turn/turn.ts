/**
 * The machine of one turn: from a drafted prompt to a named outcome.
 *
 *   drafted ──▶ sent ──▶ accepted ──▶ running ⇄ waiting
 *      ▲          │          │           │         │
 *      │          └──────────┴─────┬─────┴─────────┘
 *      │                           ▼
 *      └──── mending ◀── failed ──▶ settled
 *                         │  ▲
 *                         ▼  │
 *                        asking
 *
 *   sent      the request left; whether the server has the prompt is unknown
 *   accepted  the prompt's own part was seen: the server has stored it
 *   running   the engine works on it
 *   waiting   a permission or a question waits for the user
 *   failed    its attempt failed: a server is had, the session read back, and a decision taken (`recovery.ts`)
 *   asking    recovery asks the user whether to go on
 *   mending   it is decided to go on: the session is put in order for the next attempt, which begins as `drafted`
 *   settled   it has an outcome; nothing changes it any more
 *
 * `stepTurn` decides by records and facts alone. It never settles by itself: it proposes a `turn-settled`
 * record, and that record, once in the journal, settles the turn. A replay therefore sees the same decisions.
 */
import { assertNever } from '../errors.ts';
import type { EngineEvent } from '../engine.ts';
import type { Conversation } from '../journal/conversation.ts';
import type { JournalRecord, RecordOf, StopCause } from '../journal/record.ts';
import { answered, cut, heard, NOTHING_ASKED, unheard } from './asked.ts';
import {
  deaf,
  disarmed,
  hearing,
  isGivenUp,
  ladderEnded,
  onRung,
  onStallTimer,
  onStillBusy,
  progress,
  resumed,
  watched,
} from './clocks.ts';
import {
  beginAnew,
  failAttempt,
  isRecovering,
  onDecision,
  onIncident,
  onMended,
  onNoServer,
  onReadBack,
  onReadBackLate,
  onRecoveryAnswer,
} from './recovery.ts';
import { finalAnswer, type Facts, outstandingTools, settlement } from './settle.ts';
import {
  ACCEPT_MS,
  BEGIN_MS,
  IDLE_SETTLE_MS,
  INFERRED_END_MS,
  REFUSED_MS,
  RESYNC_MS,
  STOP_MS,
  type Step,
  type TurnEffect,
  type TurnState,
  type TurnTimer,
  UNKNOWN_FINISH_LIMIT,
  UNREACHABLE_MS,
} from './state.ts';

/**
 * One step. The conversation has the record's event folded in already. Records of other turns and sessions
 * leave the turn as it is.
 */
export function stepTurn(turn: TurnState, record: JournalRecord, conversation: Conversation): Step {
  if (turn.phase === 'settled') return stay(turn);
  if ('turnId' in record && record.turnId !== undefined && record.turnId !== turn.turnId) return stay(turn);
  return watched(stepped(turn, record, conversation), record.at, conversation);
}

function stepped(turn: TurnState, record: JournalRecord, conversation: Conversation): Step {
  switch (record.kind) {
    case 'attempt-started':
      return {
        turn: attempted(turn, record),
        effects: turn.stop === undefined ? [{ type: 'send', turnId: turn.turnId }] : [],
      };
    case 'incident':
      return onIncident(ladderEnded(turn), record, conversation);
    case 'decision':
      return onDecision({ ...turn, progressAt: record.at }, record, conversation);
    case 'session-mended':
      return onMended(turn, record);
    case 'recovery-answered':
      return onRecoveryAnswer(turn, record);
    case 'recovery-failed':
      return onNoServer(turn, record, conversation);
    case 'prompt-send-started':
      return stay({ ...turn, sending: true, ...(turn.phase === 'drafted' && { phase: 'sent' }) });
    case 'prompt-send-completed': {
      const sent = { ...turn, sending: false, sentAt: record.at };
      return stay(sent, turn.phase === 'sent' ? [timer(turn, 'accept', ACCEPT_MS)] : []);
    }
    case 'prompt-send-failed':
      return onSendFailed(turn, record, conversation);
    case 'event':
      return onEvent(turn, record.event, record.at, conversation);
    case 'stream':
      return onStream(turn, record);
    case 'owner':
      return onOwner(
        disarmed({ ...turn, asked: unheard(turn.asked), progressAt: record.at }),
        record,
        conversation,
      );
    case 'answered':
      return stay({ ...turn, asked: answered(turn.asked, record.askId) });
    case 'server':
      return onServer(
        record.exit === undefined ? turn : { ...turn, asked: cut(turn.asked) },
        record,
        conversation,
      );
    case 'stop-requested':
      return onStop(turn, record.cause, conversation);
    case 'timer':
      return onTimer(turn, record.name as TurnTimer, record.at, conversation);
    case 'stall':
      return record.rung === 'restart'
        ? onUnstoppable(turn, conversation)
        : onRung(turn, record, conversation);
    case 'synced':
      return onSynced(turn, record, conversation);
    case 'turn-settled':
      return stay(settled(turn, record));
    default:
      return stay(turn);
  }
}

/** A new attempt knows nothing of what went wrong in the one before. */
function attempted(turn: TurnState, { attempt, at, notice }: RecordOf<'attempt-started'>): TurnState {
  const { lastError: _error, unreachable: _unreachable, notice: _notice, sentAt: _sentAt, ...rest } = turn;
  return {
    ...rest,
    phase: 'drafted',
    attempt,
    startedAt: at,
    progressAt: at,
    worked: false,
    sending: false,
    answersBefore: turn.answers.length,
    asked: NOTHING_ASKED,
    ...(notice === undefined ? {} : { notice }),
  };
}

function settled(turn: TurnState, record: RecordOf<'turn-settled'>): TurnState {
  return {
    ...turn,
    phase: 'settled',
    outcome: record.outcome,
    inferred: record.inferred,
    settledAt: record.at,
    ...(record.message === undefined ? {} : { message: record.message }),
    ...(record.error === undefined ? {} : { error: record.error }),
  };
}

function onSendFailed(
  turn: TurnState,
  record: RecordOf<'prompt-send-failed'>,
  conversation: Conversation,
): Step {
  if (turn.phase !== 'sent') return stay({ ...turn, sending: false });
  const failed = { ...turn, sending: false, lastError: record.error };
  if (record.fateUnknown && turn.recovery !== 'off' && turn.stop === undefined)
    return failAttempt(failed, { type: 'server-unreachable' }, conversation);
  return settle(failed, conversation, { sendFailed: true, unreachable: record.fateUnknown });
}

function onEvent(turn: TurnState, event: EngineEvent, at: number, conversation: Conversation): Step {
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

function noteAnswer(turn: TurnState, messageId: string): void {
  // From the end: a known one is among the last.
  if (turn.answers.lastIndexOf(messageId) < 0) turn.answers.push(messageId);
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

function onStream(turn: TurnState, { state, at }: RecordOf<'stream'>): Step {
  if (state === 'lost') return stay(deaf(turn));
  const now = hearing(turn, at);
  // What streamed while no stream was open is told nowhere again: ask the server.
  return turn.phase === 'drafted'
    ? stay(now)
    : { turn: { ...now, asked: unheard(turn.asked) }, effects: [{ type: 'sync', turnId: turn.turnId }] };
}

/**
 * The turn goes on in a new process. Its timers died with the old one, and so did a request that was under way; where
 * the turn stands is read from the server once its stream is open.
 */
function onOwner(turn: TurnState, { serverGone }: RecordOf<'owner'>, conversation: Conversation): Step {
  if (turn.phase === 'settled') return stay(turn);
  if (turn.phase === 'asking' || (isRecovering(turn) && serverGone !== true)) return beginAnew(turn);
  if (serverGone === true) {
    return turn.stop === undefined
      ? failAttempt({ ...turn, phase: 'running' }, { type: 'owner-gone' }, conversation)
      : settle(turn, conversation, { unreachable: true });
  }
  const unsent = { ...turn, sending: false };
  const adopted: TurnState = unsent.phase === 'waiting' ? { ...unsent, phase: 'running' } : unsent;
  if (adopted.stop !== undefined) {
    return stay(adopted, [{ type: 'abort', turnId: turn.turnId }, timer(turn, 'stop', STOP_MS)]);
  }
  switch (adopted.phase) {
    case 'drafted': {
      const attempt = Math.max(1, turn.attempt);
      const notice = turn.notice === undefined ? {} : { notice: turn.notice };
      return stay(adopted, [
        { type: 'record', body: { kind: 'attempt-started', turnId: turn.turnId, attempt, ...notice } },
      ]);
    }
    case 'sent':
      return stay({ ...adopted, sending: true }, [{ type: 'resend', turnId: turn.turnId }]);
    default:
      return stay(adopted, inferEnd(adopted, conversation));
  }
}

function onServer(turn: TurnState, record: RecordOf<'server'>, conversation: Conversation): Step {
  switch (record.state) {
    case 'stopped':
    case 'failed':
    case 'backing-off':
      if (isRecovering(turn)) return record.exit === undefined ? stay(turn) : beginAnew(turn);
      if (
        turn.phase === 'drafted' &&
        turn.stop === undefined &&
        record.exit === undefined &&
        record.state !== 'failed'
      ) {
        return stay(turn);
      }
      if (turn.recovery !== 'off' && turn.stop === undefined) {
        const { code, signal } = record.exit ?? {};
        const cause = {
          type: 'server-died' as const,
          ...(code === undefined ? {} : { code }),
          ...(signal === undefined ? {} : { signal }),
        };
        return failAttempt(turn, cause, conversation);
      }
      return settle(turn, conversation, {
        unreachable: true,
        ...(record.exit === undefined ? {} : { exit: record.exit }),
        ...(record.reason === undefined ? {} : { reason: record.reason }),
      });
    case 'unreachable':
      // Nobody holds its process, so it may well go on with the turn. Its patience begins once.
      if (turn.phase === 'drafted' || isRecovering(turn) || turn.unreachable !== undefined) return stay(turn);
      return {
        turn: { ...turn, unreachable: record.reason ?? 'The server cannot be reached.' },
        effects: [timer(turn, 'unreachable', UNREACHABLE_MS)],
      };
    case 'ready':
      return onReachable(turn, record.at, conversation);
    case 'starting':
    case 'unresponsive':
    case 'stopping':
    case 'connecting':
      return stay(turn);
    default:
      return assertNever(record.state);
  }
}

/** How the turn stands is read once the stream is open: the server may have gone on with it, or be another one. */
function onReachable(turn: TurnState, at: number, conversation: Conversation): Step {
  const { unreachable, ...rest } = turn;
  const reached = rest.phase === 'waiting' ? asking(rest, conversation) : rest;
  return unreachable === undefined
    ? stay(reached)
    : stay(resumed(reached, at), [cancel(turn, 'unreachable')]);
}

function onStop(turn: TurnState, cause: StopCause, conversation: Conversation): Step {
  if (turn.stop !== undefined) return stay(turn);
  const stopping = { ...ladderEnded(turn), stop: cause };
  if (turn.phase === 'drafted' || isRecovering(turn)) {
    const step = settle(stopping, conversation);
    return { ...step, effects: [...step.effects, cancel(turn, 'read-back'), cancel(turn, 'idle')] };
  }
  return { turn: stopping, effects: [{ type: 'abort', turnId: turn.turnId }, timer(turn, 'stop', STOP_MS)] };
}

function onTimer(turn: TurnState, name: TurnTimer, at: number, conversation: Conversation): Step {
  switch (name) {
    case 'stall':
      return onStallTimer(turn, at, conversation);
    case 'inferred':
      return canInferEnd(turn, conversation) ? settle(turn, conversation, { inferred: true }) : stay(turn);
    case 'stop':
      return settle(turn, conversation);
    case 'read-back':
      return turn.phase === 'failed' ? onReadBackLate(turn, conversation) : stay(turn);
    case 'unreachable': {
      if (turn.unreachable === undefined) return stay(turn);
      const minutes = UNREACHABLE_MS / 60_000;
      const reason = `${turn.unreachable} It was not reached again within ${minutes} minutes, so how the turn ended there is not known.`;
      return settle(turn, conversation, { unreachable: true, reason });
    }
    case 'idle':
    case 'refused':
    case 'accept':
      return { turn, effects: [{ type: 'sync', turnId: turn.turnId }] };
    default:
      return stay(turn);
  }
}

function onSynced(turn: TurnState, { status, at }: RecordOf<'synced'>, conversation: Conversation): Step {
  if (isRecovering(turn))
    return turn.phase === 'failed' ? onReadBack(turn, status, conversation) : stay(turn);
  if (isGivenUp(turn) && status === 'idle') return onStalled(turn, conversation);
  const climbed = status === 'idle' ? undefined : onStillBusy(turn, at, conversation);
  if (climbed !== undefined) return climbed;
  // A server that does not answer says nothing; its death, if it is that, comes as a `server` record.
  if (status === 'unknown') return stay(turn, [timer(turn, 'idle', RESYNC_MS)]);
  if (status === 'busy' || status === 'retry') return stay(turn);
  const now = resumed(turn, at);
  if (turn.phase === 'drafted' || turn.sending) return stay(now);
  if (mayNotHaveBegun(turn, at, conversation)) return stay(now, [timer(turn, 'idle', RESYNC_MS)]);
  if (wasLost(turn, conversation)) return failAttempt(turn, { type: 'server-unreachable' }, conversation);
  return settle(turn, conversation);
}

/** An engine that lives closes its messages, also those of a turn that was stopped: another one has come in its place. */
function wasLost(turn: TurnState, conversation: Conversation): boolean {
  if (turn.recovery === 'off' || turn.stop !== undefined || turn.lastError !== undefined) return false;
  return factsOf(turn, conversation).answers.at(-1)?.completedAt === undefined;
}

/** The turn was silent, and has ended because it was stopped for that. */
function onStalled(turn: TurnState, conversation: Conversation): Step {
  const { watch } = turn;
  if (watch === undefined || watch.ladder.step === 'none') return stay(turn);
  const { clock, silentMs } = watch.ladder;
  return turn.recovery === 'off'
    ? settle(turn, conversation, { stalled: { clock, silentMs } })
    : failAttempt(turn, { type: 'session-stalled', clock, silentMs }, conversation);
}

/** It did not even end when it was stopped: its server is worth nothing any more. */
function onUnstoppable(turn: TurnState, conversation: Conversation): Step {
  if (!isGivenUp(turn) || turn.stop !== undefined || isRecovering(turn)) return stay(disarmed(turn));
  const { effects } = onStalled(turn, conversation);
  return stay(ladderEnded(turn), [...effects, { type: 'restart-server', turnId: turn.turnId }]);
}

/** An engine that took the prompt a moment ago is idle before it is busy: this may be that idle, unless an answer is closed. */
function mayNotHaveBegun(turn: TurnState, at: number, conversation: Conversation): boolean {
  if (turn.sentAt === undefined || at - turn.sentAt >= BEGIN_MS) return false;
  if (turn.stop !== undefined || turn.lastError !== undefined) return false;
  return factsOf(turn, conversation).answers.at(-1)?.completedAt === undefined;
}

function isAnswer(turn: TurnState, messageId: string, conversation: Conversation): boolean {
  if (turn.answers.slice(0, turn.answersBefore).includes(messageId)) return false;
  return conversation.messages.get(messageId)?.info.parentId === turn.prompt.messageId;
}

/** Those of this attempt: what an earlier one left is told again, and written to, when it is put in order. */
function ownAnswers(turn: TurnState): string[] {
  return turn.answers.slice(turn.answersBefore);
}

/** Moves to `running` or `waiting`, whatever the open asks say. */
function working(turn: TurnState): TurnState {
  if (turn.phase === 'waiting' || turn.phase === 'settled' || isRecovering(turn)) return turn;
  return { ...turn, phase: 'running', worked: true };
}

function asking(turn: TurnState, conversation: Conversation): TurnState {
  if (turn.phase === 'drafted' || turn.phase === 'settled' || isRecovering(turn)) return turn;
  return { ...turn, phase: conversation.asks.size > 0 ? 'waiting' : 'running', worked: true };
}

function factsOf(turn: TurnState, conversation: Conversation): Facts {
  const own = ownAnswers(turn);
  const answers = own.flatMap((id) => conversation.messages.get(id)?.info ?? []);
  return {
    answers,
    outstanding: outstandingTools(conversation, new Set(own)),
    ...(turn.stop === undefined ? {} : { stop: turn.stop }),
    ...(turn.lastError === undefined ? {} : { lastError: turn.lastError }),
    accepted: turn.phase !== 'drafted' && turn.phase !== 'sent',
  };
}

function closedWithError(facts: Facts): boolean {
  const last = facts.answers.at(-1);
  return last?.error !== undefined && last.completedAt !== undefined;
}

function canInferEnd(turn: TurnState, conversation: Conversation): boolean {
  const own = ownAnswers(turn);
  const last = conversation.messages.get(own.at(-1) ?? '')?.info;
  if (last === undefined || finalAnswer({ answers: [last] }) === undefined) return false;
  return conversation.openTools.size === 0 || outstandingTools(conversation, new Set(own)).length === 0;
}

function inferEnd(turn: TurnState, conversation: Conversation): TurnEffect[] {
  return canInferEnd(turn, conversation) ? [timer(turn, 'inferred', INFERRED_END_MS)] : [];
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

function settle(
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

function timer(turn: TurnState, name: TurnTimer, ms: number): TurnEffect {
  return { type: 'timer', turnId: turn.turnId, name, ms };
}

function cancel(turn: TurnState, name: TurnTimer): TurnEffect {
  return { type: 'cancel-timer', turnId: turn.turnId, name };
}

function stay(turn: TurnState, effects: TurnEffect[] = []): Step {
  return { turn, effects };
}
