/** The process that does a run, and alone writes its journal: it holds the lease of the run's folder. */
import * as path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { type LeaseState, lookAtLease } from '../lease.ts';
import { isAlive } from '../process/tree.ts';

/** What is said of a run whose owner is gone, when there is no server any more that goes on with it. */
export const ORPHANED = 'Holdfast itself ended while this ran. What was seen until then is kept.';

/** Asking the system who a process is can take it half a second (Windows), so that is done this seldom, ms. */
const FULL_LOOK_MS = 5_000;

/** Whether another process that is still there does the run of this folder. */
export async function livesElsewhere(folder: string): Promise<boolean> {
  const lease = await lookAtLease(folder);
  return lease.state === 'held' && !lease.own;
}

/** The folder of a run, given that or one file of its journal. */
export function runFolder(where: string): string {
  return where.endsWith('.jsonl') ? path.dirname(where) : where;
}

/** Answers the same again and again, cheaply: a death is noticed at once, another process with its number within 5 s. */
export class OwnerWatch {
  readonly #folder: string;
  readonly #clock: Clock;
  #last: { at: number; lease: LeaseState } | undefined;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** @param changed whether the folder may have changed: the lease may have gone to somebody else then. */
  async livesElsewhere(changed: boolean): Promise<boolean> {
    const now = this.#clock.now();
    const last = this.#last;
    if (last !== undefined && !changed && now - last.at < FULL_LOOK_MS && stillHeld(last.lease)) return true;
    const lease = await lookAtLease(this.#folder);
    this.#last = { at: now, lease };
    return lease.state === 'held' && !lease.own;
  }
}

function stillHeld(lease: LeaseState): boolean {
  return lease.state === 'held' && !lease.own && isAlive(lease.owner.process.pid);
}
