import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { EngineBinary } from '../../core/engine.ts';
import { EngineMissingError } from '../../core/errors.ts';
import { searchPath } from '../../node/search-path.ts';
import { probe, type Env } from './binary.ts';
import { installedBinFolders } from './installed.ts';
import { isOlder } from './versions.ts';

/** The oldest version whose protocol this client speaks. */
const MINIMUM_VERSION = '1.18.0';

const INSTALL = 'Install it (https://opencode.ai), or set "holdfast.engine.path" to its binary.';

/**
 * Finds the opencode binary: the path given (and then no other), else the first good one on PATH or in the
 * places where its installers and package managers put it, which a desktop session's PATH often lacks; the one
 * that Holdfast has installed into its own storage comes last, as a user's own is what they meant.
 *
 * @throws EngineMissingError with one sentence on what was tried and what to do
 */
export async function locateOpencode(options: {
  path?: string;
  storage?: string;
  env: Env;
}): Promise<EngineBinary> {
  const { env, storage } = options;
  const wanted = options.path?.trim() ?? '';
  if (wanted !== '') return fromSetting(wanted, env);

  const problems: string[] = [];
  const seen = new Set<string>();
  const places = [
    ...searchPath(env).map((folder) => ({ folder, source: 'PATH' })),
    ...knownFolders(env).map((folder) => ({ folder, source: folder })),
    ...(storage === undefined ? [] : await installedBinFolders(storage)).map((folder) => ({
      folder,
      source: 'Holdfast',
    })),
  ];
  for (const { folder, source } of places) {
    for (const name of executableNames()) {
      const path = join(folder, name);
      if (seen.has(path) || !(await exists(path))) continue;
      seen.add(path);
      const found = await check(path, env);
      if (typeof found === 'string') problems.push(found);
      else return { ...found, source };
    }
  }
  const first = problems[0];
  if (first !== undefined) throw new EngineMissingError(`No usable opencode was found: ${first}. ${INSTALL}`);
  throw new EngineMissingError(`opencode was not found on PATH or where it is usually installed. ${INSTALL}`);
}

async function fromSetting(wanted: string, env: Env): Promise<EngineBinary> {
  const path = wanted.replace(/^~(?=[/\\])/, home(env));
  if (!isAbsolute(path)) {
    throw new EngineMissingError(
      `The setting "holdfast.engine.path" is "${wanted}", which is not an absolute path. ${INSTALL}`,
    );
  }
  const found = await check(path, env);
  if (typeof found !== 'string') return { ...found, source: 'setting' };
  throw new EngineMissingError(`The setting "holdfast.engine.path" cannot be used: ${found}. ${INSTALL}`);
}

/** The binary, or why it cannot be used. */
async function check(path: string, env: Env): Promise<{ path: string; version: string } | string> {
  const probed = await probe(path, env);
  if (!probed.ok) return `${path} ${probed.problem}`;
  if (isOlder(probed.version, MINIMUM_VERSION)) {
    return `${path} is version ${probed.version}, older than ${MINIMUM_VERSION} ("opencode upgrade" renews it)`;
  }
  return { path: probed.path, version: probed.version };
}

function knownFolders(env: Env): string[] {
  const user = home(env);
  const folders =
    process.platform === 'win32'
      ? [
          join(user, '.opencode', 'bin'),
          join(env['APPDATA'] ?? join(user, 'AppData', 'Roaming'), 'npm'),
          join(env['LOCALAPPDATA'] ?? join(user, 'AppData', 'Local'), 'pnpm'),
          join(user, '.bun', 'bin'),
          join(user, 'scoop', 'shims'),
        ]
      : [
          join(user, '.opencode', 'bin'),
          join(user, '.local', 'bin'),
          join(user, 'bin'),
          join(user, '.npm-global', 'bin'),
          join(user, '.bun', 'bin'),
          join(user, '.local', 'share', 'pnpm'),
          join(user, 'Library', 'pnpm'),
          '/opt/homebrew/bin',
          '/home/linuxbrew/.linuxbrew/bin',
          '/usr/local/bin',
          '/usr/bin',
        ];
  const pnpm = env['PNPM_HOME'];
  return [...(pnpm === undefined || pnpm === '' ? [] : [pnpm]), ...folders];
}

function executableNames(): readonly string[] {
  return process.platform === 'win32' ? ['opencode.exe', 'opencode.cmd'] : ['opencode'];
}

function home(env: Env): string {
  return env['HOME'] ?? env['USERPROFILE'] ?? homedir();
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
