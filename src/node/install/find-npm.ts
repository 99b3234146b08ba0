import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { searchPath } from '../search-path.ts';

/** @returns absolute path of the npm that the user's own terminal would run; undefined when there is none on PATH. */
export async function findNpm(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  const name = platform === 'win32' ? 'npm.cmd' : 'npm';
  for (const folder of searchPath(env)) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here: perhaps in the next folder.
    }
  }
  return undefined;
}
