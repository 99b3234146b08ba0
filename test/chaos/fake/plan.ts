/** The points of a campaign on the fake engine. The same seed gives the same points. Pure. */
import { randomFrom } from '../plan.ts';
import { Dice, FAULTS, type Faults } from './faults.ts';
import type { Call, Plan, Temper } from './model.ts';

export interface Point {
  /** Unique in its campaign, from 1. */
  number: number;
  /** Row of the table. */
  kind: string;
  faults: Faults;
  plan: Plan;
  temper: Temper;
  /** What the user says to a recovery that asks. */
  choice: 'go-on' | 'keep';
  /** Whether the user refuses the first permission. */
  rejects: boolean;
  /** How long after the end another prompt follows in the session, ms; absent where none does. */
  nextAfterMs?: number;
  /** Of everything that is left to chance while it is played. */
  seed: number;
}

/** Numbers of a point are its own, so that it can be played alone. */
const STRIDE = 7919;

export function planPoints(count: number, seed: number): Point[] {
  return Array.from({ length: count }, (_, index) => planPoint(index + 1, seed));
}

/** @param number from 1; the kinds take turns, so that any part of a campaign has all of them. */
export function planPoint(number: number, seed: number): Point {
  const dice = new Dice(randomFrom(seed * STRIDE + number));
  const kinds = Object.keys(FAULTS);
  const kind = kinds[(number - 1) % kinds.length] ?? 'none';
  const faults = FAULTS[kind]?.(dice) ?? { chains: [] };
  // Several may come together, but not with nothing.
  const other =
    dice.chance(0.25) && kind !== 'none' ? FAULTS[kinds[dice.between(1, kinds.length - 1)] ?? ''] : undefined;
  return {
    number,
    kind,
    faults: other === undefined ? faults : both(faults, other(dice)),
    plan: planTurn(dice, faults),
    temper: dice.chance(0.75) ? 'eager' : 'heedful',
    choice: dice.chance(0.8) ? 'go-on' : 'keep',
    rejects: dice.chance(0.04),
    ...(dice.chance(0.5) ? { nextAfterMs: dice.of(0, 0, 200, 15_000) } : {}),
    seed: dice.between(0, 2 ** 31),
  };
}

function both(one: Faults, other: Faults): Faults {
  return { ...other, ...one, chains: [...one.chains, ...other.chains] };
}

/** One that comes to where it is to be struck. */
function planTurn(dice: Dice, faults: Faults): Plan {
  const read: Call = { kind: 'read', key: 'notes' };
  const write: Call = { kind: 'write', key: 'first' };
  const deploy: Call = { kind: 'deploy', key: 'site' };
  const task: Call = { kind: 'task', key: 'matter', ...(dice.chance(0.5) ? { inner: 'write' } : {}) };
  const second: Call = { kind: 'write', key: 'second' };
  const plans: Plan[] = [
    [[read], [write], [task]],
    [[read, write], [second]],
    [[write, second], [read]],
    [[deploy], [task]],
    [[task, write]],
    [[read], [read, task], [deploy], [write]],
    [[second], [deploy, write]],
    [[read]],
  ];
  const fitting = plans.filter((plan) => comesTo(plan, faults));
  return fitting[dice.between(0, fitting.length - 1)] ?? plans[0] ?? [];
}

function comesTo(plan: Plan, { chains, commandMs }: Faults): boolean {
  const calls = plan.flat();
  const has = (...kinds: Call['kind'][]): boolean => calls.some(({ kind }) => kinds.includes(kind));
  if (commandMs !== undefined && !has('write')) return false;
  return chains.every((strikes) => {
    const { at = '', nth = 1 } = strikes[0] ?? {};
    if (['ask', 'answer', 'answered'].includes(at)) {
      return (
        calls.filter(({ kind, inner }) => kind === 'write' || kind === 'deploy' || inner !== undefined)
          .length >= nth
      );
    }
    if (at === 'line') return nth === 1 && has('deploy');
    if (at === 'sub') return has('task');
    return !/^(tool|step)/.test(at) || calls.length >= nth;
  });
}
