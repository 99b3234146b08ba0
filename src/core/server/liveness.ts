/**
 * Whether a running server is alive, by rules that never harm a healthy one: the process handle first, bytes on the
 * event stream second, health probes last. Silence is normal, a long tool is normal, a blocked event loop is normal
 * for seconds. What follows from a verdict is decided elsewhere
 * (`OwnedServer`, and `surroundings.ts` for a turn that runs).
 *
 * | process | silent   | failed probes | a turn runs              | verdict        |
 * |---------|----------|---------------|--------------------------|----------------|
 * | gone    | any      | any           | any                      | `gone`         |
 * | there   | ≤ 25 s   | 0             | any                      | `healthy`      |
 * | there   | > 25 s   | < 2           | any                      | `suspect`      |
 * | there   | > 25 s   | ≥ 2           | no                       | `unresponsive` |
 * | there   | > 25 s   | ≥ 2           | yes, within its grace    | `suspect`      |
 * | there   | > 25 s   | ≥ 2           | yes, grace over          | `unresponsive` |
 */

/** Silence that makes a server suspect, ms. opencode 1.18.33 sends a heartbeat every 10 s: two and a half of them. */
export const SILENCE_MS = 25_000;
/** A probe's timeout, ms. The event loop of opencode 1.18.33 was seen blocked for 5.5 s while all was well. */
export const PROBE_TIMEOUT_MS = 10_000;
/** Failed probes in a row before anything is concluded. */
export const PROBE_TRIES = 2;
/** Pause between probes of a server already found silent, ms. */
export const PROBE_PAUSE_MS = 10_000;
/**
 * A timer so much too late, or a probe that took so much longer than its timeout, ms, means that the machine slept or that
 * we were blocked ourselves: what came before says nothing about the server.
 */
const LATE_MS = 5_000;
/** How long a server that works on a turn may answer nothing, ms, counted from when it was found so. */
export const BUSY_GRACE_MS = 120_000;

export type Verdict = 'healthy' | 'suspect' | 'unresponsive' | 'gone';

/** What is known about one process. */
export interface Liveness {
  readonly alive: boolean;
  /** The last sign of life, epoch ms: bytes of any kind or an answered probe. */
  readonly lastSignAt: number;
  readonly failedProbes: number;
  readonly probe: { type: 'none' } | { type: 'running'; since: number } | { type: 'paused'; until: number };
  /** Turns that run, oldest first. */
  readonly turns: readonly string[];
  /** Opened when the server is found busy and unhealthy. It belongs to one turn and ends with it. */
  readonly grace?: { turn: string; until: number };
}

export type LivenessEvent =
  | { type: 'bytes' }
  | { type: 'probe-answered' }
  | { type: 'probe-failed' }
  | { type: 'turn-started'; turn: string }
  | { type: 'turn-ended'; turn: string }
  /** Time has passed; `alive` is what the process handle says. */
  | { type: 'tick'; alive: boolean };

export interface LivenessStep {
  state: Liveness;
  /** A health probe is to be sent now, with `PROBE_TIMEOUT_MS`. */
  probe: boolean;
}

export function initialLiveness(now: number): Liveness {
  return { alive: true, lastSignAt: now, failedProbes: 0, probe: { type: 'none' }, turns: [] };
}

export function stepLiveness(state: Liveness, event: LivenessEvent, now: number): LivenessStep {
  switch (event.type) {
    case 'bytes':
      return { state: signOfLife(state, now, state.probe), probe: false };
    case 'probe-answered':
      return { state: signOfLife(state, now, { type: 'none' }), probe: false };
    case 'probe-failed':
      return probeFailed(state, now);
    case 'turn-started':
      return { state: withGrace({ ...state, turns: [...state.turns, event.turn] }, now), probe: false };
    case 'turn-ended':
      return { state: turnEnded(state, event.turn, now), probe: false };
    case 'tick':
      return tick({ ...state, alive: event.alive }, now);
  }
}

export function verdict(state: Liveness, now: number): Verdict {
  if (!state.alive) return 'gone';
  if (state.failedProbes >= PROBE_TRIES) {
    return state.grace !== undefined && now < state.grace.until ? 'suspect' : 'unresponsive';
  }
  return state.failedProbes > 0 || isSilent(state, now) ? 'suspect' : 'healthy';
}

/** When to `tick` next, epoch ms; undefined while the answer of a probe is awaited, and when all is over. */
export function nextTickAt(state: Liveness): number | undefined {
  if (!state.alive || state.probe.type === 'running') return undefined;
  if (state.probe.type === 'none') return state.lastSignAt + SILENCE_MS;
  return state.probe.until;
}

function tick(state: Liveness, now: number): LivenessStep {
  // A wall clock set back must not hide a silence for as long as it was set back.
  if (now < state.lastSignAt) return { state: { ...state, lastSignAt: now }, probe: false };
  const at = nextTickAt(state);
  if (at === undefined || now < at) return { state, probe: false };
  if (now - at > LATE_MS) return askedAfresh(state, now);
  return { state: { ...state, probe: { type: 'running', since: now } }, probe: true };
}

function askedAfresh(state: Liveness, now: number): LivenessStep {
  const { grace: _over, ...rest } = state;
  return { state: { ...rest, failedProbes: 0, probe: { type: 'running', since: now } }, probe: true };
}

function probeFailed(state: Liveness, now: number): LivenessStep {
  // Bytes came while the probe was out: a server that talks is alive, whatever the probe says.
  if (!isSilent(state, now)) return { state: { ...state, probe: { type: 'none' } }, probe: false };
  const { probe } = state;
  if (probe.type === 'running' && now - probe.since > PROBE_TIMEOUT_MS + LATE_MS)
    return askedAfresh(state, now);
  const failedProbes = state.failedProbes + 1;
  if (failedProbes < PROBE_TRIES) {
    return { state: { ...state, failedProbes, probe: { type: 'running', since: now } }, probe: true };
  }
  const paused = { type: 'paused', until: now + PROBE_PAUSE_MS } as const;
  return { state: withGrace({ ...state, failedProbes, probe: paused }, now), probe: false };
}

function signOfLife(state: Liveness, now: number, probe: Liveness['probe']): Liveness {
  const { grace: _over, ...rest } = state;
  return {
    ...rest,
    lastSignAt: now,
    failedProbes: 0,
    probe: probe.type === 'running' ? probe : { type: 'none' },
  };
}

function turnEnded(state: Liveness, turn: string, now: number): Liveness {
  const turns = state.turns.filter((other) => other !== turn);
  if (state.grace?.turn !== turn) return { ...state, turns };
  const { grace: _ended, ...rest } = state;
  return withGrace({ ...rest, turns }, now);
}

/** Opens a grace for the oldest turn when the server is busy and unhealthy and has none. */
function withGrace(state: Liveness, now: number): Liveness {
  const turn = state.turns[0];
  if (turn === undefined || state.grace !== undefined || state.failedProbes < PROBE_TRIES) return state;
  return { ...state, grace: { turn, until: now + BUSY_GRACE_MS } };
}

function isSilent(state: Liveness, now: number): boolean {
  return now - state.lastSignAt >= SILENCE_MS;
}
