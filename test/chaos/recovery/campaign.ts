/** Plays points, a few at a time, each worker with a server, a model and folders of its own. */
import { join } from 'node:path';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { startProduct } from '../../engine/support/product-bench.ts';
import type { Point } from './plan.ts';
import { play, type Played } from './play.ts';
import { scriptOf } from './script.ts';

const AT_ONCE = 2;

/** @param onPlayed is told of each point as it is over. @returns all of them, in the order of the plan. */
export async function playAll(
  points: readonly Point[],
  onPlayed: (played: Played) => void = () => {},
): Promise<Played[]> {
  const all: Played[] = [];
  const waiting = [...points.entries()];
  const worker = async (): Promise<void> => {
    // The ledger stands outside of the workspace: a command that writes there is no change under review.
    const outside = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-ledger-')));
    const files = { notes: join(outside, 'notes'), ledger: join(outside, 'ledger') };
    await Promise.all(Object.values(files).map((file) => writeFile(file, '')));
    const bench = await startProduct(
      // The points come faster than any user's crashes; what is counted here is each turn's own budget.
      { restartBudget: 20 },
      { permission: { '*': 'allow', bash: 'ask', external_directory: 'allow' } },
    );
    try {
      bench.model.script(scriptOf(files));
      const host = bench.open();
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, point] = next;
        const played = await play(point, { host, model: bench.model, files });
        all[index] = played;
        onPlayed(played);
      }
    } finally {
      await bench.stop();
      await rm(outside, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, points.length) }, worker));
  return all;
}
