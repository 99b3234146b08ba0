/** One package from the registry that the user's npm is configured for, into a folder of our own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledError, explain, InstallError } from '../../core/errors.ts';
import { systemClock } from '../clock.ts';
import { LineSplitter, redact, Tail } from '../process/output.ts';
import { spawnPlan } from '../process/spawn-plan.ts';
import { endTree, posixSignals, windowsSignals } from '../process/tree.ts';
import { isTorn, npmProblem } from './npm-problem.ts';

/** After this npm is ended, ms: 60 MB over a line of 0.5 Mbit/s take 16 minutes, and npm itself has no such bound. */
const LIMIT_MS = 30 * 60_000;

/**
 * Into our folder, also for a user whose configuration says `global`. No script of a package runs. Retries come quickly (npm's own wait is 10 s and more), since somebody waits for
 * the answer. Requests are printed: they are what the log tells of a registry that is slow or wrong.
 */
const ARGUMENTS = [
  'install',
  '--no-global',
  '--location=project',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-package-lock',
  '--no-update-notifier',
  '--loglevel=http',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
] as const;

export interface NpmInstallOptions {
  /** Absolute path of npm. */
  npm: string;
  name: string;
  /** An exact version. */
  version: string;
  /** Absolute path of an empty folder. The package comes to `node_modules/<name>` below it. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  /** Gets what npm says, line by line, without credentials. */
  log(line: string): void;
}

/**
 * Lets npm install. It checks what it downloads against the registry's checksum; registry, proxy and
 * certificates are those of the user's own configuration.
 * @throws InstallError with a sentence; CancelledError. npm and all that it started have ended by then.
 */
export async function npmInstall(options: NpmInstallOptions): Promise<void> {
  const { name, version, folder, signal, log } = options;
  if (signal.aborted) throw new CancelledError();
  // What is wanted stands in a file, so that no path has to travel through the shell of a batch file.
  const wanted = { private: true, dependencies: { [name]: version } };
  await writeFile(join(folder, 'package.json'), JSON.stringify(wanted));

  const tail = new Tail();
  const end = await run(options, (line) => {
    const clean = redact(line, []);
    tail.push(clean);
    log(clean);
  });
  if (signal.aborted) throw new CancelledError();
  const output = tail.text();
  if (end === 'exit code 0' && !isTorn(output)) return;
  const { why, retriable } = npmProblem(output, `${name} ${version}`, end);
  throw new InstallError(`npm could not install ${name}: ${why}`, retriable);
}

/** Runs npm until it has ended, by itself or by the signal. @returns `exit code 0`, `signal SIGKILL`, … */
async function run(options: NpmInstallOptions, onLine: (line: string) => void): Promise<string> {
  const { npm, name, folder, env, signal } = options;
  const limit = AbortSignal.timeout(LIMIT_MS);
  const child = await start(npm, folder, env).catch((error: unknown) => {
    throw new InstallError(`npm could not install ${name}: it cannot be run (${explain(error)}).`, false, {
      cause: error,
    });
  });
  const signals = process.platform === 'win32' ? windowsSignals() : posixSignals;
  const exited = once(child, 'exit');
  const closed = once(child, 'close');
  for (const stream of [child.stdout, child.stderr]) {
    const lines = new LineSplitter(onLine);
    stream?.on('data', (chunk: Buffer) => lines.push(chunk));
    stream?.once('end', () => lines.end());
  }
  let ending: Promise<unknown> | undefined;
  const end = (): void => {
    ending = endTree({ pid: child.pid, exited, signals, clock: systemClock });
  };
  // Our own orderly exit takes npm along.
  const endWithUs = (): void => signals.kill(child.pid);
  const stop = AbortSignal.any([signal, limit]);
  stop.addEventListener('abort', end, { once: true });
  if (stop.aborted) end();
  process.once('exit', endWithUs);
  try {
    const [code, by] = (await closed) as [number | null, NodeJS.Signals | null];
    await ending;
    if (limit.aborted) return `no result within ${LIMIT_MS / 60_000} minutes`;
    return by === null ? `exit code ${code}` : `signal ${by}`;
  } finally {
    stop.removeEventListener('abort', end);
    process.removeListener('exit', endWithUs);
  }
}

async function start(
  npm: string,
  cwd: string,
  env: NpmInstallOptions['env'],
): Promise<ChildProcess & { pid: number }> {
  const { file, args, detached, windowsVerbatimArguments } = spawnPlan(process.platform, npm, ARGUMENTS);
  const child = spawn(file, args, {
    cwd,
    env: { ...env },
    detached,
    windowsVerbatimArguments,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error('the system gave no process id');
  return Object.assign(child, { pid: child.pid });
}
