/**
 * A server at a URL that the user gave: another program runs it. It is never started and never killed by us, and
 * without a process handle its end is unknown: it is only ever reachable or not.
 *
 * ```
 *  ┌─────────┐ connect ┌────────────┐ answered ┌───────┐
 *  │ stopped │ ──────▶ │ connecting │ ───────▶ │ ready │
 *  └─────────┘         └────────────┘          └───────┘
 *       ▲                │  ▲    │ away         │     ▲
 *       │ leave          │  │    │     silent,  │     │ answered
 *       │ (from any)     │  │    ▼ 3 probes     ▼     │ (it is tried by itself,
 *                refused │  │  ┌────────────────────┐ │  ever more slowly)
 *                        │  │  │ unreachable        │ ┘
 *                        │  │  └────────────────────┘
 *                        ▼  │ connect  │ refused
 *                      ┌────────┐      │
 *                      │ failed │ ◀────┘   there, and will not have us: only a person can change that
 *                      └────────┘
 *
 *  any ─ reconnect ▶ connecting      any ─ restart ▶ restarting ─ restarted ▶ connecting
 * ```
 *
 * `stopped` means that we are not using it: before the first `connect` and after `leave`. `restarting` is the user's
 * own command at work. Each try is a new generation, since another process may be answering at the URL.
 */
import { assertNever } from '../errors.ts';
import { PROBE_TIMEOUT_MS, SILENCE_MS } from './liveness.ts';

/** How long a route of the workspace may take to answer, ms: the server may have to load it first. */
const CONNECT_TIMEOUT_MS = 30_000;
/**
 * The same for a server that may just be starting, ms. A request that comes in the moment before opencode 1.18.33 is
 * ready is taken and never answered, so another one has to follow soon.
 */
const RETRY_TIMEOUT_MS = 10_000;
/** Failed probes in a row before a server without a process handle counts as unreachable. */
const ATTACHED_PROBE_TRIES = 3;
/** Pause between those, ms: a proxy that is being reloaded is back by then. */
export const ATTACHED_PROBE_PAUSE_MS = 2_000;
/** Waits between tries to reach a server that is away, ms. A restart is noticed soon, a night costs little. */
const RETRY_MS = [1_000, 2_000, 5_000, 10_000] as const;
/** All further ones: four requests a minute. */
const LAST_RETRY_MS = 15_000;
/** Part of a wait that chance decides: the windows of a team must not all come back in the same moment. */
const JITTER = 0.2;
/** How long a server may stay away after its restart command has ended well, ms: services start in the background. */
export const RETURN_MS = 60_000;

interface Common {
  readonly generation: number;
  /** Epoch ms. */
  readonly since: number;
}

export type AttachedState = Readonly<
  Common &
    (
      | { name: 'stopped' }
      | { name: 'restarting' }
      /** Until `patientUntil`, epoch ms, no answer means only that it is still starting. `tries` have failed so far. */
      | { name: 'connecting'; patientUntil: number; tries: number }
      | { name: 'ready'; failedProbes: number }
      | { name: 'unreachable'; reason: string; tries: number }
      | { name: 'failed'; reason: string }
    )
>;

export type AttachedEvent =
  /** A run needs the server. */
  | { type: 'connect' }
  /** A person wants a new connection. */
  | { type: 'reconnect' }
  /** A person wants the restart command run. */
  | { type: 'restart' }
  /** It has ended. `isDone` when it said so itself. */
  | { type: 'restarted'; isDone: boolean }
  | { type: 'leave' }
  | { type: 'answered'; generation: number }
  /** No answer, or one that may be another one later. `chance` is a random number from 0 to 1. */
  | { type: 'away'; generation: number; reason: string; chance: number }
  /** An answer that stays the same however often it is asked for: another password, another program. */
  | { type: 'refused'; generation: number; reason: string }
  /** The time asked for is over. `heardAt`: when bytes of any kind came last, epoch ms. */
  | { type: 'timer'; generation: number; heardAt: number }
  | { type: 'probed'; generation: number; isAnswered: boolean; heardAt: number; chance: number };

export type AttachedEffect =
  /** Ask for a real answer of a route of the workspace. */
  | { type: 'connect'; generation: number; timeoutMs: number }
  /** Ask whether it is there at all. */
  | { type: 'probe'; generation: number; timeoutMs: number }
  /** The one timer; arming it replaces the one before. */
  | { type: 'timer'; generation: number; ms: number }
  /** A server that was ready is not any more; once for each. Its connection is let go. */
  | { type: 'down'; generation: number; reason: string };

export interface AttachedStep {
  state: AttachedState;
  effects: AttachedEffect[];
}

export function initialAttached(now: number): AttachedState {
  return { name: 'stopped', generation: 0, since: now };
}

export function stepAttached(state: AttachedState, event: AttachedEvent, now: number): AttachedStep {
  switch (event.type) {
    case 'connect':
      return state.name === 'connecting' || state.name === 'ready' || state.name === 'restarting'
        ? keep(state)
        : connect(state, now);
    case 'reconnect':
      return withDown(state, 'Reconnecting.', connect(state, now));
    case 'restart':
      return withDown(
        state,
        'The server is being restarted.',
        keep({ ...at(state, now), name: 'restarting' }),
      );
    case 'restarted':
      if (state.name !== 'restarting') return keep(state);
      return connect(state, now, event.isDone ? now + RETURN_MS : now);
    case 'leave':
      return state.name === 'stopped'
        ? keep(state)
        : withDown(state, 'Disconnected.', keep({ ...at(state, now), name: 'stopped' }));
    default:
      return event.generation === state.generation ? onConnection(state, event, now) : keep(state);
  }
}

function onConnection(
  state: AttachedState,
  event: Extract<AttachedEvent, { generation: number }>,
  now: number,
): AttachedStep {
  const isTrying = state.name === 'connecting' || state.name === 'unreachable';
  switch (event.type) {
    case 'answered':
      return isTrying
        ? after({ ...at(state, now), name: 'ready', failedProbes: 0 }, SILENCE_MS)
        : keep(state);
    case 'away':
      return isTrying ? away(state, event, now) : keep(state);
    case 'refused':
      return isTrying ? keep({ ...at(state, now), name: 'failed', reason: event.reason }) : keep(state);
    case 'timer':
      return onTimer(state, event.heardAt, now);
    case 'probed':
      return state.name === 'ready' ? probed(state, event, now) : keep(state);
    default:
      return assertNever(event);
  }
}

function away(
  state: Extract<AttachedState, { name: 'connecting' | 'unreachable' }>,
  { reason, chance }: { reason: string; chance: number },
  now: number,
): AttachedStep {
  const tries = state.tries + 1;
  const ms = retryDelay(state.tries, chance);
  if (state.name === 'connecting' && now < state.patientUntil) return after({ ...state, tries }, ms);
  const since = state.name === 'unreachable' ? state.since : now;
  return after({ name: 'unreachable', generation: state.generation, since, reason, tries }, ms);
}

function onTimer(state: AttachedState, heardAt: number, now: number): AttachedStep {
  switch (state.name) {
    case 'connecting':
    case 'unreachable': {
      // It stays what it is meanwhile: nobody wants to be told of each try.
      const next = { ...state, generation: state.generation + 1 };
      return {
        state: next,
        effects: [{ type: 'connect', generation: next.generation, timeoutMs: RETRY_TIMEOUT_MS }],
      };
    }
    case 'ready': {
      const { generation } = state;
      const left = silenceLeft(heardAt, now);
      if (left > 0) return after({ ...state, failedProbes: 0 }, left);
      return { state, effects: [{ type: 'probe', generation, timeoutMs: PROBE_TIMEOUT_MS }] };
    }
    case 'stopped':
    case 'restarting':
    case 'failed':
      return keep(state);
    default:
      return assertNever(state);
  }
}

function probed(
  state: Extract<AttachedState, { name: 'ready' }>,
  { isAnswered, heardAt, chance }: { isAnswered: boolean; heardAt: number; chance: number },
  now: number,
): AttachedStep {
  // Bytes came while the probe was out: a server that talks is there, whatever the probe says.
  if (isAnswered || silenceLeft(heardAt, now) > 0) return after({ ...state, failedProbes: 0 }, SILENCE_MS);
  const failedProbes = state.failedProbes + 1;
  if (failedProbes < ATTACHED_PROBE_TRIES) return after({ ...state, failedProbes }, ATTACHED_PROBE_PAUSE_MS);
  const reason = 'The server has stopped answering.';
  const next: AttachedState = { ...at(state, now), name: 'unreachable', reason, tries: 0 };
  return withDown(state, reason, after(next, retryDelay(0, chance)));
}

/** How much longer it may be silent, ms. A wall clock that was set back must not stretch that. */
function silenceLeft(heardAt: number, now: number): number {
  return Math.min(SILENCE_MS, heardAt + SILENCE_MS - now);
}

/** @param failed how many tries have failed before the one that just has; from 0. */
export function retryDelay(failed: number, chance: number): number {
  const ms = RETRY_MS[failed] ?? LAST_RETRY_MS;
  return Math.round(ms * (1 - JITTER + 2 * JITTER * chance));
}

function connect(state: AttachedState, now: number, patientUntil = now): AttachedStep {
  const generation = state.generation + 1;
  const timeoutMs = patientUntil > now ? RETRY_TIMEOUT_MS : CONNECT_TIMEOUT_MS;
  return {
    state: { name: 'connecting', generation, since: now, patientUntil, tries: 0 },
    effects: [{ type: 'connect', generation, timeoutMs }],
  };
}

function withDown(from: AttachedState, reason: string, next: AttachedStep): AttachedStep {
  if (from.name !== 'ready') return next;
  return {
    state: next.state,
    effects: [{ type: 'down', generation: from.generation, reason }, ...next.effects],
  };
}

function after(state: AttachedState, ms: number): AttachedStep {
  return { state, effects: [{ type: 'timer', generation: state.generation, ms }] };
}

function at(from: AttachedState, now: number): Common {
  return { generation: from.generation, since: now };
}

function keep(state: AttachedState): AttachedStep {
  return { state, effects: [] };
}
