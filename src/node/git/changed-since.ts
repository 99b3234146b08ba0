/** Which files of a workspace have changed since a moment: evidence for whoever has to decide about a cut turn. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { readStatus } from './changes.ts';
import { openRepository } from './repository.ts';

/** Most files whose time is looked at: the evidence has to be there when the question is asked. */
const MAX_LOOKED_AT = 2000;

/**
 * Changed and untracked files with a modification time of `since` or later, relative to the repository's root, the
 * latest first. Files that were deleted have no time and are not among them.
 *
 * @param since epoch ms
 * @returns undefined where that cannot be told: no repository, no git, too many changes.
 */
export async function changedSince(folder: string, since: number): Promise<string[] | undefined> {
  try {
    const { root } = await openRepository(folder);
    const changed = [...(await readStatus(root)).keys()];
    if (changed.length > MAX_LOOKED_AT) return undefined;
    const times = await Promise.all(
      changed.map(async (file) => ({ file, at: await modifiedAt(join(root, file)) })),
    );
    return times
      .filter(({ at }) => at >= since)
      .sort((a, b) => b.at - a.at)
      .map(({ file }) => file);
  } catch {
    return undefined;
  }
}

async function modifiedAt(path: string): Promise<number> {
  try {
    return (await lstat(path)).mtimeMs;
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}
