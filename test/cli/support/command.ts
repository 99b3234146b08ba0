/** The built command as a real process. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { engineBinary } from '../../engine/support/engine-process.ts';
import type { Place } from './place.ts';

/** The tests run in the checkout's own folder. */
const COMMAND = join(process.cwd(), 'dist', 'holdfast.mjs');

export interface Running {
  child: ChildProcessByStdio<null, Readable, Readable>;
  stdout(): string;
  stderr(): string;
  /** Resolves with the match once stdout and stderr together hold it. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code, or rejects when a signal ended it; all output has been read then. */
  code: Promise<number>;
}

export interface Start {
  args: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  /** Arguments of Node itself. */
  nodeArgs?: readonly string[];
}

/** Starts `holdfast` with these arguments and nothing added. */
export function start(place: Place, { args, cwd, env, nodeArgs = [] }: Start): Running {
  const child = spawn(process.execPath, [...nodeArgs, COMMAND, ...args], {
    cwd: cwd ?? place.repo,
    env: { ...place.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const waiting = new Set<() => void>();
  const heard = (): void => {
    for (const look of [...waiting]) look();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => ((out += text), heard()));
  child.stderr.setEncoding('utf8').on('data', (text: string) => ((err += text), heard()));
  const code = once(child, 'close').then(([status, signal]: (number | string | null)[]) => {
    if (typeof status === 'number') return status;
    throw new Error(`ended by ${signal}: ${err}`);
  });
  return {
    child,
    stdout: () => out,
    stderr: () => err,
    code,
    async said(pattern) {
      const found = new Promise<RegExpExecArray>((resolve) => {
        const look = (): void => {
          const match = pattern.exec(`${out}\n${err}`);
          if (match === null) return;
          waiting.delete(look);
          resolve(match);
        };
        waiting.add(look);
        look();
      });
      const ended = code.then((status) => {
        throw new Error(`ended with ${status} and never said ${pattern}:\n${out}\n${err}`);
      });
      ended.catch(() => undefined);
      return Promise.race([found, ended]);
    },
  };
}

/** Starts it with the real engine, and with a journal folder of its own unless one is named. */
export function startWithEngine(
  place: Place,
  args: readonly string[],
  { storage = place.freshStorage(), ...more }: Omit<Start, 'args'> & { storage?: string } = {},
): Running {
  return start(place, { args: [...args, '--engine-path', engineBinary(), '--journal', storage], ...more });
}

/** The folder of the run that it told of. */
export async function runFolder(running: Running): Promise<string> {
  return (await running.said(/^journal +(\S+)$/m))[1]!;
}
