/** Measuring processes: each does one thing, says what it took, and ends. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';

/** The first message of a process. @throws when it ends without one. */
export async function reply<T>(child: ChildProcess): Promise<T> {
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`a measuring process ended with ${String(code)}`)),
    ),
  ])) as [T];
  return message;
}

/** Runs a program of this folder to its end. */
export async function measure<T>(script: string, ...args: string[]): Promise<T> {
  const child = fork(path.join(import.meta.dirname, `${script}.mjs`), args);
  const exited = once(child, 'exit');
  const result = await reply<T>(child);
  await exited;
  return result;
}
