/** The faults that a drill injects, in the order in which it does. */

export const FAULT_NAMES = [
  'crash',
  'crash-in-tool',
  'freeze',
  'stream-cut',
  'deaf-stream',
  'lost-reply',
  'slow-model',
  'silent-model',
  'budget',
] as const;
export type FaultName = (typeof FAULT_NAMES)[number];

/**
 * What has to become of a turn that is struck:
 * - `unnoticed`: it ends ok, as if nothing had happened: one attempt, no restart, no card
 * - `healed`: it ends ok after a recovery that asks nobody
 * - `asked`: the user is asked before it goes on; it ends ok
 * - `given-up`: it ends as a failure that is told once
 */
export type Due = 'unnoticed' | 'healed' | 'asked' | 'given-up';

export interface Fault {
  name: FaultName;
  title: string;
  /** What is done, one sentence. */
  does: string;
  /** What is to come of it, one sentence. */
  expects: string;
  due: Due;
}

const FAULTS: Readonly<Record<FaultName, Omit<Fault, 'name'>>> = {
  crash: {
    title: 'Crash in an answer',
    does: 'The server is killed in the middle of an answer.',
    expects: 'It is started again, and the answer goes on where it ended.',
    due: 'healed',
  },
  'crash-in-tool': {
    title: 'Crash in a command',
    does: 'The server is killed while a command of the agent runs that has written to a file already.',
    expects: 'You are asked before anything goes on, and the command is not run again.',
    due: 'asked',
  },
  freeze: {
    title: 'Freeze',
    does: 'The server is stopped for longer than it takes until Holdfast looks after it, and let go on.',
    expects: 'It is not restarted, and the answer goes on.',
    due: 'unnoticed',
  },
  'stream-cut': {
    title: 'Connection cut',
    does: 'All connections to the server are cut while it goes on with its answer.',
    expects: 'They are made anew, and what was missed is read back.',
    due: 'unnoticed',
  },
  'deaf-stream': {
    title: 'Deaf connection',
    does: 'The event stream stays open and brings nothing more, while the server ends its answer.',
    expects: 'The server is asked, and what was missed is read back.',
    due: 'unnoticed',
  },
  'lost-reply': {
    title: 'Lost reply',
    does: 'The server takes the prompt, and its reply is lost.',
    expects: 'The prompt is looked up, and not sent twice.',
    due: 'unnoticed',
  },
  'slow-model': {
    title: 'Slow model',
    does: 'The model is silent in the middle of its answer, for less than the limit.',
    expects: 'It is waited for.',
    due: 'unnoticed',
  },
  'silent-model': {
    title: 'Silent model',
    does: 'The model is silent in the middle of its answer, for longer than the limit.',
    expects: 'The model is asked again, and the server is left alone.',
    due: 'healed',
  },
  budget: {
    title: 'Spent budget',
    does: 'The server is killed again each time that it has been restarted.',
    expects: 'The turn ends as a failure that says why, once.',
    due: 'given-up',
  },
};

export function faultOf(name: FaultName): Fault {
  return { name, ...FAULTS[name] };
}

/** Windows has no way to stop a process and let it go on. */
export function faultsFor(platform: string): Fault[] {
  return FAULT_NAMES.filter((name) => platform !== 'win32' || name !== 'freeze').map(faultOf);
}

/**
 * Reads a list as `crash,freeze`.
 * @returns the faults in the order of a drill, or what is wrong with the list, without a full stop.
 */
export function parseFaults(list: string): FaultName[] | { problem: string } {
  const words = list.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !FAULT_NAMES.some((name) => name === word));
  if (unknown !== undefined)
    return { problem: `has no fault ${JSON.stringify(unknown)}; there are ${FAULT_NAMES.join(', ')}` };
  return FAULT_NAMES.filter((name) => words.includes(name));
}
