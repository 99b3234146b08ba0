// `npm run chaos -- processes`: kills what Holdfast is made of at random moments, many times, and prints a table of
// what became of it. `--points N` (50), `--seed S` (random, printed) to run the same points again.
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

const POINTS = 50;
const USAGE = 'npm run chaos -- processes [--points N] [--seed S]';

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
    options: { points: { type: 'string' }, seed: { type: 'string' } },
  });
  if (positionals.length !== 1 || positionals[0] !== 'processes')
    throw new Problem(`There is one campaign, "processes": ${USAGE}`);
  const text = (/** @type {'points' | 'seed'} */ name) =>
    values[name] === undefined ? undefined : String(values[name]);
  return { points: whole(text('points'), POINTS), seed: whole(text('seed'), randomInt(1_000_000)) };
}

async function buildAll() {
  const { code, output } = await run(process.execPath, [path.join(ROOT, 'esbuild.mjs'), '--production'], {
    cwd: ROOT,
  });
  if (code !== 0) throw new Problem(`What is tested could not be built:\n${output}`);
  const outfile = path.join(ROOT, 'out/chaos/main.mjs');
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['test/chaos/main.ts'],
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
  const { points, seed } = readArguments();
  await setup(['packages', 'engine', 'workbench']);
  const program = await buildAll();
  mkdirSync(temporary);
  const child = spawnOwned(
    process.execPath,
    ['--enable-source-maps', program, String(points), String(seed)],
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
