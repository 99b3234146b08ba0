/** The long form of the campaign: `npm run chaos -- recovery`. Exit code 1 when a promise was broken. */
import { playAll } from './campaign.ts';
import { planKills } from './plan.ts';
import { line, table } from './table.ts';

const [points = 0, seed = 0] = process.argv.slice(2).map(Number);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
say(`seed ${seed}: run again with --seed ${seed}`);

let done = 0;
const played = await playAll(planKills(points, seed), (one) => say(`${(done += 1)}/${points} ${line(one)}`));
say(`\n${table(played)}`);
process.exitCode = played.some(({ broken }) => broken.length > 0) ? 1 : 0;
