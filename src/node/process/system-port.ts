/** What the system is asked about processes and itself; behind a port, so that tests answer with what was recorded. */
import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';

/** Longest that a question may take, ms. A first PowerShell on a cold disk takes seconds. */
const TIMEOUT_MS = 15_000;
/** Most output of one question, bytes: a command line can be 2 MiB long on Linux, far shorter elsewhere. */
const MAX_OUTPUT = 4 * 1024 * 1024;

export interface SystemPort {
  /** The text of a file. Rejects with the error of the system. */
  read(file: string): Promise<string>;
  /** Where a symbolic link points. Rejects with the error of the system. */
  link(file: string): Promise<string>;
  /** What a program prints. Rejects when it cannot be run, fails or takes too long. */
  run(file: string, args: readonly string[]): Promise<string>;
  /** `there` also where we may not signal it (EPERM): a process of another user is alive. */
  presence(pid: number): 'there' | 'gone';
  hostname(): string;
}

export const realSystem: SystemPort = {
  read: (file) => readFile(file, 'utf8'),
  link: (file) => readlink(file),
  run: (file, args) =>
    new Promise((resolve, reject) => {
      execFile(
        file,
        args,
        {
          // Times and words in one form, whatever the user's language and wherever the machine travels.
          env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
          timeout: TIMEOUT_MS,
          maxBuffer: MAX_OUTPUT,
          windowsHide: true,
        },
        (error, stdout) => {
          if (error === null) resolve(stdout);
          else reject(new Error(`${file} could not be asked: ${error.message}`, { cause: error }));
        },
      );
    }),
  presence(pid) {
    try {
      process.kill(pid, 0);
      return 'there';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'there';
    }
  },
  hostname,
};

/** A program of Windows by its path: one of its name in the working directory would win over PATH. */
export function windowsTool(name: string): string {
  return path.win32.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', name);
}
