/** The long form of the campaign on the fake engine: `npm run chaos -- fake`. Exit code 1 when a promise was broken. */
import { planPoint, planPoints } from './plan.ts';
import { replayByCommand } from '../replay.ts';
import { play, type Played } from './play.ts';
import { report, table, wholeStory } from './table.ts';

/** Broken points that are told in full; the table counts all. */
const MAX_TOLD = 20;
/** Every point is replayed in this process; the command, which takes its time to start, replays one in so many. */
const BY_COMMAND = 20;

const [points = 0, seed = 0, only] = process.argv.slice(2).map(Number);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
say(`seed ${seed}: run again with --seed ${seed}`);

if (only !== undefined && only > 0) {
  const played = await play(planPoint(only, seed));
  say(wholeStory(played));
  say(played.broken.length === 0 ? 'nothing is broken' : report(played, seed));
  process.exitCode = played.broken.length > 0 ? 1 : 0;
} else {
  const begun = Date.now();
  const all: Played[] = [];
  for (const point of planPoints(points, seed)) {
    all.push(await play(point, point.number % BY_COMMAND === 0 ? replayByCommand : undefined));
    if (point.number % 100 === 0) say(`${point.number}/${points}`);
  }
  const broken = all.filter((one) => one.broken.length > 0);
  say(`\n${table(all)}`);
  for (const one of broken.slice(0, MAX_TOLD)) say(report(one, seed));
  say(
    `${all.length} points, ${broken.length} broken, ${Math.round((Date.now() - begun) / 1000)} s, seed ${seed}`,
  );
  process.exitCode = broken.length > 0 ? 1 : 0;
}
