/** The state of a run: the fold of its journal. */
import type { Exit, JournalRecord, RecordBody, RecordOf, ServerStateName } from './record.ts';
import { applyEvent, concerns, type Conversation, markGaps, newConversation } from './conversation.ts';
import { foldQueue, newQueue, type Queue } from './queue.ts';
import { draftTurn, type TurnEffect, type TurnState } from '../turn/state.ts';
import { isRecovering } from '../turn/state.ts';
import { stepTurn } from '../turn/turn.ts';
import { stepReview, type ReviewEffect, type ReviewState } from '../review/review.ts';
import type { Outcome } from '../outcome.ts';
import type { ReviewScope } from '../review/finding.ts';

export interface RunState {
  /** Number of the last record folded. */
  seq: number;
  info?: RecordOf<'run-started'>;
  server: { generation: number; state: ServerStateName; exit?: Exit; reason?: string };
  engineVersion?: string;
  sessionId?: string;
  conversation: Conversation;
  /** The latest turn. */
  turn?: TurnState;
  /** Outcomes of the turns before it. */
  turnsSettled: number;
  /** Prompts to send when the turn has ended. */
  queue: Queue;
  /** Only in a review, once resolved. */
  scope?: ReviewScope;
  findings?: RecordOf<'findings'>;
  /** Only in a review. */
  review?: ReviewState;
  ended?: { outcome: Outcome; message?: string; at: number };
  /** The generation of the server whose tools left processes behind that nobody has ended yet. */
  leftovers?: number;
}

export type RunEffect = TurnEffect | ReviewEffect;

export function newRunState(): RunState {
  return {
    seq: 0,
    server: { generation: 0, state: 'stopped' },
    conversation: newConversation(),
    turnsSettled: 0,
    queue: newQueue(),
  };
}

/**
 * One step of a run. The state passed in is consumed: it is updated in place and must not be used elsewhere
 * while a step runs. No clock, no chance, no I/O; time is in the record.
 */
export function stepRun(state: RunState, record: JournalRecord): RunEffect[] {
  state.seq = record.seq;
  foldQueue(state.queue, record, state.turn);
  fold(state, record);
  const effects: RunEffect[] = [];
  if (
    record.kind === 'stop-requested' &&
    isActive(state) &&
    (state.turn === undefined || state.turn.phase === 'settled')
  ) {
    return [
      { type: 'record', body: { kind: 'run-ended', outcome: 'interrupted', message: 'Stopped by you.' } },
    ];
  }
  let settles = false;
  if (state.turn !== undefined) {
    const before = state.turn.phase;
    const step = stepTurn(state.turn, record, state.conversation);
    state.turn = step.turn;
    settles = before !== 'settled' && step.turn.phase === 'settled';
    if (settles) state.turnsSettled++;
    effects.push(...step.effects);
  }
  if (state.review !== undefined) {
    const step = stepReview(state.review, record, state.turn);
    state.review = step.review;
    effects.push(...step.effects);
  } else if (settles && record.kind === 'turn-settled') {
    effects.push({ type: 'record', body: endOfPrompt(record) });
  }
  return effects;
}

/**
 * Whether a decision comes too late: its turn has an outcome. Facts that come together may each propose one, and the
 * first stands.
 */
export function isOvertaken({ turn }: RunState, body: RecordBody): boolean {
  if (turn === undefined) return false;
  switch (body.kind) {
    case 'turn-settled':
      return turn.turnId === body.turnId && turn.phase === 'settled';
    case 'incident':
      return turn.turnId !== body.turnId || turn.phase === 'settled' || isRecovering(turn);
    case 'decision':
      return turn.turnId !== body.turnId || turn.phase !== 'failed';
    default:
      return false;
  }
}

/** A run of plain prompts ends with each of its turns, and goes on with the next prompt. */
function endOfPrompt(record: RecordOf<'turn-settled'>): RecordBody {
  return {
    kind: 'run-ended',
    outcome: record.outcome,
    ...(record.message === undefined ? {} : { message: record.message }),
  };
}

/** Whether something is under way: a turn, or a review between its turns. */
export function isActive(state: RunState): boolean {
  if (state.turn !== undefined && state.turn.phase !== 'settled') return true;
  return state.review !== undefined && state.review.phase !== 'done';
}

/** Whether the last turn can be gone on with in one more: it ended before its answer, and not because the user said so. */
export function canContinue({ info, turn }: RunState): boolean {
  if (info?.type !== 'prompt' || turn?.phase !== 'settled') return false;
  return turn.outcome !== 'ok' && (turn.outcome !== 'interrupted' || turn.stop === 'close');
}

/** How a run stands: nothing is under way, or something is, or that waits for the user. */
export type Standing = 'at-rest' | 'running' | 'waiting';

export function standingOf(state: RunState): Standing {
  if (!isActive(state)) return 'at-rest';
  return state.conversation.asks.size > 0 || state.turn?.phase === 'asking' ? 'waiting' : 'running';
}

function fold(state: RunState, record: JournalRecord): void {
  switch (record.kind) {
    case 'run-started':
      state.info = record;
      if (record.type === 'review') state.review = { phase: 'scoping' };
      return;
    case 'server':
      // Another process, or another connection after an absence: what streamed before it was told to nobody, and
      // what is still asked is read again.
      if (record.generation !== state.server.generation) {
        markGaps(state.conversation);
        state.conversation.asks.clear();
      }
      state.server = {
        generation: record.generation,
        state: record.state,
        ...(record.exit === undefined ? {} : { exit: record.exit }),
        ...(record.reason === undefined ? {} : { reason: record.reason }),
      };
      if (record.engineVersion !== undefined) state.engineVersion = record.engineVersion;
      // What the server held in memory alone died with it.
      if (record.exit !== undefined) state.conversation.asks.clear();
      return;
    case 'scope':
      state.scope = record.scope;
      return;
    case 'findings':
      state.findings = record;
      return;
    case 'stream':
      if (record.state === 'lost') markGaps(state.conversation);
      return;
    case 'leftovers':
      state.leftovers = record.generation;
      return;
    case 'leftovers-ended':
      delete state.leftovers;
      return;
    case 'owner':
      // What streamed meanwhile was told to nobody. Asks are read again, if they are still open.
      markGaps(state.conversation);
      state.conversation.asks.clear();
      return;
    case 'session-ready':
      state.sessionId = record.sessionId;
      state.conversation.sessions.set(record.sessionId, { title: record.title, status: { type: 'idle' } });
      return;
    case 'turn-drafted':
      state.turn = draftTurn(record);
      delete state.ended;
      return;
    case 'event':
      if (concerns(state.conversation.sessions, record.event)) applyEvent(state.conversation, record.event);
      return;
    case 'turn-settled':
      // Asks of a turn that is over lead nowhere; opencode 1.18.33 leaks them until it is disposed.
      state.conversation.asks.clear();
      return;
    case 'run-ended':
      state.ended = {
        outcome: record.outcome,
        at: record.at,
        ...(record.message === undefined ? {} : { message: record.message }),
      };
      return;
    default:
      return;
  }
}
