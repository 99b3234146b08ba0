/** Where opencode lies that Holdfast has installed for itself: `<storage>/engines/opencode-<version>/bin/`. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOlder } from './versions.ts';

/** The version that is installed, which is the one that everything here is tested with. */
export const OPENCODE_VERSION = '1.18.33';

/** What npm downloads of it, MB: seen for Linux on x64; other builds are of about that size. */
export const OPENCODE_DOWNLOAD_MB = 60;

/** Absolute path of the folder that all installed versions are in. @param storage Holdfast's own storage */
export function enginesFolder(storage: string): string {
  return join(storage, 'engines');
}

/** Absolute path of the installed package: it is there whole or not at all. */
export function installedFolder(storage: string): string {
  return join(enginesFolder(storage), `opencode-${OPENCODE_VERSION}`);
}

/**
 * Folders with installed binaries, newest first: one that an earlier Holdfast has installed is still an engine.
 * Empty when nothing was ever installed.
 */
export async function installedBinFolders(storage: string): Promise<string[]> {
  const entries = await readdir(enginesFolder(storage)).catch(() => []);
  return entries
    .flatMap((entry) => /^opencode-(\d+\.\d+\.\d+)$/.exec(entry)?.[1] ?? [])
    .toSorted((a, b) => (isOlder(a, b) ? 1 : -1))
    .map((version) => join(enginesFolder(storage), `opencode-${version}`, 'bin'));
}
