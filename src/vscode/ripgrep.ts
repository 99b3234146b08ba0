import * as fs from 'node:fs';
import * as path from 'node:path';

/** Where editors keep their `rg`, below the folder of the application; `bin` may have a folder per platform. */
const PLACES = [
  'node_modules/@vscode/ripgrep/bin',
  'node_modules.asar.unpacked/@vscode/ripgrep/bin',
  'node_modules/@vscode/ripgrep-universal/bin',
  'node_modules.asar.unpacked/@vscode/ripgrep-universal/bin',
];

/**
 * Folders that hold the editor's ripgrep. The engine's search tools need one on PATH; without it opencode 1.18.33
 * downloads its own.
 * @param appRoot absolute path of the application's folder.
 */
export function ripgrepFolders(appRoot: string, platform = process.platform, arch = process.arch): string[] {
  const binary = platform === 'win32' ? 'rg.exe' : 'rg';
  return PLACES.flatMap((place) => [
    path.join(appRoot, place),
    path.join(appRoot, place, `${platform}-${arch}`),
  ]).filter((folder) => fs.existsSync(path.join(folder, binary)));
}
