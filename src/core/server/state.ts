/**
 * The life of an owned server: its states, what happens to it and what is done about it. `step` in
 * `lifecycle.ts` is the machine.
 *
 * ```
 *                    start, restart             ready
 *       ┌─────────┐ ───────────────▶ ┌──────────┐ ────▶ ┌───────┐ ◀─ healthy ── ┌──────────────┐
 *  ●──▶ │ stopped │                  │ starting │       │ ready │               │ unresponsive │
 *       └─────────┘ ◀─────────────── └──────────┘       └───────┘ ─ verdict ──▶ └──────────────┘
 *        ▲ ▲    │    exit before       ▲     │           │     │ exit (a crash)   │    │
 *        │ │    │    ready             │     │           │     └───▶ stopped ◀────┘    │
 *        │ │    │ start after a        │     │ stop,     │ stop,                       │ stop,
 *        │ │    │ failure or crash     │     │ restart,  │ restart                     │ restart
 *        │ │    │    ┌─────────────┐   │     │ not fit,  ▼                             ▼
 *        │ │    ├──▶ │ backing-off │ ──┘     │ timeout  ┌──────────────────────────────────┐
 *        │ │    │    └─────────────┘ wait    └────────▶ │ stopping { then?: start }        │
 *        │ └────┼───────── stop              over       └──────────────────────────────────┘
 *        │      │ budget spent                            │ exit: stopped, or then's start
 *        │      ▼                                         │
 *        │    ┌────────┐      outlived SIGKILL            │
 *        └─── │ failed │ ◀────────────────────────────────┘
 *        stop └────────┘ ── restart, or start with room in the budget ──▶ starting
 * ```
 *
 * - Nothing restarts by itself. A crash leads to `stopped` with its exit kept; the next `start` (a run needs a
 *   server) or `restart` (a person asks) begins anew. So does a server that answers nothing any more and is given up:
 *   it is ended, which is a failure.
 * - `backing-off` and `failed` come from a `start` after a start failure or a crash, which has to pay from the
 *   budget. A `restart` is asked for by a person and neither waits nor pays. `failed` is left as soon as the
 *   window has moved on.
 * - An exit before ready is a start failure, not a crash: nobody was connected, nobody is told `down`.
 * - A generation names one process, counted when its start is decided. An event of an older one is inert.
 */
import type { Exit } from '../journal/record.ts';
import { type Budget, freshBudget } from './budget.ts';
import type { ProcessEnd } from './exit-text.ts';
import type { Verdict } from './liveness.ts';

/**
 * Why there is no process. After a `failure` (it never became ready) or a `crash` the next `start` pays from the
 * budget; after a `stop` it does not, nor after `no-process`: what cannot even be started is no loop to be damped.
 */
export interface Ending {
  type: 'stop' | 'no-process' | 'failure' | 'crash';
  /** A sentence for people; absent after a stop that was asked for. */
  reason?: string;
  exit?: Exit;
}

/** A process that is to end, or that would not. */
export interface Held {
  /** Absent until the host has reported it. */
  pid?: number;
  /** It was ready once, so somebody has to be told that it is down. */
  served: boolean;
}

/** A start remembered while stopping. `restart` was asked for by a person and does not pay from the budget. */
export type Remembered = { type: 'start'; jitter: number } | { type: 'restart' };

/** What a user can set about starting; a change counts from the next start on, never in the middle of a turn. */
export interface ServerLimits {
  /** Restarts allowed in the window of the budget. */
  restarts: number;
  /**
   * From the decision to start until ready, ms. opencode 1.18.33 needs 1.4 to 4 s; a cold disk or a scanner can
   * make that ten times as much. When it is reached the child is ended and the start has failed.
   */
  readyTimeoutMs: number;
}

export interface Common {
  readonly generation: number;
  /** Epoch ms. */
  readonly since: number;
  readonly budget: Budget;
  readonly readyTimeoutMs: number;
}
type Of<Name extends string, Data> = Readonly<Common & { name: Name } & Data>;

export type Stopped = Of<'stopped', { ending?: Ending }>;
export type Starting = Of<'starting', { pid?: number }>;
export type Running = Of<'ready' | 'unresponsive', { pid: number; engineVersion?: string }>;
export type BackingOff = Of<'backing-off', { ending: Ending }>;
export type Stopping = Of<'stopping', { held: Held; then?: Remembered; failure?: string }>;
/** With `held`, a process outlived SIGKILL; without, the budget is spent. */
export type Failed = Of<'failed', { ending: Ending; held?: Held }>;

export type ServerState = Stopped | Starting | Running | BackingOff | Stopping | Failed;

export type ServerEvent =
  | { type: 'configured'; limits: ServerLimits }
  /** A run needs a server. `jitter` is 0 to 1. */
  | { type: 'start'; jitter: number }
  /** A person wants a new process. */
  | { type: 'restart' }
  | { type: 'stop' }
  | { type: 'spawned'; generation: number; pid: number }
  /** There is no process and there was none. `reason` is a sentence. */
  | { type: 'spawn-failed'; generation: number; reason: string }
  | { type: 'ready'; generation: number; engineVersion?: string }
  /** It runs but will not do (unprotected, broken project configuration). `reason` is a sentence. */
  | { type: 'unfit'; generation: number; reason: string }
  /** `reason`: what is known of it beyond how it ended, a sentence. */
  | { type: 'exited'; generation: number; end: ProcessEnd; reason?: string }
  /** The process was sent SIGKILL and is still there. */
  | { type: 'outlived-kill'; generation: number }
  | { type: 'timer'; timer: 'ready' | 'backoff'; generation: number }
  | { type: 'verdict'; generation: number; verdict: Verdict }
  /** It answers nothing any more, and nobody waits for it any longer. */
  | { type: 'given-up'; generation: number }
  /** The only thing that gives the budget back. */
  | { type: 'turn-succeeded' };

/**
 * What the shell has to do. A `spawn` is answered by `spawned` and later `exited`, or by `spawn-failed`, exactly once.
 * A `timer` is good for as long as the state keeps its name.
 */
export type ServerEffect =
  | { type: 'spawn'; generation: number }
  /** End the process and all that belongs to it. */
  | { type: 'end'; generation: number }
  | { type: 'timer'; timer: 'ready' | 'backoff'; generation: number; ms: number }
  /** A server that was ready is gone; once for each. */
  | { type: 'down'; generation: number; exit: Exit };

export function initialServer(now: number, limits: ServerLimits): ServerState {
  const { readyTimeoutMs } = limits;
  return { name: 'stopped', generation: 0, since: now, budget: freshBudget(limits.restarts), readyTimeoutMs };
}
