import type { Clock } from '../core/clock.ts';

/**
 * The real clock. Its timers keep the process alive on purpose: a command that waits out a backoff must not
 * end because nothing else is open.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};
