/** The long form of the campaign: `npm run chaos -- processes`. Exit code 1 when a promise was broken. */
import { playAbsence } from './absence.ts';
import { playAll } from './campaign.ts';
import { planFreeze, planKills, planReturns } from './plan.ts';
import type { Played } from './play.ts';
import { line, table } from './table.ts';

/** Windows that are killed and windows that leave, each. */
const RETURNS = 10;
/** Beyond the silence that makes a server suspect, and short of the grace that a busy one has, ms. */
const FREEZE_MS = 40_000;
/** How long the attached server is out of reach, ms. */
const ABSENCE_MS = 20_000;

const [points = 0, seed = 0] = process.argv.slice(2).map(Number);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
say(`seed ${seed}: run again with --seed ${seed}`);

// The first ones are those where nothing may be lost.
const all = [...planReturns(RETURNS, seed), planFreeze(FREEZE_MS, seed), ...planKills(points, seed)];
let done = 0;
const tell = (played: Played): void => say(`${(done += 1)}/${all.length + 1} ${line(played)}`);
const played = await playAll(all, tell);
const absence = await playAbsence(ABSENCE_MS);
tell(absence);
played.push(absence);
say(`\n${table(played)}`);
process.exitCode = played.some(({ broken }) => broken.length > 0) ? 1 : 0;
