/**
 * Copies of files that belong to somebody else, taken while nobody writes them. Nothing is ever moved or changed where it
 * is, and a copy is there whole or not at all.
 *
 *     20261121-104500-123           kept now and then: the two newest
 *     20261121-104500-123-damaged   put aside before somebody changes what is damaged: never removed by us
 *     .partial-<random>             being made, or left by a process that died over it
 */
import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { diskProblem } from './disk-problem.ts';

/** Copies kept of what is whole: the last one, and the one before in case that has something wrong already. */
export const MAX_KEPT = 2;
/** Copies of what is damaged. There are more only where it is damaged anew each time. */
export const MAX_ASIDE = 3;
/** At most one a day, ms. */
const KEEP_EVERY_MS = 24 * 3_600_000;
/** Larger files are not copied unasked, bytes: it would take seconds, and twice that of the disk. */
const MAX_KEPT_BYTES = 512 * 1024 * 1024;
/** What has to stay free on the disk, bytes: room for a copy is not to be taken from the work itself. */
const SPARE_BYTES = 256 * 1024 * 1024;
/** A time that was set is kept no finer than this by every file system, ms. */
const TIME_SLACK_MS = 2;
const STAMP = /^\d{8}-\d{6}-\d{3}/;
const DAMAGED = '-damaged';
const PARTIAL = '.partial-';

/** A copy made, or found to be there already; or why there is none, a clause for people. */
export type Aside = { folder: string } | { problem: string };

export class Copies {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #freeBytes: (folder: string) => Promise<number>;

  /**
   * @param folder of these files' copies alone; absolute.
   * @param now epoch ms
   * @param freeBytes what the disk of a folder has left for us
   */
  constructor(folder: string, now: () => number, freeBytes = freeBytesAt) {
    this.#folder = folder;
    this.#now = now;
    this.#freeBytes = freeBytes;
  }

  /** Keeps in mind that these files are about to be there. @returns whether they have been before. Never rejects. */
  async begin(): Promise<boolean> {
    try {
      return (await mkdir(this.#folder, { recursive: true, mode: 0o700 })) === undefined;
    } catch {
      // Storage that cannot be written remembers nothing, which is said where it matters more.
      return false;
    }
  }

  /**
   * Keeps a copy of files that are whole, unless there is a recent one, or too little room. Only where they all stayed
   * the same from beginning to end: somebody else may write them after all. Never rejects.
   */
  async keep(files: readonly string[]): Promise<void> {
    try {
      const kept = await this.#kept();
      const newest = kept[0];
      if (newest !== undefined && this.#now() - (await stat(newest)).mtimeMs < KEEP_EVERY_MS) return;
      const { present, bytes } = await look(files);
      if (bytes > MAX_KEPT_BYTES || !(await this.#hasRoom(bytes))) return;
      if (newest !== undefined && (await isCopy(newest, present))) return;
      if ((await this.#copy(present, '')) === undefined) return;
      for (const folder of (await this.#kept()).slice(MAX_KEPT)) await rm(folder, { recursive: true });
    } catch {
      // A copy is a kindness: nothing that somebody wants to do waits or fails for want of one.
    }
  }

  /** Copies damaged files aside, once. Never rejects. */
  async putAside(files: readonly string[]): Promise<Aside> {
    try {
      const { present, bytes } = await look(files);
      const aside = await this.#list(DAMAGED);
      for (const folder of aside) if (await isCopy(folder, present)) return { folder };
      if (aside.length >= MAX_ASIDE) return { problem: `${MAX_ASIDE} are kept in ${this.#folder} already` };
      if (!(await this.#hasRoom(bytes))) return { problem: 'there is too little room on the disk' };
      const folder = await this.#copy(present, DAMAGED);
      return folder === undefined ? { problem: 'somebody writes to it' } : { folder };
    } catch (error) {
      return { problem: diskProblem(error) };
    }
  }

  /** The folder of the newest copy of what was whole. Never rejects. */
  async newest(): Promise<string | undefined> {
    return (await this.#kept().catch(() => []))[0];
  }

  #kept(): Promise<string[]> {
    return this.#list('');
  }

  /** Absolute paths, newest first. */
  async #list(suffix: '' | typeof DAMAGED): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names
      .filter((name) => STAMP.test(name) && name.replace(STAMP, '') === suffix)
      .toSorted()
      .toReversed()
      .map((name) => join(this.#folder, name));
  }

  async #hasRoom(bytes: number): Promise<boolean> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return (await this.#freeBytes(this.#folder)) >= bytes + SPARE_BYTES;
  }

  /** @returns undefined when a file changed while it was copied. */
  async #copy(present: readonly Present[], suffix: '' | typeof DAMAGED): Promise<string | undefined> {
    for (const name of await readdir(this.#folder)) {
      if (name.startsWith(PARTIAL)) await rm(join(this.#folder, name), { recursive: true });
    }
    const partial = join(this.#folder, `${PARTIAL}${randomBytes(4).toString('hex')}`);
    try {
      await mkdir(partial, { mode: 0o700 });
      for (const { file, stats } of present) {
        const copy = join(partial, basename(file));
        // Where the file system shares blocks, this takes no time and no room.
        await copyFile(file, copy, constants.COPYFILE_FICLONE);
        await utimes(copy, stats.atime, stats.mtime);
      }
      for (const { file, stats } of present) {
        const { size, mtimeMs } = await stat(file);
        if (size !== stats.size || mtimeMs !== stats.mtimeMs) return undefined;
      }
      const folder = join(this.#folder, `${stamp(this.#now())}${suffix}`);
      await rename(partial, folder);
      return folder;
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
}

/** What the disk of a folder has left for us, bytes. @throws the error of the system. */
export async function freeBytesAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

interface Present {
  file: string;
  stats: Stats;
}

/** Those of the files that are there. */
async function look(files: readonly string[]): Promise<{ present: Present[]; bytes: number }> {
  const present: Present[] = [];
  for (const file of files) {
    const stats = await stat(file).catch(() => undefined);
    if (stats?.isFile() === true) present.push({ file, stats });
  }
  return { present, bytes: present.reduce((sum, { stats }) => sum + stats.size, 0) };
}

/** Copies have the times of what they were made of. */
async function isCopy(folder: string, present: readonly Present[]): Promise<boolean> {
  for (const { file, stats } of present) {
    const copy = await stat(join(folder, basename(file))).catch(() => undefined);
    const isSame = copy?.size === stats.size && Math.abs(copy.mtimeMs - stats.mtimeMs) < TIME_SLACK_MS;
    if (!isSame) return false;
  }
  return true;
}

/** `20261121-104500-123`, UTC. */
function stamp(now: number): string {
  return new Date(now).toISOString().replaceAll(/[-:Z]/g, '').replaceAll(/[T.]/g, '-');
}
