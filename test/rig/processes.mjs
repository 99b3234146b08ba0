import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Everything the rig starts carries this variable, and so does everything below it: a process that outlives its
 * purpose is found by it, and nothing else is ever signalled.
 */
export const MARK = 'HOLDFAST_RIG_RUN';

const WINDOWS = process.platform === 'win32';
/** How long a process group may take to go after SIGTERM. */
const END_GRACE_MS = 3_000;
/** Output kept of one command, for the message when it fails. */
const KEPT_OUTPUT_CHARS = 256 * 1024;

/** @returns {string} a fresh mark; it also names throw-away folders, so it is found in command lines too */
export const newMark = () => `hf-${randomBytes(6).toString('hex')}`;

/** The mark of this process, made on first use. */
export function ownMark() {
  return (process.env[MARK] ??= newMark());
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Spawns a child in a group of its own, so that its whole tree can be ended, and ends it when we are interrupted.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export function spawnOwned(command, args, options = {}) {
  const env = { ...(options.env ?? process.env) };
  env[MARK] ??= ownMark();
  const child = spawn(command, args, { windowsHide: true, ...options, env, detached: !WINDOWS });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeoutMs]
 * @property {(text: string) => void} [onOutput] sees stdout and stderr as they come
 */

/**
 * Runs a command to its end. Never throws for the command's own failure; a command that cannot be started has
 * code 127, as in a shell.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, output: string, timedOut: boolean }>}
 */
export async function run(command, args, { cwd, env, timeoutMs, onOutput } = {}) {
  const child = spawnOwned(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let timedOut = false;
  /** @param {string} text */
  const take = (text) => {
    output = (output + text).slice(-KEPT_OUTPUT_CHARS);
    onOutput?.(text);
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => ((timedOut = true), void endTree(child)), timeoutMs);
  const code = await new Promise((resolve) => {
    child.once('error', (error) => (take(`${error.message}\n`), resolve(127)));
    // `exit`, not `close`: a grandchild that keeps our pipe open is a leftover to report, not a reason to hang
    child.once('exit', (exitCode, signal) => setImmediate(() => resolve(exitCode ?? (signal ? 128 : 1))));
  });
  clearTimeout(timer);
  return { code, output, timedOut };
}

/** npm as the one that runs us, if any; else the one on PATH. */
export function npmCommand() {
  const own = process.env['npm_execpath'];
  if (own?.endsWith('.js')) return { command: process.execPath, args: [own] };
  // a .cmd file needs a shell; our arguments hold nothing that it would interpret
  return WINDOWS ? { command: 'cmd.exe', args: ['/d', '/c', 'npm'] } : { command: 'npm', args: [] };
}

/** @param {import('node:child_process').ChildProcess} child @param {NodeJS.Signals} signal */
function signalTree(child, signal) {
  if (child.pid === undefined) return;
  if (WINDOWS) {
    spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'], { windowsHide: true });
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // the group is gone already
  }
}

/**
 * Ends a child that we spawned, with its process group.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
export async function endTree(child, graceMs = END_GRACE_MS) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  signalTree(child, 'SIGTERM');
  const stop = new AbortController();
  await Promise.race([exited, delay(graceMs, undefined, { signal: stop.signal }).catch(() => undefined)]);
  stop.abort();
  signalTree(child, 'SIGKILL'); // also for members of the group that ignored SIGTERM while their leader went
  await exited;
}

let interruptedBy = /** @type {NodeJS.Signals | undefined} */ (undefined);
export const interrupted = () => interruptedBy !== undefined;

/**
 * On Ctrl-C and its kin: let `cleanup` close things in their order, end every child that is left, exit with 130.
 *
 * @param {() => Promise<void>} [cleanup] must be bounded in time
 */
export function onInterrupt(cleanup = () => Promise.resolve()) {
  /** @param {NodeJS.Signals} signal */
  const handle = (signal) => {
    if (interruptedBy !== undefined) return; // a second Ctrl-C must not cut the cleanup short; it is bounded
    interruptedBy = signal;
    void cleanup()
      .catch(() => undefined) // whatever it could not close is ended below
      .then(() => Promise.allSettled([...running].map((child) => endTree(child))))
      .finally(() => process.exit(130));
  };
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, handle);
  // a reader that went (`npm start | head`) would otherwise end us on the spot, with everything below left running
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => handle('SIGHUP'));
}
