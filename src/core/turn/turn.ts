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
import type { Conversation } from '../journal/conversation.ts';
import type { JournalRecord, RecordOf } from '../journal/record.ts';
import { answered, cut, NOTHING_ASKED, unheard } from './asked.ts';
import {
  disarmed,
  isGivenUp,
  ladderEnded,
  onRung,
  onStallTimer,
  onStillBusy,
  resumed,
  runningTools,
  watched,
} from './clocks.ts';
import { onEvent } from './events.ts';
import {
  endAttempt,
  failAttempt,
  onDecision,
  onIncident,
  onMended,
  onNoServer,
  onParkedTimer,
  onReadBack,
  onReadBackLate,
  onRecoveryAnswer,
} from './recovery.ts';
import {
  ACCEPT_MS,
  BEGIN_MS,
  isRecovering,
  RESYNC_MS,
  STOP_MS,
  type Step,
  type TurnEffect,
  type TurnState,
  type TurnTimer,
  UNREACHABLE_MS,
} from './state.ts';
import { cancel, canInferEnd, factsOf, settle, stay, timer } from './step.ts';
import { onOwner, onServer, onStream } from './surroundings.ts';

/**
 * One step. The conversation has the record's event folded in already. Records of other turns and sessions
 * leave the turn as it is.
 */
export function stepTurn(turn: TurnState, record: JournalRecord, conversation: Conversation): Step {
  // A stop that came before the engine had begun has stopped nothing: it is told once more then.
  const again: TurnEffect[] = beginsStopped(turn, record) ? [{ type: 'abort', turnId: turn.turnId }] : [];
  if (turn.phase === 'settled') return stay(turn, again);
  if ('turnId' in record && record.turnId !== undefined && record.turnId !== turn.turnId) return stay(turn);
  const step = watched(stepped(turn, record, conversation), record.at, conversation);
  return { ...step, effects: [...step.effects, ...again] };
}

/** Whether the engine begins an answer to a prompt that was stopped. */
function beginsStopped({ stop, prompt }: TurnState, record: JournalRecord): boolean {
  if (stop === undefined || record.kind !== 'event' || record.event.type !== 'message') return false;
  const { parentId, completedAt } = record.event.message;
  return parentId === prompt.messageId && completedAt === undefined;
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
      return onStop(turn, record, conversation);
    case 'parked':
      return stay({ ...turn, parkedUntil: record.until });
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
    retries: 0,
    compactedAt: [],
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

function onStop(
  turn: TurnState,
  { cause, loop }: RecordOf<'stop-requested'>,
  conversation: Conversation,
): Step {
  // A person's word stands above that of the loop guard.
  if (turn.stop !== undefined && (turn.stop !== 'loop' || cause === 'loop')) return stay(turn);
  const stopping: TurnState = {
    ...ladderEnded(turn),
    stop: cause,
    ...(loop === undefined ? {} : { loop }),
    ...(cause === 'loop' && { cutTools: [...turn.cutTools, ...runningTools(conversation)] }),
  };
  if (turn.phase === 'drafted' || isRecovering(turn)) {
    const step = settle(stopping, conversation);
    const waits = (['read-back', 'idle', 'parked'] as const).map((name) => cancel(turn, name));
    return { ...step, effects: [...step.effects, ...waits] };
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
      // The loop guard's stop may be long over, and its turn with the user.
      return turn.stop === undefined ? stay(turn) : endAttempt(turn, conversation);
    case 'parked':
      return turn.phase === 'failed' ? onParkedTimer(turn, at) : stay(turn);
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

function onSynced(turn: TurnState, record: RecordOf<'synced'>, conversation: Conversation): Step {
  const { status, at } = record;
  if (isRecovering(turn))
    return turn.phase === 'failed' ? onReadBack(turn, record, conversation) : stay(turn);
  if (isGivenUp(turn) && status === 'idle') return onStalled(turn, conversation);
  const climbed = status === 'idle' ? undefined : onStillBusy(turn, record, conversation);
  if (climbed !== undefined) return climbed;
  // A server that does not answer says nothing; its death, if it is that, comes as a `server` record.
  if (status === 'unknown') return stay(turn, [timer(turn, 'idle', RESYNC_MS)]);
  if (status === 'busy' || status === 'retry') return stay(turn);
  const now = resumed(turn, at);
  if (turn.phase === 'drafted' || turn.sending) return stay(now);
  if (mayNotHaveBegun(turn, at, conversation)) return stay(now, [timer(turn, 'idle', RESYNC_MS)]);
  if (wasLost(turn, conversation)) return failAttempt(turn, { type: 'server-unreachable' }, conversation);
  return endAttempt(turn, conversation);
}

/** An engine that lives closes its messages, also those of a turn that was stopped: another one has come in its place. */
function wasLost(turn: TurnState, conversation: Conversation): boolean {
  return turn.recovery !== 'off' && isUnended(turn, conversation);
}

/** Nothing says that it has ended: no closed answer, no error, no stop. */
function isUnended(turn: TurnState, conversation: Conversation): boolean {
  if (turn.stop !== undefined || turn.lastError !== undefined) return false;
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
  return stay(ladderEnded(turn), [...effects, { type: 'give-up-server', turnId: turn.turnId }]);
}

/** An engine that took the prompt a moment ago is idle before it is busy: this may be that idle, unless an answer is closed. */
function mayNotHaveBegun(turn: TurnState, at: number, conversation: Conversation): boolean {
  if (turn.sentAt === undefined || at - turn.sentAt >= BEGIN_MS) return false;
  return isUnended(turn, conversation);
}
