/** The command that restarts an attached server: the user's own, from a setting that no workspace can make. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { homedir } from 'node:os';
import type { Readable } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { StartError } from '../../core/errors.ts';
import { LineSplitter, redact, Tail } from '../process/output.ts';

/** How long it is waited for, ms: `systemctl restart` is done in seconds, unless a service will not stop. */
export const COMMAND_LIMIT_MS = 60_000;
/** After its end, how long to wait for its last output, ms: a server that it started may hold the pipe for ever. */
const LAST_OUTPUT_MS = 250;

export interface RestartCommandOptions {
  /** For a shell, as the user wrote it. */
  command: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  log: { info(text: string): void };
}

/**
 * A function that runs the command and resolves when it has ended with code 0. Its output goes to the log.
 *
 * A command that takes too long is no longer waited for, but never signalled: what it started may be the server.
 * Until it has ended, another one is refused.
 *
 * The function rejects with a `StartError`: a sentence, and the output as its `stderrTail`.
 */
export function restartCommand(options: RestartCommandOptions): () => Promise<void> {
  let running: ChildProcess | undefined;
  return async () => {
    if (running !== undefined) {
      throw new StartError(`The restart command of before has not ended yet (process ${running.pid}).`, '');
    }
    const child = start(options);
    running = child;
    // `error` instead of `exit` when there is no shell to start.
    child.once('exit', () => (running = undefined));
    child.once('error', () => (running = undefined));
    await ended(child, options);
  };
}

function start({ command, env }: RestartCommandOptions): ChildProcess {
  const shell = process.platform === 'win32' ? undefined : env['SHELL'];
  return spawn(command, {
    shell: shell === undefined || shell === '' ? true : shell,
    // Not the workspace: the command must mean the same wherever it is run.
    cwd: homedir(),
    env,
    // Without a terminal to ask at, `sudo` fails at once instead of waiting for a password.
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

function ended(child: ChildProcess, { clock, log }: RestartCommandOptions): Promise<void> {
  const output = new Tail();
  let lastLine = '';
  const take = (raw: string): void => {
    const line = redact(raw, []);
    log.info(`restart command: ${line}`);
    output.push(line);
    if (line.trim() !== '') lastLine = line.trim();
  };
  const stopReading = [child.stdout, child.stderr].map((stream) => readLines(stream, take));

  return new Promise((resolve, reject) => {
    let cancel = (): void => undefined;
    let isSettled = false;
    const settle = (problem: string | undefined): void => {
      if (isSettled) return;
      isSettled = true;
      cancel();
      for (const stop of stopReading) stop();
      const said = lastLine === '' ? '' : ` Its last line: ${lastLine}`;
      if (problem === undefined) resolve();
      else reject(new StartError(problem + said, output.text()));
    };
    cancel = clock.setTimer(COMMAND_LIMIT_MS, () => {
      child.unref();
      const limit = `${COMMAND_LIMIT_MS / 1000} s`;
      settle(`The restart command has not ended within ${limit} and is left running (process ${child.pid}).`);
    });
    child.once('error', (error) => settle(`The restart command could not be run: ${error.message}.`));
    child.once('exit', (code, signal) => {
      if (isSettled) return;
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      const problem = code === 0 ? undefined : `The restart command ${how}.`;
      cancel();
      cancel = clock.setTimer(LAST_OUTPUT_MS, () => settle(problem));
      child.once('close', () => settle(problem));
    });
  });
}

/** @returns stops it, and leaves the pipe open: whoever still writes to it may be the server. */
function readLines(stream: Readable | null, onLine: (line: string) => void): () => void {
  const splitter = new LineSplitter(onLine);
  const push = (chunk: Buffer): void => splitter.push(chunk);
  stream?.on('data', push);
  return () => {
    splitter.end();
    stream?.off('data', push).resume();
    // A child's pipe is a socket, which must not keep this process from ending.
    if (stream instanceof Socket) stream.unref();
  };
}
