/** The ways in which the fake engine misbehaves, each as it was seen: sections are those of OPENCODE.md. Pure. */
import { between } from '../plan.ts';
import type { StartFault } from './processes.ts';
import type { CallFault } from './turn-loop.ts';

/** What is done to the engine, to the way between it and us, or by the user. */
export type Deed =
  | { do: 'kill' }
  /** SIGSTOP for a while, or an event loop that is blocked. */
  | { do: 'freeze'; ms: number }
  | { do: 'cut'; how: 'reset' | 'end' | 'deaf' }
  /** New connections are not taken for a while. */
  | { do: 'refuse'; ms: number }
  /** Events come later than answers that know of them. */
  | { do: 'lag'; ms: number }
  /** Answers are long on their way, so that events overtake them. */
  | { do: 'slow'; ms: number }
  /** The request is carried out, its reply is lost. */
  | { do: 'lose'; what: string }
  | { do: 'stop' }
  | { do: 'restart' }
  /** The window goes away, and another one comes `afterMs` later. */
  | { do: 'window'; how: 'leave' | 'crash' | 'close'; kills: boolean; afterMs: number };

/** Done when the engine comes to this moment for the nth time, counted from the strike before. */
export interface Strike {
  at: string;
  nth: number;
  deed: Deed;
}

/** What is wrong at a point, on top of everything that is the engine's everyday way. */
export interface Faults {
  /** Each chain goes its own way; its strikes wait for each other. */
  chains: readonly (readonly Strike[])[];
  calls?: readonly (CallFault | undefined)[];
  starts?: readonly (StartFault | undefined)[];
  /** How long commands take until they have their effect, ms. */
  commandMs?: number;
  tellsAgain?: boolean;
  isDeafToAborts?: boolean;
  isRefused?: boolean;
}

export class Dice {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  of<T>(...choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.random() * choices.length)] ?? choices[0];
  }

  between(low: number, high: number): number {
    return between(low, high, this.random());
  }

  chance(share: number): boolean {
    return this.random() < share;
  }
}

const KILL: Deed = { do: 'kill' };
/** Moments of a turn; the further down, the later. */
const TURN = ['prompt', 'prompt:stored', 'call', 'text', 'delta', 'text:end', 'tool:pending', 'ask'] as const;
const LATE = ['answer', 'answered', 'tool:running', 'line', 'tool:done', 'sub', 'step', 'final'] as const;

function anywhere(dice: Dice): Pick<Strike, 'at' | 'nth'> {
  return { at: dice.of(...TURN, ...LATE), nth: dice.of(1, 1, 1, 2) };
}

function chain(...strikes: Strike[]): Faults {
  return { chains: [strikes] };
}

function killAt(at: string, nth = 1): Strike {
  return { at, nth, deed: KILL };
}

/** Each kind of misbehaviour, by the name that it has in the table. */
export const FAULTS: Readonly<Record<string, (dice: Dice) => Faults>> = {
  none: () => ({ chains: [] }),
  // 0.1: a 204 is no promise; nothing is stored.
  'died before it was stored': (dice) => chain(killAt(dice.of('prompt', 'prompt:unstored'))),
  'died when it was stored': () => chain(killAt('prompt:stored')),
  // 0.2, 5: the text is "" for ever.
  'died in a text': (dice) =>
    chain(killAt(dice.of('text', 'delta', 'delta', 'text:end'), dice.between(1, 8))),
  // 5: pending, with input {}.
  'died at a call’s arguments': (dice) => chain(killAt('tool:pending', dice.between(1, 3))),
  // 5: the ask is gone.
  'died while it asked': (dice) => chain(killAt('ask', dice.between(1, 2))),
  'died at the answer to an ask': (dice) => chain(killAt(dice.of('answer', 'answered'), dice.between(1, 2))),
  // 0.6: the command goes on, and writes before or after the next server is there.
  'died in a command': (dice) => ({
    ...chain({ at: 'tool:running', nth: dice.between(1, 4), deed: KILL }),
    commandMs: dice.of(1, 100, 600, 2500, 6000, 30_000),
  }),
  'died in a tool of its own': (dice) => chain(killAt(dice.of('line', 'line', 'tool:done'))),
  'died in a sub-agent': (dice) => chain(killAt('sub', dice.between(1, 2))),
  'died between steps': (dice) => chain(killAt('step', dice.between(1, 2))),
  'died after the last word': (dice) => chain(killAt(dice.of('final', 'idle'))),
  'died anywhere': (dice) => chain({ ...anywhere(dice), deed: KILL }),
  // Deaths in what follows from a death.
  'died twice': (dice) => chain({ ...anywhere(dice), deed: KILL }, { ...anywhere(dice), deed: KILL }),
  'died in the read-back': (dice) =>
    chain(
      { ...anywhere(dice), deed: KILL },
      killAt(dice.of('stream', 'read:status', 'read:messages'), dice.of(1, 1, 2)),
    ),
  'died in the mending': (dice) =>
    chain(
      killAt(dice.of('delta', 'tool:running', 'ask'), dice.between(1, 4)),
      killAt(dice.of('patch', 'patched', 'patched', 'delete', 'deleted'), dice.of(1, 1, 2)),
    ),
  'died in the sending again': (dice) =>
    chain({ ...anywhere(dice), deed: KILL }, killAt(dice.of('prompt', 'prompt:unstored', 'prompt:stored'))),
  'died again and again': (dice) =>
    chain(
      ...Array.from({ length: dice.between(3, 6) }, () =>
        killAt(dice.of('call', 'delta', 'ready-line', 'stream')),
      ),
    ),
  // 1.1: exit 1 before ready, dead at ready, never ready.
  'starts fail': (dice) => {
    const fault = (): StartFault | undefined =>
      dice.of<StartFault | undefined>(
        'exits',
        'exits',
        'dies-when-ready',
        'never-ready',
        'no-process',
        undefined,
      );
    const first = dice.of(undefined, undefined, fault());
    const only = dice.chance(0.3) ? dice.of<StartFault>('exits', 'dies-when-ready') : undefined;
    return {
      ...chain({ ...anywhere(dice), deed: KILL }),
      starts: [first, ...Array.from({ length: dice.between(1, 7) }, () => only ?? fault())],
    };
  },
  // 3: nothing is told again.
  'stream lost': (dice) => chain({ ...anywhere(dice), deed: { do: 'cut', how: dice.of('reset', 'end') } }),
  'stream lost for long': (dice) => {
    const at = anywhere(dice);
    return {
      chains: [
        [{ ...at, deed: { do: 'refuse', ms: dice.of(500, 3000, 12_000) } }],
        [{ ...at, deed: { do: 'cut', how: dice.of('reset', 'end') } }],
      ],
    };
  },
  'stream lost, then dead': (dice) =>
    chain(
      { ...anywhere(dice), deed: { do: 'cut', how: dice.of('reset', 'end') } },
      { ...anywhere(dice), deed: KILL },
    ),
  'stream deaf': (dice) => chain({ ...anywhere(dice), deed: { do: 'cut', how: 'deaf' } }),
  'stream deaf, then dead': (dice) =>
    chain(
      { ...anywhere(dice), deed: { do: 'cut', how: 'deaf' } },
      { at: dice.of('call', 'delta', 'tool:done', 'step'), nth: dice.between(1, 4), deed: KILL },
    ),
  'events told again': (dice) => ({
    ...chain(
      { ...anywhere(dice), deed: { do: 'cut', how: 'reset' } },
      { ...anywhere(dice), deed: { do: 'cut', how: 'end' } },
    ),
    tellsAgain: true,
  }),
  'events late': (dice) => ({
    chains: [
      [{ at: 'prompt', nth: 1, deed: { do: 'lag', ms: dice.of(100, 400, 1500) } }],
      [{ ...anywhere(dice), deed: dice.of<Deed>(KILL, { do: 'cut', how: 'reset' }, { do: 'stop' }) }],
    ],
  }),
  'answers late': (dice) => ({
    chains: [
      [{ at: 'prompt:stored', nth: 1, deed: { do: 'slow', ms: dice.of(100, 400, 1500) } }],
      [
        { ...anywhere(dice), deed: { do: 'cut', how: 'reset' } },
        { ...anywhere(dice), deed: dice.of<Deed>(KILL, { do: 'cut', how: 'reset' }) },
      ],
    ],
  }),
  'replies lost': (dice) => ({
    chains: [
      [
        {
          at: 'ready-line',
          nth: 1,
          deed: { do: 'lose', what: dice.of('prompt_async', 'POST /session', '/reply') },
        },
      ],
      [
        { ...anywhere(dice), deed: KILL },
        {
          at: 'stream',
          nth: 1,
          deed: { do: 'lose', what: dice.of('PATCH', 'prompt_async', 'GET /session', 'DELETE') },
        },
      ],
    ].slice(0, dice.between(1, 2)) as Strike[][],
  }),
  // 0.8
  'event loop blocked': (dice) =>
    chain(
      { ...anywhere(dice), deed: { do: 'freeze', ms: dice.between(2000, 5500) } },
      { ...anywhere(dice), deed: { do: 'freeze', ms: dice.between(2000, 5500) } },
    ),
  // 7: what was sent meanwhile is carried out afterwards.
  frozen: (dice) =>
    chain({ ...anywhere(dice), deed: { do: 'freeze', ms: dice.of(8000, 25_000, 70_000, 170_000, 400_000) } }),
  'frozen, then dead': (dice) =>
    chain(
      { ...anywhere(dice), deed: { do: 'freeze', ms: dice.of(8000, 30_000) } },
      { ...anywhere(dice), deed: KILL },
    ),
  // 9
  'model retried': (dice) => ({
    chains: dice.chance(0.3) ? [[{ at: 'retry', nth: 1, deed: dice.of<Deed>(KILL, { do: 'stop' }) }]] : [],
    calls: [
      ...(dice.chance(0.5) ? [undefined] : []),
      { type: 'retry', times: dice.between(1, 3), midText: dice.chance(0.7) },
    ],
  }),
  'model given up': (dice) => ({
    chains: [],
    calls: [...(dice.chance(0.5) ? [undefined] : []), { type: 'retry', times: 6, midText: dice.chance(0.7) }],
  }),
  'model refused': (dice) => ({
    chains: dice.chance(0.3) ? [[killAt('error:idle')]] : [],
    calls: [
      ...(dice.chance(0.5) ? [undefined] : []),
      dice.of<CallFault>({ type: 'refused', status: dice.of(400, 401, 404) }, { type: 'malformed' }),
    ],
  }),
  'model cut off': (dice) => ({
    chains: [],
    calls: [undefined, undefined, undefined, dice.of<CallFault>({ type: 'length' }, { type: 'empty' })],
  }),
  // 0.7
  'model without a reason': (dice) => ({
    chains: [],
    calls: [
      ...(dice.chance(0.5) ? [undefined] : []),
      ...Array.from({ length: dice.of(1, 40) }, (): CallFault => ({ type: 'unknown' })),
    ],
  }),
  'model hangs': (dice) => ({
    chains: dice.chance(0.3) ? [[killAt(dice.of('abort', 'abort:idle', 'abort:closed'))]] : [],
    calls: [...(dice.chance(0.5) ? [undefined] : []), { type: 'hang', midText: dice.chance(0.5) }],
    isDeafToAborts: dice.chance(0.3),
  }),
  'command hangs': (dice) => ({
    chains: dice.chance(0.3) ? [[killAt(dice.of('abort', 'abort:idle', 'abort:closed'))]] : [],
    commandMs: dice.of(1_000_000, 4_000_000),
  }),
  'prompt refused': () => ({ chains: [], isRefused: true }),
  'stopped by the user': (dice) => chain({ ...anywhere(dice), deed: { do: 'stop' } }),
  'stopped by the user, then dead': (dice) =>
    chain(
      { ...anywhere(dice), deed: { do: 'stop' } },
      killAt(dice.of('abort', 'abort:idle', 'abort:closed')),
    ),
  'stopped in a recovery': (dice) =>
    chain(
      { ...anywhere(dice), deed: KILL },
      {
        at: dice.of('spawn', 'ready-line', 'stream', 'read:messages', 'patch', 'prompt'),
        nth: 1,
        deed: { do: 'stop' },
      },
    ),
  'restarted by the user': (dice) => chain({ ...anywhere(dice), deed: { do: 'restart' } }),
  'window gone': (dice) =>
    chain({
      ...anywhere(dice),
      deed: { do: 'window', how: dice.of('leave', 'crash'), kills: false, afterMs: dice.between(10, 20_000) },
    }),
  'window and server gone': (dice) =>
    chain({
      ...anywhere(dice),
      deed: { do: 'window', how: dice.of('leave', 'crash'), kills: true, afterMs: dice.between(10, 20_000) },
    }),
  'window gone in a recovery': (dice) =>
    chain(
      { ...anywhere(dice), deed: KILL },
      {
        at: dice.of('spawn', 'ready-line', 'stream', 'read:messages', 'patch', 'prompt', 'call'),
        nth: 1,
        deed: {
          do: 'window',
          how: dice.of('leave', 'crash'),
          kills: dice.chance(0.3),
          afterMs: dice.between(10, 20_000),
        },
      },
    ),
  'closed on purpose': (dice) =>
    chain({
      ...anywhere(dice),
      deed: { do: 'window', how: 'close', kills: false, afterMs: dice.between(10, 20_000) },
    }),
};
