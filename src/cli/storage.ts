/** Where the command line keeps journals and logs. */
import * as path from 'node:path';

export interface StoragePlace {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  home: string;
  /** What a relative `--journal` is relative to. */
  cwd: string;
}

/** @param journal the folder that the user named, if any. */
export function storageFolder(
  journal: string | undefined,
  { platform, env, home, cwd }: StoragePlace,
): string {
  const { join, resolve, isAbsolute } = platform === 'win32' ? path.win32 : path.posix;
  if (journal !== undefined) return resolve(cwd, journal);
  switch (platform) {
    case 'win32':
      return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'Holdfast');
    case 'darwin':
      return join(home, 'Library', 'Application Support', 'Holdfast');
    default: {
      // The XDG base directory specification tells to ignore a path that is not absolute.
      const state = env['XDG_STATE_HOME'] ?? '';
      return join(isAbsolute(state) ? state : join(home, '.local', 'state'), 'holdfast');
    }
  }
}
