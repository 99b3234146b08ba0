/** Restarts allowed in a sliding window, and how long each of them waits. A policy, apart from the machine that uses it. */

/** Five minutes: long enough to see a crash loop, short enough that yesterday's crash costs nothing today. */
export const RESTART_WINDOW_MS = 5 * 60_000;
/** Wait before the first, second and any later restart of a window. The first is at once: most crashes are alone. */
const BACKOFF_MS = [0, 5_000, 15_000] as const;
/** Up to this share is added to a wait, so that several windows do not start their servers in step. */
const JITTER_SHARE = 0.2;

export interface Budget {
  /** Restarts allowed inside one window. The one after that is refused until the window has moved on. */
  readonly limit: number;
  /** When restarts were spent, epoch ms, oldest first. */
  readonly spentAt: readonly number[];
}

export function freshBudget(limit: number): Budget {
  return { limit, spentAt: [] };
}

/** A budget as shown: `used` of `limit` in the last `windowMs`. */
export interface BudgetView {
  limit: number;
  windowMs: number;
  used: number;
}

/**
 * Takes one restart out of the budget.
 * @param jitter 0 to 1, chosen by the caller.
 * @returns the new budget and the wait in ms; undefined when the budget is spent.
 */
export function spend(
  budget: Budget,
  now: number,
  jitter: number,
): { budget: Budget; waitMs: number } | undefined {
  const recent = recentOf(budget, now);
  if (recent.length >= budget.limit) return undefined;
  const wait = BACKOFF_MS[Math.min(recent.length, BACKOFF_MS.length - 1)] ?? 0;
  const waitMs = Math.round(wait * (1 + JITTER_SHARE * jitter));
  return { budget: { limit: budget.limit, spentAt: [...recent, now] }, waitMs };
}

export function isSpent(budget: Budget, now: number): boolean {
  return recentOf(budget, now).length >= budget.limit;
}

export function viewBudget(budget: Budget, now: number): BudgetView {
  return { limit: budget.limit, windowMs: RESTART_WINDOW_MS, used: recentOf(budget, now).length };
}

/** The distance counts and not the order: a wall clock set back must not keep a budget spent for hours. */
function recentOf(budget: Budget, now: number): number[] {
  return budget.spentAt.filter((at) => Math.abs(now - at) < RESTART_WINDOW_MS);
}
