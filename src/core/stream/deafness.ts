/**
 * When an open event stream is not to be trusted. A connection can die without a word (a tunnel that forgets it, a
 * machine that slept), and a proxy can keep one open and pass nothing on: nobody tells then. The answer to a doubt is
 * another stream and a look at the session, never anything that harms the server.
 */

/** A stream that is silent is looked at this often, ms, whether anything comes or not. */
export const READ_TICK_MS = 10_000;
/** Silence of a stream that is a doubt, ms: opencode 1.18.33 sends a heartbeat every 10 s, and two may be late. */
export const DEAF_MS = 25_000;
/** What comes so soon after the opening, ms, is the greeting of the server: a proxy that holds the rest back may pass it. */
const GREETING_MS = 5000;
/** Streams in a row that brought nothing double the patience with the next one, this often: every look costs a re-read. */
const MAX_DOUBLINGS = 3;
/** A look this far off the wall clock was slept through, or the clock was set, ms. A busy process is late by less. */
const JUMP_MS = 5000;

/** What is known of an open stream, wall clock, ms. */
export interface Hearing {
  /** When bytes of any kind came last, or it opened. */
  heardAt: number;
  /** When it was meant to be looked at. */
  dueAt: number;
}

export type Doubt = 'slept' | 'silent';

/**
 * How long a stream may be silent, ms.
 *
 * @param gapMs the user's own limit for heartbeats; 0 for none
 * @param fruitless how many streams in a row before it brought nothing
 */
export function deafAfter(gapMs: number, fruitless: number): number {
  return (gapMs > 0 ? gapMs : DEAF_MS) * 2 ** Math.min(fruitless, MAX_DOUBLINGS);
}

/** Whether a stream brought nothing but its opening. */
export function isFruitless(stream: { openedAt: number; heardAt: number }): boolean {
  return stream.heardAt - stream.openedAt < GREETING_MS;
}

/** How long until the next look, ms. */
export function nextLook(heardAt: number, deafAfterMs: number, now: number): number {
  const left = heardAt + deafAfterMs - now;
  // What is overdue is being seen to; a doubt that led to nothing comes back with the next look.
  return left > 0 ? Math.min(left, READ_TICK_MS) : Math.min(deafAfterMs, READ_TICK_MS);
}

/** What is wrong with an open stream, if anything. */
export function doubt({ heardAt, dueAt }: Hearing, deafAfterMs: number, now: number): Doubt | undefined {
  if (Math.abs(now - dueAt) > JUMP_MS) return 'slept';
  return now - heardAt >= deafAfterMs ? 'silent' : undefined;
}
