import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/**
 * The file that a relative path of the model or the panel means, if it is inside one of the roots: also not by
 * `..`, an absolute path or a symbolic link.
 * @param roots absolute folders, tried in order.
 * @returns its real absolute path; undefined when it is outside of all, or is no file.
 */
export async function fileInside(roots: readonly string[], file: string): Promise<string | undefined> {
  if (file === '' || path.isAbsolute(file)) return undefined;
  for (const root of roots) {
    try {
      const [realRoot, realFile] = await Promise.all([
        fs.realpath(root),
        fs.realpath(path.resolve(root, file)),
      ]);
      if (isBelow(realRoot, realFile) && (await fs.stat(realFile)).isFile()) return realFile;
    } catch {
      // Not there: perhaps in the next root.
    }
  }
  return undefined;
}

function isBelow(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return (
    relative !== '' &&
    relative !== '..' &&
    !relative.startsWith(`..${path.sep}`) &&
    !path.isAbsolute(relative)
  );
}
