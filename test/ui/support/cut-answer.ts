import { hold, type Step, text } from '../../fakes/model/steps.ts';

/** Places where an answer can be cut. */
const GATES = 6;

/** How much of an answer came before its window went away, and while it was away; the rest comes when it is back. */
export interface Cut {
  before: number;
  /** At least `before`; in gates from the beginning, like that. */
  away: number;
}

/** An answer of several pieces, a gate of the scripted model between any two. */
export class CutAnswer {
  /** The prompt that it answers. */
  readonly name: string;
  readonly gates: readonly string[];

  constructor(name: string) {
    this.name = name;
    this.gates = [...Array.from({ length: GATES }).keys()].map((index) => `${name}, gate ${index}`);
  }

  get steps(): Step[] {
    return [text(this.upTo(0)), ...this.gates.flatMap((gate, index) => [hold(gate), text(piece(index + 1))])];
  }

  /** What is said once so many gates are open. */
  upTo(gates: number): string {
    return [`${this.name} begins`, ...this.gates.slice(0, gates).map((_, index) => piece(index + 1))].join(
      '',
    );
  }

  get whole(): string {
    return this.upTo(GATES);
  }
}

const piece = (n: number): string => `, then piece ${n}${n === GATES ? ' ends it.' : ''}`;

/** @param random gives numbers from 0 to 1. */
export function chooseCut(random: () => number): Cut {
  const before = Math.floor(random() * GATES);
  return { before, away: before + Math.floor(random() * (GATES - before + 1)) };
}

/** Numbers from 0 to 1 that come again with the same seed (mulberry32). */
export function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
