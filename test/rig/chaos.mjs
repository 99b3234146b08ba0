// `npm run chaos -- processes` kills what Holdfast is made of at random moments, many times, and prints a table of
// what became of it; `npm run chaos -- recovery` kills the server in a turn and looks what became of the turn.
// `--points N` (50, 200), `--seed S` (random, printed) to run the same points again.
import './node-version.mjs';
import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { engineBinary, ripgrepFolder } from './engine.mjs';
import { endLeftovers } from './leftovers.mjs';
import { ROOT } from './paths.mjs';
import { main, Problem } from './problem.mjs';
import { MARK, newMark, onInterrupt, run, spawnOwned } from './processes.mjs';
import { setup } from './setup.mjs';

/** Points of each campaign, and the program that plays it. */
const CAMPAIGNS = {
  processes: { points: 50, program: 'test/chaos/main.ts' },
  recovery: { points: 200, program: 'test/chaos/recovery/main.ts' },
  fake: { points: 1000, program: 'test/chaos/fake/main.ts' },
};
const USAGE = 'npm run chaos -- processes|recovery|fake [--points N] [--seed S] [--point N]';

/** @param {string | undefined} text @param {number} standard */
function whole(text, standard) {
  if (text === undefined) return standard;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Problem(`"${text}" is no number: ${USAGE}`);
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    strict: false,
    options: { points: { type: 'string' }, seed: { type: 'string' }, point: { type: 'string' } },
  });
  const [name] = positionals;
  if (positionals.length !== 1 || (name !== 'processes' && name !== 'recovery' && name !== 'fake'))
    throw new Problem(`There are three campaigns, "processes", "recovery" and "fake": ${USAGE}`);
  const { points, program } = CAMPAIGNS[name];
  const text = (/** @type {'points' | 'seed' | 'point'} */ option) =>
    values[option] === undefined ? undefined : String(values[option]);
  if (text('point') !== undefined && name !== 'fake')
    throw new Problem(`Only points of "fake" can be played alone: ${USAGE}`);
  return {
    points: whole(text('points'), points),
    seed: whole(text('seed'), randomInt(1_000_000)),
    only: whole(text('point'), 0),
    program,
  };
}

/** @param {string} program */
async function buildAll(program) {
  const { code, output } = await run(process.execPath, [path.join(ROOT, 'esbuild.mjs'), '--production'], {
    cwd: ROOT,
  });
  if (code !== 0) throw new Problem(`What is tested could not be built:\n${output}`);
  const outfile = path.join(ROOT, 'out/chaos/main.mjs');
  await build({
    absWorkingDir: ROOT,
    entryPoints: [program],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

const mark = newMark();
const temporary = path.join(tmpdir(), mark);
const removeAll = () => rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });

onInterrupt(async () => {
  await endLeftovers(mark, 0);
  removeAll();
});
await main('chaos', async () => {
  const { points, seed, only, program: source } = readArguments();
  await setup(['packages', 'engine', 'workbench']);
  const program = await buildAll(source);
  mkdirSync(temporary);
  const child = spawnOwned(
    process.execPath,
    ['--enable-source-maps', program, String(points), String(seed), String(only)],
    {
      cwd: ROOT,
      env: {
        ...process.env,
        [MARK]: mark,
        TMPDIR: temporary,
        HOLDFAST_TEST_ENGINE: engineBinary(),
        HOLDFAST_TEST_RG_DIR: ripgrepFolder(),
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const code = await new Promise((resolve) => child.once('exit', (exitCode) => resolve(exitCode ?? 1)));
  const survivors = await endLeftovers(mark);
  for (const { pid, command } of survivors)
    process.stdout.write(`[chaos] left running at the end: ${pid} ${command.slice(0, 200)}\n`);
  removeAll();
  return survivors.length === 0 ? code : 1;
});
