/** Running git to read a repository, and never to write one. */
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { TargetError } from '../../core/errors.ts';

/** Longest that one call may take, ms. A status of a very large repository on a cold disk takes some seconds. */
const TIMEOUT_MS = 30_000;
/** Most output of one call, bytes. A list of every changed file stays far below; more is a repository we cannot review. */
const MAX_OUTPUT = 32 * 1024 * 1024;

/** What git printed. Paths and texts in it are bytes; decode where it is known what they are. */
export interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** Thrown when the output of a call is longer than the caller wants it. Handled by: skipping that file by name. */
export class GitOutputError extends Error {
  readonly kind = 'git-output';
}

/**
 * Runs `git -C <folder> <args>` and gives its output, whatever the exit code.
 * Throws `TargetError` when git is not there or takes too long, `GitOutputError` beyond `maxOutput` bytes.
 */
export async function git(
  folder: string,
  args: readonly string[],
  options: { maxOutput?: number; input?: string } = {},
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      ['-C', folder, ...READ_ONLY_CONFIG, ...args],
      {
        // Not the folder: on Windows a program of this name in the working directory would win over PATH.
        cwd: dirname(process.execPath),
        env: environment(process.env),
        encoding: 'buffer',
        maxBuffer: options.maxOutput ?? MAX_OUTPUT,
        timeout: TIMEOUT_MS,
        windowsHide: true,
      },
      (error, stdout, stderr) => {
        const code = error ? error.code : 0;
        if (typeof code === 'number') {
          resolve({ code, stdout, stderr: stderr.toString('utf8') });
        } else if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
          reject(new GitOutputError('git printed more than was asked for', { cause: error }));
        } else if (code === 'ENOENT' || code === 'EACCES') {
          reject(new TargetError('git was not found; install it, or put it on the PATH.', { cause: error }));
        } else if (error?.killed) {
          reject(
            new TargetError(`git took longer than ${TIMEOUT_MS / 1000} s and was stopped.`, { cause: error }),
          );
        } else {
          reject(new TargetError(`git could not be run: ${error?.message}`, { cause: error }));
        }
      },
    );
    // A git that ended before it read its input is no error of ours; its exit code says what happened.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

const READ_ONLY_CONFIG = [
  '--no-pager',
  '--literal-pathspecs',
  '-c',
  'core.quotepath=off',
  // A repository may name a program here, and git would run it.
  '-c',
  'core.fsmonitor=false',
  '-c',
  'diff.suppressBlankEmpty=false',
  // `git diff` rewrites the index to freshen its times, and GIT_OPTIONAL_LOCKS does not stop it (seen on git 2.39).
  '-c',
  'diff.autoRefreshIndex=false',
];

/**
 * The environment for git: ours without what would point it at another repository or index (a hook that calls us
 * sets such variables), without prompts, and with messages that can be told apart.
 */
function environment(base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(base).filter(
    ([name]) => !/^GIT_/i.test(name) || /^GIT_(CONFIG_|EXEC_PATH$|CEILING)/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_PAGER: 'cat',
    LC_ALL: 'C',
  };
}
