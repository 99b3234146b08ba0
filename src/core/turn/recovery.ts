/**
 * What becomes of a turn whose attempt failed. The part of the turn's machine between a failure and either the next
 * attempt or the end:
 *
 *   failed ──(a server, and the session read back)──▶ decision     (not before the model takes requests again)
 *     ▲                                                │
 *     │            replay, resume ──▶ mending ──▶ the next attempt
 *     │            ask, offer ──▶ asking ──(go on)──▶ failed
 *     │                              └────(keep)────▶ settled
 *     │            follow ──▶ running
 *     │            accept, stop ──▶ settled
 *     └── the server dies again while anything of this is under way
 *
 * A decision is a record, taken with what is known at that moment; nothing is sent before it stands in the journal.
 */
import type { EngineError } from '../engine.ts';
import type { Conversation } from '../journal/conversation.ts';
import type { RecordBody, RecordOf, StopCause } from '../journal/record.ts';
import { decide, type Decision, outcomeOf, RECOVERIES_PER_TURN } from '../recovery/decide.ts';
import { factsOf, summaryOf, turnTools } from '../recovery/facts.ts';
import type { Incident } from '../recovery/incident.ts';
import { modelFailure } from '../recovery/model-trouble.ts';
import { resumeNotice } from '../recovery/notice.ts';
import { repairsOf } from '../recovery/repair.ts';
import { isUnsafe } from '../recovery/tool-fact.ts';
import { incidentSentence, remedy, toolLine } from '../recovery/wording.ts';
import { continuationOf } from './continuation.ts';
import { nextTry, parked } from './model-wait.ts';
import { finalAnswer, modelError, type SettleCause, settlement } from './settle.ts';
import {
  PARK_STEP_MS,
  READ_BACK_MS,
  RESYNC_MS,
  type Step,
  type TurnEffect,
  type TurnIn,
  type TurnState,
  type TurnTimer,
} from './state.ts';
import { cancel, factsOf as endFactsOf, settle, stay, timer } from './step.ts';

/** All timers of an attempt: none of them outlives it. */
const OF_AN_ATTEMPT: readonly TurnTimer[] = ['inferred', 'idle', 'refused', 'accept', 'unreachable', 'stop'];

/** The attempt is over. It settles, unless something went wrong with it that recovery has to do with. */
export function endAttempt(turn: TurnState, conversation: Conversation, how: SettleCause = {}): Step {
  // The end of its process comes next, and is what it ended by.
  if (turn.ending && finalAnswer(endFactsOf(turn, conversation)) === undefined) return stay(turn);
  const failure = turn.recovery === 'off' ? undefined : failureOf(turn, conversation);
  return failure === undefined
    ? settle(turn, conversation, how)
    : failAttempt(turn, failure.cause, conversation, failure.error);
}

function failureOf(
  turn: TurnState,
  conversation: Conversation,
): { cause: Incident; error?: EngineError } | undefined {
  const facts = endFactsOf(turn, conversation);
  if (finalAnswer(facts) !== undefined && facts.outstanding.length === 0) return undefined;
  if (turn.stop === 'loop') return { cause: { type: 'looped', loop: turn.loop ?? 'unknown-finish' } };
  if (turn.stop !== undefined || !turn.worked) return undefined;
  const error = modelError(facts);
  return error === undefined ? undefined : { cause: modelFailure(error, turn.retries), error };
}

/** The attempt failed. Proposes the incident; what is done about it is decided from its record on. */
export function failAttempt(
  turn: TurnState,
  cause: Incident,
  conversation: Conversation,
  error?: EngineError,
): Step {
  const facts = factsOf(turn, conversation, 'in-part');
  const body: RecordBody = {
    kind: 'incident',
    turnId: turn.turnId,
    attempt: turn.attempt,
    cause,
    facts: summaryOf(facts),
    ...(error === undefined ? {} : { error }),
  };
  return { turn, effects: [...cancelAll(turn), { type: 'record', body }] };
}

export function onIncident(turn: TurnState, record: RecordOf<'incident'>, conversation: Conversation): Step {
  const {
    error: _error,
    notBefore: _before,
    loop: _loop,
    ending: _ending,
    retryAt: _retryAt,
    ...rest
  } = turn as TurnIn<'failed'>;
  // The engine's own wait ends with the stop that kept it from going on.
  const isForgetful = record.cause.type === 'looped' && record.cause.loop === 'forgotten-call';
  const notBefore = nextTry(turn, conversation) ?? (isForgetful ? turn.retryAt : undefined);
  const failed: TurnIn<'failed'> = {
    ...rest,
    phase: 'failed',
    incident: record.cause,
    agreed: false,
    known: [],
    sending: false,
    deaths: turn.deaths + (record.cause.type === 'server-died' && record.cause.expected !== true ? 1 : 0),
    ...(record.error === undefined ? {} : { error: record.error }),
    ...(notBefore === undefined ? {} : { notBefore }),
  };
  // The loop guard's own stop has done its work.
  if (turn.stop === 'loop') delete failed.stop;
  else if (turn.stop !== undefined) return endStopped(failed, turn.stop);
  // Before a server is started: some failures need none.
  const now = decisionOf(failed, conversation, { server: 'gone', told: 'in-part', restarts: 'left' });
  const needsNone = now.type === 'accept' || now.type === 'stop' || now.rule === 2;
  return needsNone ? propose(failed, now) : seekServer(failed, record.at);
}

export function onDecision(turn: TurnState, record: RecordOf<'decision'>, conversation: Conversation): Step {
  if (turn.phase !== 'failed' || record.attempt !== turn.attempt) return { turn, effects: [] };
  const { incident } = turn;
  const ofReadBack = [cancel(turn, 'read-back'), cancel(turn, 'idle')];
  switch (record.decision) {
    case 'follow':
      return { turn: followed(turn, conversation), effects: ofReadBack };
    case 'ask':
    case 'offer': {
      // Both name them.
      const doubtful = factsOf(turn, conversation, 'whole').tools.filter(isUnsafe);
      const known = doubtful.map(({ partId }) => partId);
      return { turn: { ...turn, phase: 'asking', known }, effects: ofReadBack };
    }
    case 'replay':
    case 'resume': {
      const isReplay = record.decision === 'replay';
      const mending: TurnIn<'mending'> = {
        ...turn,
        phase: 'mending',
        recoveries: record.n,
        replayed: isReplay,
        // Sent again is what was sent: what that told of earlier attempts is still true.
        ...(isReplay ? {} : { notice: resumeNotice(incident, turnTools(turn, conversation)) }),
      };
      const repairs = repairsOf(turn, conversation);
      return { turn: mending, effects: [...ofReadBack, { type: 'mend', turnId: turn.turnId, repairs }] };
    }
    case 'accept':
    case 'stop': {
      const settled: RecordBody = {
        kind: 'turn-settled',
        turnId: turn.turnId,
        outcome: record.outcome ?? 'ok',
        inferred: record.decision === 'accept',
        ...(record.decision === 'accept' ? {} : { message: record.reason, ...errorOf(turn) }),
      };
      return { turn, effects: [...ofReadBack, { type: 'record', body: settled }] };
    }
    default:
      return record.decision satisfies never;
  }
}

function errorOf({ error }: TurnIn<'failed' | 'asking'>): { error?: EngineError } {
  return error === undefined ? {} : { error };
}

/** The server works on it after all: what waits for an answer there is what was read back. */
function followed(turn: TurnIn<'failed'>, conversation: Conversation): TurnState {
  const { answered } = turn.asked;
  const asks = [...conversation.asks.values()].filter(({ id }) => !answered.includes(id));
  return {
    ...turn,
    phase: conversation.asks.size > 0 ? 'waiting' : 'running',
    worked: true,
    asked: { type: 'open', asks, answered },
  };
}

/** The session was put in order, or could not be. An agreement to go on is good for one try. */
export function onMended(turn: TurnState, record: RecordOf<'session-mended'>): Step {
  if (turn.phase !== 'mending') return { turn, effects: [] };
  if (record.problem !== undefined) return seekServer({ ...turn, phase: 'failed', agreed: false }, record.at);
  const body: RecordBody = {
    kind: 'attempt-started',
    turnId: turn.turnId,
    attempt: turn.attempt + 1,
    ...(turn.notice === undefined ? {} : { notice: turn.notice }),
  };
  return { turn, effects: [{ type: 'record', body }] };
}

/** The user has answered what recovery asked. */
export function onRecoveryAnswer(turn: TurnState, record: RecordOf<'recovery-answered'>): Step {
  if (turn.phase !== 'asking') return { turn, effects: [] };
  if (record.choice === 'go-on') return seekServer({ ...turn, phase: 'failed', agreed: true }, record.at);
  const body: RecordBody = {
    kind: 'turn-settled',
    turnId: turn.turnId,
    ...(record.choice === 'keep'
      ? { outcome: 'interrupted', message: 'Kept as it is: you chose not to go on with it.' }
      : {
          outcome: outcomeOf(turn.incident),
          message: unaskedText(turn.incident),
          ...errorOf(turn),
        }),
    inferred: false,
  };
  return { turn, effects: [{ type: 'record', body }] };
}

function unaskedText(incident: Incident): string {
  const help = incident.type === 'model-failed' ? remedy(incident) : '';
  return [incidentSentence(incident), help, 'Whether to go on could be asked nobody.']
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/** The session was read back while recovery has the turn. */
export function onReadBack(
  turn: TurnIn<'failed'>,
  { status, at }: RecordOf<'synced'>,
  conversation: Conversation,
): Step {
  if (isWaiting(turn, at)) return stay(turn);
  // What goes in circles may be too busy to hear that it is to stop.
  if (turn.incident.type === 'looped' && (status === 'busy' || status === 'retry'))
    return stay(turn, [{ type: 'abort', turnId: turn.turnId }, timer(turn, 'idle', RESYNC_MS)]);
  // It did not answer. If it died, that is told; if it is busy with its start, it answers later.
  if (status === 'unknown') return { turn, effects: [timer(turn, 'idle', RESYNC_MS)] };
  const server = status === 'idle' ? 'gone' : 'working';
  return propose(turn, decisionOf(turn, conversation, { server, told: 'whole', restarts: 'left' }));
}

/** It could not be read back in time: the decision is taken without. */
export function onReadBackLate(turn: TurnIn<'failed'>, conversation: Conversation): Step {
  return propose(
    turn,
    decisionOf(turn, conversation, { server: 'unknown', told: 'in-part', restarts: 'left' }),
  );
}

/** No server could be had, or none may be started. */
export function onNoServer(
  turn: TurnState,
  record: RecordOf<'recovery-failed'>,
  conversation: Conversation,
): Step {
  if (turn.phase !== 'failed') return { turn, effects: [] };
  const decision = decisionOf(turn, conversation, { server: 'gone', told: 'whole', restarts: 'spent' });
  // It often ends with what happened, which is said already.
  const more = record.reason.replace(incidentSentence(turn.incident), '').trim();
  return propose(turn, { ...decision, reason: `${decision.reason} ${more}`.trim() });
}

/**
 * The server died, or another process goes on with the turn, while recovery has it.
 *
 * @param patience `same` where the time for reading the session back runs already
 */
export function beginAnew(
  turn: TurnIn<'failed' | 'asking' | 'mending'>,
  at: number,
  patience: 'new' | 'same',
): Step {
  if (turn.stop !== undefined) return endStopped(turn, turn.stop);
  if (turn.phase === 'asking') return { turn, effects: [] };
  if (turn.phase === 'failed') return seekServer(turn, at, patience);
  return seekServer({ ...turn, phase: 'failed', agreed: false }, at);
}

/** nothing is decided about a turn that somebody has stopped. */
function endStopped(turn: TurnState, stop: StopCause): Step {
  const end = settlement({ answers: [], outstanding: [], stop, accepted: true }, {});
  return {
    turn,
    effects: [{ type: 'record', body: { kind: 'turn-settled', turnId: turn.turnId, ...end } }],
  };
}

/** The wait for the model's provider is over, or a part of it. */
export function onParkedTimer(turn: TurnIn<'failed'>, at: number): Step {
  return seekServer(turn, at);
}

/** Has a server and the session read back, once the model takes requests again: what is decided is decided then. */
function seekServer(turn: TurnIn<'failed'>, at: number, patience: 'new' | 'same' = 'new'): Step {
  if (isWaiting(turn, at)) {
    const ms = Math.min(turn.notBefore - at, PARK_STEP_MS);
    return stay(turn, [...parked(turn, turn.notBefore), timer(turn, 'parked', ms)]);
  }
  const seek: TurnEffect = { type: 'recover', turnId: turn.turnId };
  return stay(turn, patience === 'same' ? [seek] : [seek, timer(turn, 'read-back', READ_BACK_MS)]);
}

function isWaiting(turn: TurnIn<'failed'>, at: number): turn is TurnIn<'failed'> & { notBefore: number } {
  return turn.notBefore !== undefined && at < turn.notBefore;
}

interface Known {
  server: 'gone' | 'working' | 'unknown';
  told: 'whole' | 'in-part';
  restarts: 'left' | 'spent';
}

function decisionOf(
  turn: TurnIn<'failed'>,
  conversation: Conversation,
  { server, told, restarts }: Known,
): Decision {
  return decide({
    facts: factsOf(turn, conversation, told),
    incident: turn.incident,
    ...(turn.stop === undefined ? {} : { stop: turn.stop }),
    server,
    budget: { recoveries: { used: turn.recoveries, limit: RECOVERIES_PER_TURN }, restarts },
    deaths: turn.deaths,
    replayedBefore: turn.replayed,
    overtaken: continuationOf(turn, conversation).overtaken,
    mode: turn.recovery,
    agreed: turn.agreed,
    known: turn.known,
  });
}

function propose(turn: TurnIn<'failed'>, decision: Decision): Step {
  const { type, rule, reason, n, limit } = decision;
  const body: RecordBody = {
    kind: 'decision',
    turnId: turn.turnId,
    attempt: turn.attempt,
    decision: type,
    rule,
    reason,
    n,
    limit,
    ...(type === 'stop' ? { outcome: decision.outcome } : {}),
    ...(type === 'ask' ? { tools: decision.tools.map(toolLine) } : {}),
  };
  return { turn, effects: [{ type: 'record', body }] };
}

function cancelAll(turn: TurnState): TurnEffect[] {
  return OF_AN_ATTEMPT.map((name) => cancel(turn, name));
}
