/** What happens around a turn: its stream, its server, the process that does it. */
import { assertNever } from '../errors.ts';
import type { Conversation } from '../journal/conversation.ts';
import type { RecordOf } from '../journal/record.ts';
import { unheard } from './asked.ts';
import { deaf, hearing, isGivenUp, resumed, runningTools } from './clocks.ts';
import { beginAnew, endAttempt, failAttempt } from './recovery.ts';
import {
  isRecovering,
  STOP_MS,
  type Step,
  type TurnEffect,
  type TurnState,
  UNREACHABLE_MS,
} from './state.ts';
import { asking, cancel, inferEnd, settle, stay, timer } from './step.ts';

export function onStream(turn: TurnState, { state, at }: RecordOf<'stream'>): Step {
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
export function onOwner(
  turn: TurnState,
  { serverGone, at }: RecordOf<'owner'>,
  conversation: Conversation,
): Step {
  if (turn.phase === 'settled') return stay(turn);
  if (turn.phase === 'asking' || (isRecovering(turn) && serverGone !== true))
    return beginAnew(turn, at, 'new');
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

export function onServer(turn: TurnState, record: RecordOf<'server'>, conversation: Conversation): Step {
  switch (record.state) {
    case 'stopped':
    case 'failed':
    case 'backing-off':
      if (isRecovering(turn))
        return record.exit === undefined ? stay(turn) : beginAnew(turn, record.at, 'same');
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
          ...(record.exit?.expected === true && { expected: true }),
        };
        return failAttempt(turn, cause, conversation);
      }
      return endAttempt(turn, conversation, {
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
    case 'stopping':
      return stay(ended(turn, conversation));
    case 'unresponsive':
      return onUnresponsive(turn, conversation);
    case 'starting':
    case 'connecting':
      return stay(turn);
    default:
      return assertNever(record.state);
  }
}

/** Neither a byte nor an answer for longer than a server at work is given: it is ended, and the turn is recovered. */
function onUnresponsive(turn: TurnState, conversation: Conversation): Step {
  const giveUp: TurnEffect = { type: 'give-up-server', turnId: turn.turnId };
  if (isRecovering(turn)) return stay(turn, [giveUp]);
  if (turn.phase === 'drafted' || turn.stop !== undefined) return stay(turn);
  // What it says of them in its last words is the end's doing.
  const cut = { ...turn, cutTools: [...turn.cutTools, ...runningTools(conversation)] };
  const { turn: next, effects } =
    turn.recovery === 'off'
      ? settle(turn, conversation, { unreachable: true, reason: 'The server did not answer any more.' })
      : failAttempt(cut, { type: 'server-unreachable' }, conversation);
  return stay(next, [...effects, giveUp]);
}

/** The user restarts the server. What runs there now is cut off, whatever the engine says of it in its last words. */
function ended(turn: TurnState, conversation: Conversation): TurnState {
  const isOver = turn.phase === 'settled' || isRecovering(turn) || turn.stop !== undefined;
  if (isOver || turn.recovery === 'off' || isGivenUp(turn)) return turn;
  return { ...turn, ending: true, cutTools: [...turn.cutTools, ...runningTools(conversation)] };
}

/** How the turn stands is read once the stream is open: the server may have gone on with it, or be another one. */
function onReachable(turn: TurnState, at: number, conversation: Conversation): Step {
  const { unreachable, ...rest } = turn;
  const reached = rest.phase === 'waiting' ? asking(rest, conversation) : rest;
  return unreachable === undefined
    ? stay(reached)
    : stay(resumed(reached, at), [cancel(turn, 'unreachable')]);
}
