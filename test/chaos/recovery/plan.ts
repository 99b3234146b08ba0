/** Where the servers of a campaign are killed. The same seed gives the same points. Pure. */
import { between, randomFrom } from '../plan.ts';

export interface Point {
  /** Unique in its campaign, from 1. */
  number: number;
  /** After so many records of the run, in order; the later ones come in the recovery from the ones before. */
  after: readonly number[];
}

/** Records of a whole turn as `script.ts` has it, from its draft to shortly before its end. */
const FIRST = 4;
const LAST = 110;
/** Every so many points are killed twice, the second time soon after the first. */
const TWICE_EVERY = 4;
const SOON = 40;

export function planKills(count: number, seed: number): Point[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, index) => {
    const first = between(FIRST, LAST, random());
    const second = first + between(1, SOON, random());
    return { number: index + 1, after: index % TWICE_EVERY === TWICE_EVERY - 1 ? [first, second] : [first] };
  });
}
