/** The machine of an owned server, pure. Its diagram stands with its states in `state.ts`. */
import { assertNever } from '../errors.ts';
import type { Exit } from '../journal/record.ts';
import { freshBudget, isSpent, spend } from './budget.ts';
import { crashSentence, type ProcessEnd, startFailureSentence } from './exit-text.ts';
import type { Verdict } from './liveness.ts';
import { shouldStart } from './should-start.ts';
import type {
  Common,
  Ending,
  Failed,
  Held,
  Remembered,
  Running,
  ServerEffect,
  ServerEvent,
  ServerLimits,
  ServerState,
  Starting,
  Stopped,
  Stopping,
} from './state.ts';

/** One server serves all windows, and any of them may restart it. */
const ENDED_ELSEWHERE = 'The server was ended or restarted by another window.';
const GIVEN_UP = 'The server did not answer any more and was ended.';

export interface Step {
  state: ServerState;
  effects: ServerEffect[];
}

/** The next state and what to do about it. Events that mean nothing in a state leave it as it is, by identity. */
export function step(state: ServerState, event: ServerEvent, now: number): Step {
  switch (event.type) {
    case 'start':
      return onStart(state, event.jitter, now);
    case 'restart':
      return onRestart(state, now);
    case 'stop':
      return onStop(state, now);
    case 'configured':
      return keep(configured(state, event.limits));
    case 'turn-succeeded':
      return state.budget.spentAt.length === 0
        ? keep(state)
        : keep({ ...state, budget: freshBudget(state.budget.limit) });
    default:
      return event.generation === state.generation ? onProcess(state, event, now) : keep(state);
  }
}

function onStart(state: ServerState, jitter: number, now: number): Step {
  const decision = shouldStart({
    attached: false,
    processAlive: state.name === 'ready' || state.name === 'unresponsive',
    startInFlight: state.name === 'starting' || state.name === 'backing-off',
    stopInFlight: state.name === 'stopping' || (state.name === 'failed' && state.held !== undefined),
    budgetSpent: hasFailed(state) && isSpent(state.budget, now),
  });
  switch (decision) {
    case 'connect':
    case 'join':
    case 'reuse':
      return keep(state);
    case 'remember':
      return remember(state, { type: 'start', jitter }, now);
    case 'refuse':
      return state.name === 'stopped' && hasFailed(state) ? keep(giveUp(state, now)) : keep(state);
    case 'start':
      return hasFailed(state) ? beginWithinBudget(state, jitter, now) : begin(state, now);
    default:
      return assertNever(decision);
  }
}

function onRestart(state: ServerState, now: number): Step {
  switch (state.name) {
    case 'stopped':
    case 'backing-off':
      return begin(state, now);
    case 'failed':
      return state.held === undefined ? begin(state, now) : remember(state, { type: 'restart' }, now);
    case 'stopping':
      return remember(state, { type: 'restart' }, now);
    case 'starting':
    case 'ready':
    case 'unresponsive':
      return end(state, { then: { type: 'restart' } }, now);
    default:
      return assertNever(state);
  }
}

function onStop(state: ServerState, now: number): Step {
  switch (state.name) {
    case 'stopped':
      return keep(state);
    case 'backing-off':
      return keep(stopped(state, state.ending, now));
    case 'failed':
      return state.held === undefined ? keep(stopped(state, state.ending, now)) : end(state, {}, now);
    case 'stopping': {
      if (state.then === undefined) return keep(state);
      const { then: _forgotten, ...rest } = state;
      return keep(rest);
    }
    case 'starting':
    case 'ready':
    case 'unresponsive':
      return end(state, {}, now);
    default:
      return assertNever(state);
  }
}

/** Events of the process of this very generation. */
function onProcess(
  state: ServerState,
  event: Extract<ServerEvent, { generation: number }>,
  now: number,
): Step {
  switch (event.type) {
    case 'spawned':
      if (state.name === 'starting') return keep({ ...state, pid: event.pid });
      if (state.name === 'stopping') return keep({ ...state, held: { ...state.held, pid: event.pid } });
      return keep(state);
    case 'spawn-failed':
      if (state.name === 'starting')
        return keep(stopped(state, { type: 'no-process', reason: event.reason }, now));
      if (state.name === 'stopping') return afterStopping(state, undefined, now);
      return keep(state);
    case 'ready':
      return state.name === 'starting' && state.pid !== undefined
        ? keep(ready({ ...state, pid: state.pid }, event.engineVersion, now))
        : keep(state);
    case 'unfit':
      return state.name === 'starting' ? end(state, { failure: event.reason }, now) : keep(state);
    case 'exited':
      return onExit(state, event.end, now, event.reason);
    case 'outlived-kill':
      return state.name === 'stopping' ? keep(stuck(state, now)) : keep(state);
    case 'timer':
      return onTimer(state, event.timer, now);
    case 'verdict':
      return keep(judged(state, event.verdict, now));
    case 'given-up':
      return state.name === 'ready' || state.name === 'unresponsive'
        ? end(state, { failure: GIVEN_UP }, now)
        : keep(state);
    default:
      return assertNever(event);
  }
}

function onTimer(state: ServerState, timer: 'ready' | 'backoff', now: number): Step {
  if (timer === 'ready' && state.name === 'starting') {
    const seconds = state.readyTimeoutMs / 1000;
    return end(state, { failure: `The server was not ready within ${seconds} s and was ended.` }, now);
  }
  if (timer === 'backoff' && state.name === 'backing-off') return spawn(carried(state, now));
  return keep(state);
}

function onExit(state: ServerState, processEnd: ProcessEnd, now: number, why?: string): Step {
  const expected = state.name === 'stopping' || state.name === 'failed' || processEnd.expected === true;
  const exit = { ...processEnd, expected };
  const down: ServerEffect = { type: 'down', generation: state.generation, exit };
  switch (state.name) {
    case 'starting':
      return keep(
        stopped(state, { type: 'failure', reason: why ?? startFailureSentence(processEnd), exit }, now),
      );
    case 'ready':
    case 'unresponsive':
      return { state: stopped(state, endingOf(processEnd, exit), now), effects: [down] };
    case 'stopping': {
      const next = afterStopping(state, exit, now);
      return state.held.served ? { state: next.state, effects: [down, ...next.effects] } : next;
    }
    case 'failed':
      if (state.held === undefined) return keep(state);
      return { state: stopped(state, { type: 'stop', exit }, now), effects: state.held.served ? [down] : [] };
    case 'stopped':
    case 'backing-off':
      return keep(state);
    default:
      return assertNever(state);
  }
}

function endingOf(processEnd: ProcessEnd, exit: Exit): Ending {
  if (exit.expected) return { type: 'stop', reason: ENDED_ELSEWHERE, exit };
  return { type: 'crash', reason: crashSentence(processEnd), exit };
}

/** The stop is over: rest, or honour the start that was asked for meanwhile. */
function afterStopping(state: Stopping, exit: Exit | undefined, now: number): Step {
  const ending: Ending = {
    ...(state.failure === undefined ? { type: 'stop' } : { type: 'failure', reason: state.failure }),
    ...(exit && { exit }),
  };
  const rest = stopped(state, ending, now);
  if (state.then === undefined) return keep(rest);
  return state.then.type === 'restart' ? begin(rest, now) : onStart(rest, state.then.jitter, now);
}

function judged(state: ServerState, verdict: Verdict, now: number): ServerState {
  if (state.name === 'ready' && verdict === 'unresponsive')
    return { ...state, name: 'unresponsive', since: now };
  if (state.name === 'unresponsive' && verdict === 'healthy') return { ...state, name: 'ready', since: now };
  return state;
}

/** Remembers a start in a state that holds a process; one that would not die is tried again first. */
function remember(state: ServerState, then: Remembered, now: number): Step {
  if (state.name === 'failed') return end(state, { then }, now);
  if (state.name !== 'stopping') return keep(state);
  return keep(state.then?.type === 'restart' ? state : { ...state, then });
}

function begin(state: ServerState, now: number): Step {
  return spawn({ ...carried(state, now), generation: state.generation + 1 });
}

function beginWithinBudget(state: Paying, jitter: number, now: number): Step {
  const paid = spend(state.budget, now, jitter);
  if (paid === undefined) return keep(giveUp(state, now));
  const generation = state.generation + 1;
  const common = { ...carried(state, now), generation, budget: paid.budget };
  if (paid.waitMs === 0) return spawn(common);
  return {
    state: { ...common, name: 'backing-off', ending: state.ending },
    effects: [{ type: 'timer', timer: 'backoff', generation, ms: paid.waitMs }],
  };
}

function spawn(common: Common): Step {
  const { generation, readyTimeoutMs } = common;
  return {
    state: { ...common, name: 'starting' },
    effects: [
      { type: 'spawn', generation },
      { type: 'timer', timer: 'ready', generation, ms: readyTimeoutMs },
    ],
  };
}

function end(
  state: Starting | Running | Failed,
  more: { then?: Remembered; failure?: string },
  now: number,
): Step {
  return {
    state: { ...carried(state, now), name: 'stopping', held: heldOf(state), ...more },
    effects: [{ type: 'end', generation: state.generation }],
  };
}

function keep(state: ServerState): Step {
  return { state, effects: [] };
}

/** What every state has, at the moment of a transition. */
function carried(from: ServerState, now: number): Common {
  const { generation, budget, readyTimeoutMs } = from;
  return { generation, since: now, budget, readyTimeoutMs };
}

function configured(state: ServerState, limits: ServerLimits): ServerState {
  if (state.budget.limit === limits.restarts && state.readyTimeoutMs === limits.readyTimeoutMs) return state;
  return {
    ...state,
    budget: { ...state.budget, limit: limits.restarts },
    readyTimeoutMs: limits.readyTimeoutMs,
  };
}

function stopped(from: ServerState, ending: Ending, now: number): Stopped {
  return { ...carried(from, now), name: 'stopped', ending };
}

function ready(from: Starting & { pid: number }, engineVersion: string | undefined, now: number): Running {
  return {
    ...carried(from, now),
    name: 'ready',
    pid: from.pid,
    ...(engineVersion !== undefined && { engineVersion }),
  };
}

function giveUp(from: Paying, now: number): Failed {
  return { ...carried(from, now), name: 'failed', ending: from.ending };
}

function stuck(from: Stopping, now: number): Failed {
  const process = from.held.pid === undefined ? 'The server process' : `The server process ${from.held.pid}`;
  const ending: Ending = { type: 'failure', reason: `${process} was killed and is still there.` };
  return { ...carried(from, now), name: 'failed', ending, held: from.held };
}

function heldOf(state: Starting | Running | Failed): Held {
  if (state.name === 'failed') return state.held ?? { served: false };
  return { ...(state.pid !== undefined && { pid: state.pid }), served: state.name !== 'starting' };
}

type Paying = (Stopped & { readonly ending: Ending }) | Failed;

/** Whether the last process ended in a way that makes the next start pay. */
function hasFailed(state: ServerState): state is Paying {
  if (state.name === 'failed') return true;
  return state.name === 'stopped' && (state.ending?.type === 'failure' || state.ending?.type === 'crash');
}
