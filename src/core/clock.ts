/**
 * Time as a port. Pure code takes `now` as a parameter; shells take a `Clock`, so that tests never sleep.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump when the machine sleeps or its clock is set. */
  now(): number;
  /** Calls `fn` once after `ms` milliseconds. The returned function cancels it; cancelling twice is harmless. */
  setTimer(ms: number, fn: () => void): () => void;
}
