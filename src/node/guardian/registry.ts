/**
 * The files by which guardians are found: `<storage>/registry/<id>.json`, one for each, written by the guardian alone
 * and removed by it at its end, or by whoever finds it dead. They hold what it takes to connect, and what it takes
 * to end the server of a dead guardian without ending a stranger; nothing that opens the server itself.
 */
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { explain, StartError } from '../../core/errors.ts';
import { diskProblem } from '../disk-problem.ts';
import { hasEnded, type Identified, isSameProcess } from '../process/identity.ts';
import { judgeSpace, type MachineSpace } from '../process/machine-space.ts';

const IdentitySchema = v.object({ pid: v.number(), startedAt: v.string(), commandLine: v.string() });

const EntrySchema = v.object({
  version: v.literal(1),
  /** `PROTOCOL` of the guardian. */
  protocol: v.number(),
  /** Also the value of the mark in the environment of its server. */
  id: v.pipe(v.string(), v.regex(/^[\w-]+$/)),
  key: v.object({ name: v.string(), flavour: v.string() }),
  /** `over`: its server has ended, and it stays for what that left behind. */
  state: v.picklist(['starting', 'running', 'over']),
  guardian: IdentitySchema,
  /** Absent until it has been spawned. */
  server: v.optional(IdentitySchema),
  machine: v.string(),
  pidSpace: v.string(),
  /** Path of the socket, in a folder of its own; or name of the pipe. */
  socket: v.string(),
  token: v.string(),
  /** Of the ready server. */
  url: v.optional(v.string()),
  /** Of whoever ordered it; others may use it by now. */
  workspace: v.string(),
  owner: v.string(),
  /** What it holds, e.g. `opencode server 3`. */
  label: v.string(),
  /** Epoch ms. */
  startedAt: v.number(),
});
export type Entry = v.InferOutput<typeof EntrySchema>;

/**
 * What an entry stands for.
 * - `alive`: its guardian holds its server.
 * - `abandoned`: its guardian is dead. `endServer`: the server is still there, and is beyond doubt the one.
 * - `stale`: everything of it is dead.
 * - `untouchable`: nobody can tell from here. It is left alone.
 */
export type Verdict =
  { type: 'alive' } | { type: 'abandoned'; endServer: boolean } | { type: 'stale' } | { type: 'untouchable' };

/** Judges an entry by who has the pids of its guardian and its server now. */
export function verdict(
  entry: Pick<Entry, 'guardian' | 'server' | 'machine' | 'pidSpace'>,
  here: MachineSpace,
  guardianNow: Identified,
  serverNow: Identified,
): Verdict {
  const place = judgeSpace(entry, here);
  if (place === 'elsewhere') return { type: 'untouchable' };
  if (place === 'rebooted') return { type: 'stale' };
  if (!hasEnded(entry.guardian, guardianNow)) return { type: 'alive' };
  if (entry.server === undefined) return { type: 'abandoned', endServer: false };
  // Alive, and not to be told from a stranger.
  if (serverNow === 'unknown') return { type: 'untouchable' };
  return { type: 'abandoned', endServer: isSameProcess(entry.server, serverNow) };
}

export class Registry {
  readonly #folder: string;

  /** @param storage absolute */
  constructor(storage: string) {
    this.#folder = join(storage, 'registry');
  }

  /** @throws StartError when there is no folder that is ours alone. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await assertOurs(this.#folder);
      await chmod(this.#folder, 0o700);
    } catch (error) {
      if (error instanceof StartError) throw error;
      const message = `The server could not be started: its storage ${this.#folder} cannot be used: ${diskProblem(error)}.`;
      throw new StartError(message, '', { cause: error });
    }
  }

  /** @throws the error of the system. */
  async write(entry: Entry): Promise<void> {
    const temporary = join(this.#folder, `.${entry.id}.tmp`);
    await writeFile(temporary, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    await rename(temporary, this.#file(entry.id));
  }

  async remove(id: string): Promise<void> {
    for (const file of [this.#file(id), join(this.#folder, `.${id}.tmp`)]) await rm(file, { force: true });
  }

  /** @returns undefined when there is none of this id, or none that can be read. */
  async read(id: string): Promise<Entry | undefined> {
    return parse(await readFile(this.#file(id), 'utf8').catch(() => ''));
  }

  /** Nothing of a folder that is not ours alone is believed. @param warn gets a sentence for each broken file. */
  async list(warn: (text: string) => void): Promise<Entry[]> {
    const names = await readdir(this.#folder).catch(() => []);
    if (names.length === 0) return [];
    try {
      await assertOurs(this.#folder);
    } catch (error) {
      warn(explain(error));
      return [];
    }
    const entries: Entry[] = [];
    for (const name of names.filter((one) => /^[^.].*\.json$/.test(one)).sort()) {
      const file = join(this.#folder, name);
      const text = await readFile(file, 'utf8').catch(() => undefined);
      // Gone since: its guardian has ended.
      if (text === undefined) continue;
      const entry = parse(text);
      if (entry === undefined || name !== `${entry.id}.json`)
        warn(`${file} is not the file of a server and was left alone.`);
      else entries.push(entry);
    }
    return entries;
  }

  #file(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

function parse(text: string): Entry | undefined {
  try {
    return v.parse(EntrySchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** On Windows the user's folders are the user's own; there is no owner to look at. */
async function assertOurs(folder: string): Promise<void> {
  const found = await lstat(folder);
  const us = process.getuid?.();
  if (found.isDirectory() && (us === undefined || found.uid === us)) return;
  throw new StartError(`The folder ${folder} belongs to somebody else and was refused.`, '');
}
