/**
 * The clocks of silence. A turn whose engine says nothing for too long is not waited for: it is looked at, then
 * stopped, and only then is its server restarted, each of them a `stall` record.
 *
 *   none ──(silent for the limit)──▶ asked ──(it works, or says nothing)──▶ answered ──(still silent)──▶ aborted
 *    ▲                                │ idle: the turn settles                 │                            │
 *    └──────── progress ──────────────┴────────────────────────────────────────┘         asked-again ◀──────┤
 *                                                                                  (idle)     │             │ (idle)
 *                                       the server is restarted ◀──(still at it, or no word)──┴──▶ it failed ◀┘
 *
 * There is one timer, armed for no longer than the shortest limit and never anew for an event: what fires looks at
 * `progressAt`, which every event of the session and its sub-agents moves. Heartbeats are no records at all.
 */
import type { EngineEvent } from '../engine.ts';
import type { Conversation } from '../journal/conversation.ts';
import type { RecordOf, StallLimits } from '../journal/record.ts';
import type { StallClock } from '../recovery/incident.ts';
import { assertNever } from '../errors.ts';
import { nextTry } from './model-wait.ts';
import {
  isRecovering,
  type Ladder,
  type Step,
  type TurnEffect,
  type TurnState,
  type Watch,
} from './state.ts';

/** Of the silence that a model may keep, so much before its first word: 120 s of 180 s. A slow model gets more of both. */
const FIRST_BYTE_SHARE = 2 / 3;
/** A timer this far off the wall clock was slept through, or the clock was set, ms. A busy process is late by less. */
const JUMP_MS = 5000;
/** How long the server may take to say how the session stands, ms: longer than one request to a server that hangs. */
const ASKED_MS = 30_000;
/** What came while the server was asked is told after its answer, ms (a batch takes 40). */
const LATE_MS = 1000;
/** A turn that is stopped has ended this long after, ms (seen with opencode 1.18.33: up to 320), or is asked after. */
const ABORTED_MS = 5000;
/** How long the server may take to say so before it is restarted, ms. */
const ASKED_AGAIN_MS = 5000;

/** The limits that follow from the settings, ms. */
export function stallLimits(settings: { stallTimeoutMs: number; toolStallTimeoutMs: number }): StallLimits {
  const { stallTimeoutMs, toolStallTimeoutMs } = settings;
  return {
    firstByteMs: Math.round(FIRST_BYTE_SHARE * stallTimeoutMs),
    modelMs: stallTimeoutMs,
    toolMs: toolStallTimeoutMs,
  };
}

/** How long the turn may be silent as it stands now, ms; undefined where no clock runs. */
export function silenceLimit(turn: TurnState, conversation: Conversation): number | undefined {
  return turn.watch === undefined ? undefined : limitOf(turn.watch.limits, clockOf(turn, conversation));
}

/** What an event changes: it is progress, unless it came because the ladder asked for it or stopped the turn. */
export function progress(
  turn: TurnState,
  event: EngineEvent,
  at: number,
): Partial<Pick<TurnState, 'progressAt' | 'watch' | 'cutTools'>> {
  const { watch, cutTools } = turn;
  if (watch === undefined) return { progressAt: at };
  switch (watch.ladder.step) {
    case 'none':
      return { progressAt: at };
    case 'asked':
      return {};
    case 'answered':
      return { progressAt: at, watch: atRest(watch) };
    case 'aborted':
    case 'asked-again':
      return { cutTools: alsoCut(cutTools, event) };
    default:
      return assertNever(watch.ladder);
  }
}

/** A call that began while its turn was being stopped was cut as well. */
export function alsoCut(cutTools: readonly string[], event: EngineEvent): readonly string[] {
  const began = event.type === 'part' && event.part.type === 'tool' && event.part.status === 'running';
  return began && !cutTools.includes(event.part.id) ? [...cutTools, event.part.id] : cutTools;
}

/** The turn has moved, whatever its clocks thought; one that is being stopped for its silence stays so. */
export function resumed(turn: TurnState, at: number): TurnState {
  const { watch } = turn;
  if (watch === undefined || isGivenUp(turn)) return { ...turn, progressAt: at };
  return { ...turn, progressAt: at, watch: atRest(watch) };
}

/** The clocks begin anew: with a stop, an incident or another attempt, nothing is left of a ladder. */
export function ladderEnded(turn: TurnState): TurnState {
  return turn.watch === undefined ? turn : { ...turn, watch: atRest(turn.watch) };
}

/** The process that had armed the timer is gone. */
export function disarmed(turn: TurnState): TurnState {
  if (turn.watch === undefined) return turn;
  const { armed: _armed, ...watch } = turn.watch;
  return { ...turn, watch };
}

/** While no stream is open, silence says nothing of a server that answers when it is asked. */
export function deaf(turn: TurnState): TurnState {
  return turn.watch === undefined ? turn : { ...turn, watch: { ...turn.watch, hears: false } };
}

/** The stream is open again. */
export function hearing(turn: TurnState, at: number): TurnState {
  const next = resumed(turn, at);
  return next.watch === undefined ? next : { ...next, watch: { ...next.watch, hears: true } };
}

/** Whether the turn is being stopped for its silence: its end is a failure then. */
export function isGivenUp(turn: TurnState): boolean {
  const step = turn.watch?.ladder.step;
  return step === 'aborted' || step === 'asked-again';
}

/** Arms the timer where a clock runs and none is armed, and cancels it where none runs any more. */
export function watched(step: Step, at: number, conversation: Conversation): Step {
  const { turn, effects } = step;
  const { watch } = turn;
  if (watch === undefined) return step;
  if (!isTimed(turn)) {
    if (watch.armed === undefined) return step;
    return {
      turn: disarmed(turn),
      effects: [...effects, { type: 'cancel-timer', turnId: turn.turnId, name: 'stall' }],
    };
  }
  if (watch.armed !== undefined) return step;
  const ms = waitOf(turn, watch, at, conversation);
  return {
    turn: { ...turn, watch: { ...watch, armed: { at, ms } } },
    effects: [...effects, { type: 'timer', turnId: turn.turnId, name: 'stall', ms }],
  };
}

/** The timer fired. */
export function onStallTimer(turn: TurnState, at: number, conversation: Conversation): Step {
  const { watch } = turn;
  if (watch?.armed === undefined) return { turn, effects: [] };
  const { armed, ladder } = watch;
  const fired = disarmed(turn);
  const wasAsleep = Math.abs(at - armed.at - armed.ms) > JUMP_MS;
  if (wasAsleep) {
    // Nobody knows what was missed: the server is asked, and the clock begins anew.
    return { turn: resumed(fired, at), effects: [sync(turn)] };
  }
  switch (ladder.step) {
    case 'none':
      if (!isOverdue(turn, watch, at, conversation)) return { turn: fired, effects: [] };
      return propose(turn, 'status', {
        clock: clockOf(turn, conversation),
        silentMs: at - silentFrom(turn, conversation),
      });
    case 'asked':
    case 'answered':
      if (!isOverdue(turn, watch, at, conversation)) return { turn: resumed(fired, at), effects: [] };
      return propose(turn, 'abort', ladder);
    case 'aborted':
      return { turn: onStep(turn, watch, { ...ladder, step: 'asked-again' }), effects: [sync(turn)] };
    case 'asked-again':
      return propose(turn, 'restart', ladder);
    default:
      return assertNever(ladder);
  }
}

/** A rung is taken: the server is asked, or the turn stopped. */
export function onRung(
  turn: TurnState,
  { rung, clock, silentMs }: RecordOf<'stall'>,
  conversation: Conversation,
): Step {
  const { watch } = turn;
  if (watch === undefined || !isTimed(turn)) return { turn, effects: [] };
  const { step } = watch.ladder;
  if (rung === 'status' && step === 'none') {
    const known = extentOf(conversation);
    return {
      turn: onStep(turn, watch, { step: 'asked', clock, silentMs, known }),
      effects: [sync(turn)],
    };
  }
  if (rung === 'abort' && (step === 'asked' || step === 'answered')) {
    const stopped = onStep(turn, watch, { step: 'aborted', clock, silentMs });
    return {
      turn: { ...stopped, cutTools: [...turn.cutTools, ...runningTools(conversation)] },
      effects: [{ type: 'abort', turnId: turn.turnId }],
    };
  }
  // Something came in between. The timer that led here has fired.
  return { turn: disarmed(turn), effects: [] };
}

/** The server said how the session stands, and not that it is idle. Undefined where no ladder waits for that. */
export function onStillBusy(
  turn: TurnState,
  { status, at }: RecordOf<'synced'>,
  conversation: Conversation,
): Step | undefined {
  const { watch } = turn;
  if (watch === undefined || watch.ladder.step === 'none' || !isTimed(turn)) return undefined;
  const { ladder } = watch;
  switch (ladder.step) {
    case 'asked':
      // It has got further than was told: the stream was deaf, and the session is not silent.
      if (ladder.known !== extentOf(conversation) || !isOverdue(turn, watch, at, conversation))
        return { turn: resumed(turn, at), effects: [] };
      // It lives, and what it does is not heard: another stream will tell.
      if (!watch.hears && status !== 'unknown') return { turn: resumed(turn, at), effects: [] };
      return { turn: onStep(turn, watch, { ...ladder, step: 'answered' }), effects: [] };
    case 'answered':
    case 'aborted':
      return { turn, effects: [] };
    case 'asked-again':
      return propose(turn, 'restart', ladder);
    default:
      return assertNever(ladder);
  }
}

/** Which clock holds: a call that runs has its own, and so has a model that has not said anything yet. */
function clockOf(turn: TurnState, conversation: Conversation): StallClock {
  const answers = turn.answers.slice(turn.answersBefore);
  for (const { messageId, part } of conversation.openTools.values()) {
    // A sub-agent's calls lie within its parent's. While the arguments of a call are written, the model is at work.
    if (part.status === 'running' && answers.includes(messageId)) return 'tool';
  }
  return answers.some((id) => conversation.partsOf.has(id)) ? 'model' : 'first-byte';
}

function limitOf(limits: StallLimits, clock: StallClock): number {
  switch (clock) {
    case 'first-byte':
      return limits.firstByteMs;
    case 'model':
      return limits.modelMs;
    case 'tool':
      return limits.toolMs;
    default:
      return assertNever(clock);
  }
}

/** Since when the silence counts, epoch ms: the engine's own wait before it asks the model again is announced. */
export function silentFrom(turn: TurnState, conversation: Conversation): number {
  return Math.max(turn.progressAt, nextTry(turn, conversation) ?? turn.progressAt);
}

function isOverdue(turn: TurnState, { limits }: Watch, at: number, conversation: Conversation): boolean {
  if (isPaused(turn)) return false;
  return at - silentFrom(turn, conversation) >= limitOf(limits, clockOf(turn, conversation));
}

/** While it waits for the user, or nobody can reach its server. Either ends with news, which is progress. */
function isPaused(turn: TurnState): boolean {
  return turn.phase === 'waiting' || turn.unreachable !== undefined;
}

/** A stopped turn ends by a timer of its own, and a failed one is recovery's. */
function isTimed(turn: TurnState): boolean {
  return turn.phase !== 'settled' && turn.stop === undefined && !isRecovering(turn);
}

function waitOf(turn: TurnState, watch: Watch, at: number, conversation: Conversation): number {
  switch (watch.ladder.step) {
    case 'none': {
      const { limits } = watch;
      // Which clock holds may change before it fires, so no wait is longer than the shortest of them.
      const shortest = Math.min(limits.firstByteMs, limits.modelMs, limits.toolMs);
      if (isPaused(turn)) return shortest;
      const due = silentFrom(turn, conversation) + limitOf(limits, clockOf(turn, conversation));
      return Math.min(shortest, Math.max(1, due - at));
    }
    case 'asked':
      return ASKED_MS;
    case 'answered':
      return LATE_MS;
    case 'aborted':
      return ABORTED_MS;
    case 'asked-again':
      return ASKED_AGAIN_MS;
    default:
      return assertNever(watch.ladder);
  }
}

/** How far the session has come. A text that grows is told by its deltas alone, so its length is no part of this. */
function extentOf({ messages, parts, openTools }: Conversation): string {
  return `${messages.size} ${parts.size} ${openTools.size}`;
}

export function runningTools({ openTools }: Conversation): string[] {
  return [...openTools.values()].flatMap(({ part }) => (part.status === 'running' ? [part.id] : []));
}

function propose(
  turn: TurnState,
  rung: RecordOf<'stall'>['rung'],
  { clock, silentMs }: Pick<RecordOf<'stall'>, 'clock' | 'silentMs'>,
): Step {
  const body = { kind: 'stall' as const, turnId: turn.turnId, clock, silentMs, rung };
  return { turn, effects: [{ type: 'record', body }] };
}

/** Each step of the ladder has a time of its own. */
function onStep(turn: TurnState, { armed: _armed, ...watch }: Watch, ladder: Ladder): TurnState {
  return { ...turn, watch: { ...watch, ladder } };
}

function atRest(watch: Watch): Watch {
  return { ...watch, ladder: { step: 'none' } };
}

function sync(turn: TurnState): TurnEffect {
  return { type: 'sync', turnId: turn.turnId };
}
