/** Reading a file under review, as it is now. */
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';

/** Bytes. Above the limit for files under review, for one that grew while the review went on. */
const MAX_READ_BYTES = 1024 * 1024;

/**
 * The text of a file of the repository, or undefined when it is not there, no regular file, too large, or outside
 * of `root`, be it by its path or through a symbolic link. Bytes that are not UTF-8 read as U+FFFD.
 * @param file relative to `root`, forward slashes.
 */
export async function readReviewedFile(root: string, file: string): Promise<string | undefined> {
  const wanted = resolve(root, file);
  if (isAbsolute(file) || !isInside(resolve(root), wanted)) return undefined;
  try {
    const [realRoot, real] = await Promise.all([realpath(root), realpath(wanted)]);
    if (!isInside(realRoot, real)) return undefined;
    const handle = await open(real, 'r');
    try {
      const { size } = await handle.stat();
      if (size > MAX_READ_BYTES) return undefined;
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
