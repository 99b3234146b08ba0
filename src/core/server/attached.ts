/**
 * A server at a URL that the user gave. It is never started and never killed by us.
 *
 * ```
 *            connect                 answered
 *  ┌─────────┐ ─────▶ ┌────────────┐ ────────▶ ┌───────┐
 *  │ stopped │        │ connecting │           │ ready │
 *  └─────────┘        └────────────┘ ◀─ connect ─ ───┬─┘
 *     ▲                 │        ▲                   │
 *     │                 │ refused│ connect, answers  │ silent
 *     │ leave (any)     ▼        │ again             ▼
 *     └───────────── ┌─────────────┐ ◀───────────────┘
 *                    │ unreachable │
 *                    └─────────────┘
 * ```
 *
 * `stopped` means that we are not using it: before the first `connect` and after `leave`. Each `connect` is a new
 * generation, since another process may be answering at the URL.
 */
import { assertNever } from '../errors.ts';
import type { Verdict } from './liveness.ts';

interface Common {
  readonly generation: number;
  /** Epoch ms. */
  readonly since: number;
}

export type AttachedState = Readonly<
  Common &
    (
      | { name: 'stopped' }
      | { name: 'connecting' }
      | { name: 'ready' }
      | { name: 'unreachable'; reason: string }
    )
>;

export type AttachedEvent =
  /** A run needs the server. */
  | { type: 'connect' }
  /** A person wants a new connection. */
  | { type: 'reconnect' }
  | { type: 'leave' }
  | { type: 'answered'; generation: number }
  | { type: 'refused'; generation: number; reason: string }
  | { type: 'verdict'; generation: number; verdict: Verdict };

export type AttachedEffect =
  /** Ask for a real answer of a route of the workspace. */
  | { type: 'connect'; generation: number }
  /** A server that was ready is not any more; once for each. */
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
      return state.name === 'connecting' || state.name === 'ready' ? keep(state) : connect(state, now);
    case 'reconnect':
      return state.name === 'ready'
        ? withDown(state, 'Reconnecting.', connect(state, now))
        : connect(state, now);
    case 'leave':
      return leave(state, now);
    default:
      return event.generation === state.generation ? onConnection(state, event, now) : keep(state);
  }
}

function onConnection(
  state: AttachedState,
  event: Extract<AttachedEvent, { generation: number }>,
  now: number,
): AttachedStep {
  switch (event.type) {
    case 'answered':
      return state.name === 'connecting' ? keep({ ...at(state, now), name: 'ready' }) : keep(state);
    case 'refused':
      return state.name === 'connecting' ? keep(unreachable(state, event.reason, now)) : keep(state);
    case 'verdict':
      return onVerdict(state, event.verdict, now);
    default:
      return assertNever(event);
  }
}

function onVerdict(state: AttachedState, verdict: Verdict, now: number): AttachedStep {
  if (state.name === 'ready' && verdict === 'unresponsive') {
    const reason = 'The server has stopped answering.';
    return withDown(state, reason, keep(unreachable(state, reason, now)));
  }
  if (state.name === 'unreachable' && verdict === 'healthy') return connect(state, now);
  return keep(state);
}

function leave(state: AttachedState, now: number): AttachedStep {
  if (state.name === 'stopped') return keep(state);
  const next = keep({ ...at(state, now), name: 'stopped' });
  return state.name === 'ready' ? withDown(state, 'Disconnected.', next) : next;
}

function connect(state: AttachedState, now: number): AttachedStep {
  const generation = state.generation + 1;
  return {
    state: { name: 'connecting', generation, since: now },
    effects: [{ type: 'connect', generation }],
  };
}

function withDown(from: AttachedState, reason: string, next: AttachedStep): AttachedStep {
  return {
    state: next.state,
    effects: [{ type: 'down', generation: from.generation, reason }, ...next.effects],
  };
}

function unreachable(from: AttachedState, reason: string, now: number): AttachedState {
  return { ...at(from, now), name: 'unreachable', reason };
}

function at(from: AttachedState, now: number): Common {
  return { generation: from.generation, since: now };
}

function keep(state: AttachedState): AttachedStep {
  return { state, effects: [] };
}
