import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface EngineProcess {
  baseUrl: string;
  password: string;
  pid: number;
  /** A workspace of its own: an empty git-less folder. */
  directory: string;
  /** Everything it wrote to stderr so far. */
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Ends it, waits for its end, and removes its folders. */
  stop(): Promise<void>;
}

export interface EngineSetup {
  /** Engine configuration, e.g. `scriptedModelConfig(model.baseUrl)`. */
  config?: Readonly<Record<string, unknown>>;
  env?: Readonly<Record<string, string>>;
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`The engine tests need ${name}; start them with "npm test", which sets it.`);
  }
  return value;
}

/** The real engine's binary, as the test rig provides it. */
export const engineBinary = (): string => required('HOLDFAST_TEST_ENGINE');

/**
 * The environment that keeps an engine to itself: folders of its own under `root`, no network. The rest of our
 * environment travels along, so that what is left behind can be recognised.
 */
export async function isolatedEnv(root: string): Promise<Record<string, string>> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(
      ([key, value]) => value !== undefined && !/^(OPENCODE|XDG)_/.test(key),
    ),
  ) as Record<string, string>;
  const configHome = join(root, 'config');
  // With these two in place the engine does not run "npm install" for its plugin package (1.18.33).
  await mkdir(join(configHome, 'opencode', 'node_modules'), { recursive: true });
  await writeFile(
    join(configHome, 'opencode', 'package-lock.json'),
    JSON.stringify({
      lockfileVersion: 3,
      packages: { '': { dependencies: { '@opencode-ai/plugin': '1.18.33' } } },
    }),
  );
  await mkdir(join(root, 'tmp'), { recursive: true });
  return {
    ...inherited,
    HOME: join(root, 'home'),
    TMPDIR: join(root, 'tmp'),
    XDG_CONFIG_HOME: configHome,
    XDG_DATA_HOME: join(root, 'data'),
    XDG_STATE_HOME: join(root, 'state'),
    XDG_CACHE_HOME: join(root, 'cache'),
    PATH: `${process.env['PATH'] ?? ''}${delimiter}${required('HOLDFAST_TEST_RG_DIR')}`,
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_PROJECT_CONFIG: '1',
    OPENCODE_DISABLE_FFF: '1',
  };
}

/** Starts the real engine alone, without any of our server code, and resolves when it listens. */
export async function startEngine(setup: EngineSetup = {}): Promise<EngineProcess> {
  const binary = engineBinary();
  const root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-engine-')));
  const directory = join(root, 'workspace');
  await mkdir(directory);
  const password = randomBytes(16).toString('hex');
  const env = {
    ...(await isolatedEnv(root)),
    OPENCODE_SERVER_PASSWORD: password,
    ...(setup.config === undefined ? {} : { OPENCODE_CONFIG_CONTENT: JSON.stringify(setup.config) }),
    ...setup.env,
  };
  const child = spawn(binary, ['serve', '--hostname', '127.0.0.1', '--port', '0'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  try {
    const baseUrl = await readyUrl(child, READY_LINE, () => stderr);
    return {
      baseUrl,
      password,
      pid: child.pid!,
      directory,
      stderr: () => stderr,
      kill: (signal) => void child.kill(signal),
      async stop() {
        await end(child);
        await rm(root, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await end(child);
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

const READY_LINE = /^opencode server listening on (http:\/\/\S+)$/m;

/** The address that a starting server tells on its stdout, which stays open. */
export function readyUrl(
  child: ChildProcess,
  readyLine: RegExp,
  stderr: () => string = () => '',
): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      const url = readyLine.exec(out)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`The engine ended before it was ready (${signal ?? code}): ${stderr()}`));
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
