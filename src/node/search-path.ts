import { delimiter, isAbsolute } from 'node:path';

/**
 * The folders of `PATH`, in order. Relative ones are left out: what they mean depends on the folder that is open,
 * and no repository chooses what is executed. Windows writes the name in any case.
 */
export function searchPath(env: Readonly<Record<string, string | undefined>>): string[] {
  const path = Object.entries(env).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
  return path.split(delimiter).filter((folder) => isAbsolute(folder));
}
