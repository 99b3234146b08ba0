import type { Exit, ServerStateName } from '../journal/record.ts';
import type { AttachedState } from './attached.ts';
import { type BudgetView, RESTART_WINDOW_MS, viewBudget } from './budget.ts';
import type { ServerState } from './state.ts';

/** A server as surfaces show it and runs record it. */
export interface ServerView {
  /** `owned`: we started it. `attached`: it is at a URL that the user gave. */
  kind: 'owned' | 'attached';
  state: ServerStateName;
  /** Counts the processes (or connections) of this server; 0 before the first. */
  generation: number;
  /** Since when it is in this state, epoch ms. */
  since: number;
  /** How the last process ended. `expected` tells a stop from a crash. */
  exit?: Exit;
  /** A sentence for people: why it is not ready. */
  reason?: string;
  engineVersion?: string;
  pid?: number;
  /** Restarts used; absent for an attached server, which has none. */
  budget?: BudgetView;
}

export function viewOwned(state: ServerState, now: number): ServerView {
  const ending = 'ending' in state ? state.ending : undefined;
  const reason = reasonOf(state);
  const pid = pidOf(state);
  return {
    kind: 'owned',
    state: state.name,
    generation: state.generation,
    since: state.since,
    ...(ending?.exit && { exit: ending.exit }),
    ...(reason !== undefined && { reason }),
    ...('engineVersion' in state &&
      state.engineVersion !== undefined && { engineVersion: state.engineVersion }),
    ...(pid !== undefined && { pid }),
    budget: viewBudget(state.budget, now),
  };
}

/** Why an owned server is not there, as a sentence; undefined when it is, or when it was stopped on purpose. */
export function reasonOf(state: ServerState): string | undefined {
  switch (state.name) {
    case 'stopping':
      return state.failure;
    case 'stopped':
    case 'backing-off':
      return state.ending?.reason;
    case 'failed':
      return state.held === undefined
        ? `${spentSentence(state)} ${state.ending.reason ?? ''}`.trim()
        : state.ending.reason;
    case 'starting':
    case 'ready':
    case 'unresponsive':
      return undefined;
  }
}

function spentSentence(state: ServerState): string {
  const { limit } = state.budget;
  if (limit === 0) return 'Restarts are switched off (restart budget 0).';
  return `${limit} of ${limit} restarts within ${RESTART_WINDOW_MS / 60_000} minutes are used up.`;
}

export function viewAttached(state: AttachedState): ServerView {
  return {
    kind: 'attached',
    state: state.name === 'restarting' ? 'stopping' : state.name,
    generation: state.generation,
    since: state.since,
    ...('reason' in state && { reason: state.reason }),
  };
}

function pidOf(state: ServerState): number | undefined {
  switch (state.name) {
    case 'starting':
    case 'ready':
    case 'unresponsive':
      return state.pid;
    case 'stopping':
    case 'failed':
      return state.held?.pid;
    case 'stopped':
    case 'backing-off':
      return undefined;
  }
}
