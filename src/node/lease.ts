/**
 * One writer for a folder that several processes see: a run's journal, or a lock. Taking over has no race, because
 * a generation (`lease-files.ts`) can be created only once.
 *
 * Whether an owner is dead is decided where its pid means something, and nowhere else:
 *
 * | owner's place                             | its process                             | it is |
 * | ----------------------------------------- | --------------------------------------- | ----- |
 * | this pid space                            | none, or another start time             | dead  |
 * | this pid space                            | the same start time, or not to be asked | alive |
 * | this machine before its last boot (Linux) | any                                     | dead  |
 * | another machine or container              | any                                     | alive |
 *
 * An owner that counts as alive and is not can be overruled by a person: `force`.
 */
import * as fs from 'node:fs';
import * as v from 'valibot';
import { JournalError } from '../core/errors.ts';
import { diskProblem } from './disk-problem.ts';
import { claimGeneration, type Generation, generationFile, highestGeneration } from './lease-files.ts';
import { hasEnded, identify, machineSpace, ownIdentity, type ProcessIdentity } from './process/identity.ts';
import { judgeSpace } from './process/machine-space.ts';

/** Looks until a lease stands still under us; every one in vain is another process that has moved it on. */
const MAX_LOOKS = 100;

const OwnerSchema = v.object({
  process: v.object({ pid: v.number(), startedAt: v.string(), commandLine: v.string() }),
  machine: v.string(),
  pidSpace: v.string(),
  label: v.string(),
});

export interface LeaseOwner {
  process: ProcessIdentity;
  /** See `MachineSpace`. */
  machine: string;
  pidSpace: string;
  /** For people: `VS Code window`, `holdfast command`. */
  label: string;
}

export type LeaseState =
  /** Never taken, or done. */
  | { state: 'free' }
  /** Unfinished, and nobody does it: left on purpose, or its owner is dead. No owner: a full disk has eaten its name. */
  | { state: 'left'; owner: LeaseOwner | undefined }
  /** Its owner lives, or cannot be told to be dead. `own`: it is this process. */
  | { state: 'held'; owner: LeaseOwner; own: boolean };

/**
 * Who has the folder. A folder that is not there is free.
 * @throws JournalError when it cannot be read.
 */
export async function lookAtLease(folder: string): Promise<LeaseState> {
  return (await look(folder)).lease;
}

/** Whether the folder was taken and is not done, by names alone: one readdir, no process is looked at. */
export function isUnfinished(folder: string): boolean {
  const highest = guarded(folder, 'read', () => highestGeneration(folder));
  return highest !== undefined && highest.suffix !== 'done';
}

/** A folder held by this process, until it lets go or somebody takes it over. */
export class Lease {
  readonly #folder: string;
  readonly #number: number;
  #isOver = false;

  private constructor(folder: string, number: number) {
    this.#folder = folder;
    this.#number = number;
  }

  /**
   * Takes a folder that is free or left, and makes it when needed.
   * @param label says to people who holds it.
   * @param options `force` also takes it from the owner found at the first look, whoever that is.
   * @returns undefined when somebody else has it.
   * @throws JournalError when the folder cannot be read or written.
   */
  static async take(
    folder: string,
    label: string,
    { force = false }: { force?: boolean } = {},
  ): Promise<Lease | undefined> {
    const owner: LeaseOwner = { process: await ownIdentity(), ...(await machineSpace()), label };
    const content = `${JSON.stringify(owner)}\n`;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const { lease, number } = await look(folder);
      if (lease.state === 'held' && !(force && looks === 0)) return undefined;
      const isTaken = guarded(folder, 'written', () => {
        fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
        return claimGeneration(folder, number + 1, content);
      });
      if (isTaken) return new Lease(folder, number + 1);
    }
    return undefined;
  }

  /** Whether nobody has taken it since. Cheap: asked before every write. Once false, always false. */
  get isHeld(): boolean {
    // Its own file goes when the next holder has settled; the next one's is there from the very moment it was taken.
    this.#isOver ||=
      fs.existsSync(generationFile(this.#folder, this.#number + 1, 'json')) ||
      !fs.existsSync(generationFile(this.#folder, this.#number, 'json'));
    return !this.#isOver;
  }

  /** The work is finished. Nothing happens when somebody else has taken it. */
  done(): void {
    this.#letGo('done');
  }

  /** The work is not finished, and whoever comes next may go on with it at once. */
  leave(): void {
    this.#letGo('left');
  }

  #letGo(suffix: 'left' | 'done'): void {
    if (!this.isHeld) return;
    this.#isOver = true;
    try {
      fs.renameSync(
        generationFile(this.#folder, this.#number, 'json'),
        generationFile(this.#folder, this.#number, suffix),
      );
    } catch {
      // Overtaken just now, or the folder is gone or read-only: it counts as held until this process has ended.
    }
  }
}

/** The state of a lease and the generation it was read from, 0 for none. */
async function look(folder: string): Promise<{ lease: LeaseState; number: number }> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const highest = guarded(folder, 'read', () => highestGeneration(folder));
    if (highest === undefined) return { lease: { state: 'free' }, number: 0 };
    const { number, suffix } = highest;
    if (suffix === 'done') return { lease: { state: 'free' }, number };
    const text = guarded(folder, 'read', () => read(highest));
    if (text === undefined) continue;
    const owner = parse(text);
    if (suffix === 'left' || owner === undefined) return { lease: { state: 'left', owner }, number };
    return { lease: await judge(owner), number };
  }
  throw new JournalError(`The lease in ${folder} changes hands faster than it can be read.`);
}

/** Undefined when the file has been renamed or removed since its name was read. */
function read({ file }: Generation): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string): LeaseOwner | undefined {
  try {
    return v.parse(OwnerSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A lease that was not let go: see the table above. */
async function judge(owner: LeaseOwner): Promise<LeaseState> {
  const place = judgeSpace(owner, await machineSpace());
  if (place === 'elsewhere') return { state: 'held', owner, own: false };
  if (place === 'rebooted') return { state: 'left', owner };
  const isOwnPid = owner.process.pid === process.pid;
  // Ourselves we know already; asking the system who somebody is takes a process of its own outside Linux.
  const found = isOwnPid ? await ownIdentity() : await identify(owner.process.pid);
  return hasEnded(owner.process, found) ? { state: 'left', owner } : { state: 'held', owner, own: isOwnPid };
}

function guarded<T>(folder: string, deed: 'read' | 'written', work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new JournalError(`The lease in ${folder} cannot be ${deed}: ${diskProblem(cause)}.`, { cause });
  }
}
