/** The states of a turn, what its machine asks for, and its clocks. */
import type { EngineError, Prompt, Repair } from '../engine.ts';
import type { RecordBody, RecordOf, StallLimits, StopCause } from '../journal/record.ts';
import type { Outcome } from '../outcome.ts';
import type { Incident, Loop, RecoveryMode, StallClock } from '../recovery/incident.ts';
import { type Asked, NOTHING_ASKED } from './asked.ts';

/** A completed final answer settles the turn after this long even when the engine's own word never comes, ms. */
export const INFERRED_END_MS = 250;
/** After an idle without a completed answer the last messages may still be under way, ms (seen: up to 100). */
export const IDLE_SETTLE_MS = 500;
/** An error without any work after a prompt means that it was refused, ms. */
export const REFUSED_MS = 1000;
/** A prompt that the server took but whose part was not seen is looked up after this long, ms. */
export const ACCEPT_MS = 10_000;
/** A stopped turn is settled after this long even when the server does not confirm, ms. */
export const STOP_MS = 4000;
/** A server that did not say how things stand is asked again after this long, ms. */
export const RESYNC_MS = 5000;
/** From the server's taking a prompt until its working on it shows, ms: so long an idle does not mean an end (seen: 50 ms). */
export const BEGIN_MS = 3000;
/** How long a server without a process handle may be out of reach before its turn is given up, ms. */
export const UNREACHABLE_MS = 300_000;
/** opencode 1.18.33 calls the model again for ever when its stream ends without a reason; the second is one too many. */
export const UNKNOWN_FINISH_LIMIT = 2;

/** A failed attempt's session must be read back within this time, a server's start included, ms; else it stays unknown. */
export const READ_BACK_MS = 180_000;

/** A longer wait is looked at so often, ms: a machine that sleeps lets its timers sleep too. */
export const PARK_STEP_MS = 300_000;

export type TurnTimer =
  'inferred' | 'idle' | 'refused' | 'accept' | 'stop' | 'unreachable' | 'read-back' | 'stall' | 'parked';

/** A silence that was too long: whose it is, and how long it was, ms. */
export interface Silence {
  clock: StallClock;
  silentMs: number;
}

/**
 * What is done about a silence, step by step (`clocks.ts`):
 * - `none`: nothing
 * - `asked`: the server is asked how the session stands; `known` is how far that was told by then
 * - `answered`: not idle, as far as it said; what it told meanwhile is still waited for
 * - `aborted`: the turn is being stopped
 * - `asked-again`: nobody heard that it has ended, so the server is asked once more
 */
export type Ladder =
  | { step: 'none' }
  | (Silence & { step: 'asked'; known: string })
  | (Silence & { step: 'answered' | 'aborted' | 'asked-again' });

/** The clocks of a turn. */
export interface Watch {
  limits: StallLimits;
  /** When their timer was armed, and for how long; wall clock, ms. */
  armed?: { at: number; ms: number };
  ladder: Ladder;
  /** Whether the stream is open, as far as is known. */
  hears: boolean;
}

interface Base {
  turnId: string;
  sessionId: string;
  prompt: Prompt;
  attempt: number;
  /** When the turn began; wall clock, ms. */
  draftedAt: number;
  /** When the attempt began and when it last made progress; wall clock, ms. Heartbeats are not progress. */
  startedAt: number;
  progressAt: number;
  /** Set once somebody asked to stop. */
  stop?: StopCause;
  /** What was going in circles: set when the loop guard asks for its stop. */
  loop?: Loop;
  /** Its server is being ended, not by the turn: what it says of the turn from then on is that. */
  ending?: true;
  /** The last error the engine told of this session. Not an end by itself. */
  lastError?: EngineError;
  /** Ids of the assistant messages that answer this prompt, oldest first. Grown in place. */
  answers: string[];
  /** How many of them were there when this attempt began: they are of earlier attempts. */
  answersBefore: number;
  asked: Asked;
  /** How often the engine has asked the model again by itself for the answer that is under way. */
  retries: number;
  /** When it meant to ask again, epoch ms, where it was stopped before that. */
  retryAt?: number;
  /** How many answers there were in this attempt at each summary of the conversation. */
  compactedAt: readonly number[];
  /** Until when its model's provider was last said to take no request, epoch ms. */
  parkedUntil?: number;
  /** Part ids of calls that it was said of that the engine has asked again without their results. */
  forgotten: readonly string[];
  /** Whether the engine was seen working on this prompt: only then does an idle mean its end. */
  worked: boolean;
  /** A request with the prompt is under way: until it has ended, an idle server says nothing about this turn. */
  sending: boolean;
  /** When the server took the prompt, or was found to have it. */
  sentAt?: number;
  /** What recovery may do in this turn. */
  recovery: RecoveryMode;
  /** How often it has gone on by itself. */
  recoveries: number;
  /** How often the server died under it. */
  deaths: number;
  /** Whether its last recovery was a replay. */
  replayed: boolean;
  /** What the model is told in this attempt of the one before. */
  notice?: string;
  /** While the server cannot be reached: the sentence that says so. What it does meanwhile is not known. */
  unreachable?: string;
  /** Absent where no clock runs. */
  watch?: Watch;
  /**
   * Part ids of calls, those of sub-agents among them, that ran when the turn was stopped by us. What the
   * engine says of their end is the stop's doing: opencode 1.18.33 calls such a command completed and other tools
   * failed. Whether they took effect is not known. Kept for the whole turn.
   */
  cutTools: readonly string[];
}

/** Of an attempt that did not end well, until the next one begins. */
interface Failure {
  incident: Incident;
  /** Whether the user has agreed to go on. */
  agreed: boolean;
  /** Part ids of the calls that the user knew of when asked, as calls whose effect is not known. */
  known: readonly string[];
  /** What the engine said of a failed model call. */
  error?: EngineError;
  /** When the model's provider takes a request again, epoch ms: nothing is done about the failure before that. */
  notBefore?: number;
}

export type TurnState =
  | (Base & { phase: 'drafted' })
  | (Base & { phase: 'sent' })
  | (Base & { phase: 'accepted' })
  | (Base & { phase: 'running' })
  | (Base & { phase: 'waiting' })
  | (Base & Failure & { phase: 'failed' })
  | (Base & Failure & { phase: 'asking' })
  | (Base & Failure & { phase: 'mending' })
  | (Base & {
      phase: 'settled';
      outcome: Outcome;
      inferred: boolean;
      settledAt: number;
      message?: string;
      error?: EngineError;
    });

export type TurnIn<P extends TurnState['phase']> = Extract<TurnState, { phase: P }>;

/** Whether recovery has the turn: between a failed attempt and the next one, or its end. */
export function isRecovering(turn: TurnState): turn is TurnIn<'failed' | 'asking' | 'mending'> {
  return turn.phase === 'failed' || turn.phase === 'asking' || turn.phase === 'mending';
}

export type Step = { turn: TurnState; effects: TurnEffect[] };

export type TurnEffect =
  /** Send the prompt of this turn; its ids are in the journal already. */
  | { type: 'send'; turnId: string }
  /** Whether the server has the prompt is not known: look it up, and send it only if it is not there. */
  | { type: 'resend'; turnId: string }
  /** Arm a timer, or arm it anew; it comes back as a `timer` record. */
  | { type: 'timer'; turnId: string; name: TurnTimer; ms: number }
  | { type: 'cancel-timer'; turnId: string; name: TurnTimer }
  /** Re-read the session from the server, feed what it says as events, then append `synced`. */
  | { type: 'sync'; turnId: string }
  | { type: 'abort'; turnId: string }
  /** The server neither ends a turn that was stopped nor says how it stands, or answers nothing at all: end it. */
  | { type: 'give-up-server'; turnId: string }
  /** Have a server, within its budget, and read the session back; appends `recovery-failed` where there is none. */
  | { type: 'recover'; turnId: string }
  /** End what dead servers left running, put the session in order, then append `session-mended`. */
  | { type: 'mend'; turnId: string; repairs: Repair[] }
  /** A decision: to be appended to the journal at once. */
  | { type: 'record'; body: RecordBody };

export function draftTurn(record: RecordOf<'turn-drafted'>): TurnState {
  return {
    phase: 'drafted',
    turnId: record.turnId,
    sessionId: record.sessionId,
    prompt: record.prompt,
    attempt: 0,
    draftedAt: record.at,
    startedAt: record.at,
    progressAt: record.at,
    answers: [],
    answersBefore: 0,
    asked: NOTHING_ASKED,
    worked: false,
    sending: false,
    recovery: record.recovery ?? 'off',
    recoveries: 0,
    deaths: 0,
    replayed: false,
    retries: 0,
    compactedAt: [],
    forgotten: [],
    cutTools: [],
    ...(record.limits === undefined
      ? {}
      : { watch: { limits: record.limits, ladder: { step: 'none' }, hears: true } }),
  };
}
