/** How long the packaged extension takes to load and activate, without the editor around it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';

/** @returns milliseconds of each activation, a fresh process each. */
export async function activationTimes(rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < rounds; index++) {
    const child = fork(path.join(import.meta.dirname, 'activate-once.mjs'), [
      path.resolve('dist/extension.cjs'),
    ]);
    const exited = once(child, 'exit');
    const [ms] = (await once(child, 'message')) as [number];
    times.push(ms);
    await exited;
  }
  return times;
}
