/** How long the packaged extension takes to load and activate, without the editor around it. */
import * as path from 'node:path';
import { measure } from './measure.ts';

/** @returns milliseconds of each activation, a fresh process each. */
export async function activationTimes(rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < rounds; index++) {
    times.push(await measure<number>('activate-once', path.resolve('dist/extension.cjs')));
  }
  return times;
}
