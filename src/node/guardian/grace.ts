/**
 * How long a server is kept that nobody uses. Pure.
 *
 * The rule: a client that has gone still counts as there for a grace. The grace follows its last word: one that said
 * it has a turn running and has not taken that back was torn from its work, by a reload or a crash, and comes back
 * for it; any other may come back, but nothing is lost when it comes too late. A server ends when no client is there
 * and nobody's grace is left. That somebody else came and went meanwhile shortens no grace: it has its own turns. Only
 * one that came later, had a turn running and left without one has taken over what was waited for.
 */

export interface Graces {
  /** ms. */
  busyMs: number;
  /** ms. */
  idleMs: number;
}

/**
 * What was heard last of a client: `ordered`, only that it wants the server; `idle`, that it has no turn running;
 * `busy`, that it has.
 */
export type LastWord = 'ordered' | 'idle' | 'busy';

/** The least that whoever orders a server has to connect, ms; an idle grace may be as short as a second. */
export const ORDER_MS = 5_000;

/** How long a client counts as there after its last word, ms. */
export function graceMs(lastWord: LastWord, { busyMs, idleMs }: Graces): number {
  switch (lastWord) {
    case 'ordered':
      return Math.max(ORDER_MS, idleMs);
    case 'idle':
      return idleMs;
    case 'busy':
      return busyMs;
  }
}
