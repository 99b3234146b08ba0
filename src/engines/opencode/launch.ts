import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import type { LaunchOptions, LaunchSpec } from '../../core/engine.ts';

/** `opencode server listening on http://127.0.0.1:4096`, a line of its own on stdout (1.18.33). */
const READY_LINE = /^opencode server listening on (http:\/\/\S+)$/m;

/**
 * Variables that the editor sets for its own processes. In the agent's shell they would turn `code` and every
 * Electron program into something else.
 */
const EDITOR_VARIABLES = /^(?:ELECTRON_|VSCODE_)/;

/** The user name that goes with our password. */
const USER = 'opencode';

/**
 * How to start `opencode serve` for us alone.
 *
 * Port 0 lets the engine choose, which cannot race with anybody for a port; it tries 4096 first. That a port
 * may come again does not matter, as every start has its own password.
 */
export function launchSpec(options: LaunchOptions): LaunchSpec {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.baseEnv)) {
    if (value !== undefined && !EDITOR_VARIABLES.test(name)) env[name] = value;
  }
  const path = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  // At the end: whatever the user has comes first.
  env[path] = [env[path], ...options.extraPath]
    .filter((folder) => folder !== undefined && folder !== '')
    .join(delimiter);
  env['OPENCODE_SERVER_PASSWORD'] = options.password;
  env['OPENCODE_SERVER_USERNAME'] = USER;
  // The engine's runtime (Bun 1.3 in 1.18.33) loads this file before the engine. It keeps the password from tools.
  env['BUN_INSPECT_PRELOAD'] = join(options.programs, 'opencode-companion.mjs');
  // A server that replaces its own binary while it works is no server to build on; the user's terminal still updates.
  env['OPENCODE_DISABLE_AUTOUPDATE'] = '1';
  // The native file finder leaves 5.6 MB in the temporary folder per start (1.18.33); search works without it.
  env['OPENCODE_DISABLE_FFF'] ??= '1';
  if (options.config !== undefined) {
    env['OPENCODE_CONFIG_CONTENT'] = JSON.stringify(
      merge(parsed(env['OPENCODE_CONFIG_CONTENT']), options.config),
    );
  }
  return {
    command: options.binary.path,
    args: ['serve', '--hostname', '127.0.0.1', '--port', '0'],
    env,
    readyLine: READY_LINE,
    dispose: {
      path: '/global/dispose',
      headers: {
        authorization: `Basic ${Buffer.from(`${USER}:${options.password}`).toString('base64')}`,
      },
    },
  };
}

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The folder of everything that a server with this environment keeps. The engine goes by the XDG variables on every
 * system, Windows and macOS included (1.18.33).
 */
export function dataFolder(env: Env): string {
  const home = env[process.platform === 'win32' ? 'USERPROFILE' : 'HOME'] || homedir();
  return join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'opencode');
}

/** Where it keeps its sessions: that folder, or the database that `OPENCODE_DB` names. */
export function dataPath(env: Env): string {
  const folder = dataFolder(env);
  const database = env['OPENCODE_DB'];
  if (database === undefined || database === '' || database === ':memory:') return folder;
  return isAbsolute(database) ? database : join(folder, database);
}

type Json = Readonly<Record<string, unknown>>;

/** What the user's environment configures already, where it can be read. */
function parsed(content: string | undefined): Json {
  try {
    const value: unknown = JSON.parse(content ?? '{}');
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** `over` wins; objects are merged, everything else is replaced. */
function merge(base: Json, over: Json): Json {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const under = merged[key];
    merged[key] = isObject(under) && isObject(value) ? merge(under, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
