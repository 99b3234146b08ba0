import * as fs from 'node:fs';
import * as path from 'node:path';

/**
 * Why the disk did not take a file or a folder, and what to do about it: a clause for people that begins small and has
 * no final full stop. Anything that is no error of the disk is quoted.
 */
export function diskProblem(cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException | undefined)?.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full. Free some space and try again';
    case 'EROFS':
      return 'the storage is read-only. Make it writable and try again';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not write there. Change the permissions and try again';
    case 'ENOENT':
      return 'the folder is gone';
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return 'something else is in its place. Move that away and try again';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}

/**
 * Makes a folder and those above it, for its user alone.
 * @throws the error of the system that tells why: Node 20 says ENOENT of a read-only disk, as if something were gone.
 */
export function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    let missing = folder;
    while (!fs.existsSync(path.dirname(missing))) missing = path.dirname(missing);
    fs.mkdirSync(missing, { mode: 0o700 });
    throw error;
  }
}
