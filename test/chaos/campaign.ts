/** Plays points, several at a time: most of a point is waiting. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildWindow } from './open-window.ts';
import type { Point } from './plan.ts';
import { play, type Played } from './play.ts';

const AT_ONCE = 3;

/** @param onPlayed is told of each point as it is over. @returns all of them, in the order of the plan. */
export async function playAll(
  points: readonly Point[],
  onPlayed: (played: Played) => void = () => {},
): Promise<Played[]> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-chaos-')));
  try {
    const program = await buildWindow(folder);
    const all: Played[] = [];
    const waiting = [...points.entries()];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, point] = next;
        const played = await play(point, program);
        all[index] = played;
        onPlayed(played);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return all;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
