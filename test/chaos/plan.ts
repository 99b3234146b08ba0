/** Which points a campaign tries. The same seed gives the same points. Pure. */

export type Target = 'guardian' | 'server' | 'window' | 'tool';

/** What happens at a point, `after` that many records of the window's journal. */
export type Blow =
  /** All targets get a SIGKILL at once. `returns`: a new window opens then; else nobody ever comes back. */
  | { type: 'kill'; targets: readonly Target[]; returns: boolean }
  /** The window lets go as a reload makes it, and a new one opens. */
  | { type: 'leave' }
  /** The server is stopped by SIGSTOP for so long, and then goes on, ms. */
  | { type: 'freeze'; ms: number };

export interface Point {
  /** Row of the table. */
  kind: string;
  blow: Blow;
  /** From 1. */
  after: number;
  /** Nothing may be lost: the turn has to end well, in one server, each request asked once. */
  mustEndWell: boolean;
}

/** The first six have one of each that matters most: the short form takes those. */
const TARGETS: readonly (readonly Target[])[] = [
  ['guardian'],
  ['server'],
  ['window'],
  ['tool'],
  ['guardian', 'window'],
  ['guardian', 'server', 'window'],
  ['server', 'window'],
  ['guardian', 'server'],
];

/** Records of a whole turn as `stage.ts` scripts it: from `run-started` to shortly before its end. */
const RECORDS = 75;
/** Shortly after its command has begun: what strikes that must not come later. */
const RECORDS_TO_TOOL = 48;
/** `turn-drafted`: from here on there is a turn that must end well. */
const FIRST_OF_TURN = 4;

/** Kills of all kinds in turn; of each kind every other one is come back for. */
export function planKills(count: number, seed: number): Point[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, index) => {
    const round = Math.floor(index / TARGETS.length);
    const targets = TARGETS[index % TARGETS.length] ?? [];
    const returns = (index + round) % 2 === 0;
    return {
      kind: `kill ${targets.join(' + ')}`,
      blow: { type: 'kill', targets, returns },
      after: between(1, targets.includes('tool') ? RECORDS_TO_TOOL : RECORDS, random()),
      mustEndWell: false,
    };
  });
}

/** Windows that are killed, and windows that leave, `each` times; somebody always comes back in time. */
export function planReturns(each: number, seed: number): Point[] {
  // Another sequence than that of the kills.
  const random = randomFrom(seed + 1);
  const after = (): number => between(FIRST_OF_TURN, RECORDS, random());
  return Array.from({ length: each }, (): Point[] => [
    {
      kind: 'window killed, reopened',
      blow: { type: 'kill', targets: ['window'], returns: true },
      after: after(),
      mustEndWell: true,
    },
    { kind: 'window left, reopened', blow: { type: 'leave' }, after: after(), mustEndWell: true },
  ]).flat();
}

export function planFreeze(ms: number, seed: number): Point {
  const after = between(FIRST_OF_TURN, RECORDS / 2, randomFrom(seed + 2)());
  return { kind: `server frozen ${ms / 1000} s`, blow: { type: 'freeze', ms }, after, mustEndWell: true };
}

export function between(low: number, high: number, chance: number): number {
  return low + Math.floor(chance * (high - low + 1));
}

/** Numbers from 0 to 1 that come again with the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
