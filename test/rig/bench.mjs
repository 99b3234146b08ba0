// `npm run bench`: sets up what the measurements need, builds what is measured, and runs test/bench/bench.ts.
import './node-version.mjs';
import path from 'node:path';
import { engineBinary, ripgrepFolder } from './engine.mjs';
import { ROOT } from './paths.mjs';
import { main, Problem } from './problem.mjs';
import { npmCommand, onInterrupt, run, spawnOwned } from './processes.mjs';
import { setup } from './setup.mjs';

/** @param {string[]} args for npm or node @param {string} what */
async function build(args, what) {
  const [command = '', ...rest] = args;
  const { code, output } = await run(command, rest, { cwd: ROOT });
  if (code === 0) return;
  process.stderr.write(output);
  throw new Problem(`${what} could not be built: the lines above say why.`);
}

onInterrupt();
await main('bench', async () => {
  await setup(['packages', 'engine', 'workbench']);
  const npm = npmCommand();
  await build([npm.command, ...npm.args, 'run', '--silent', 'package'], 'The extension');
  await build([process.execPath, path.join(ROOT, 'esbuild.mjs'), '--bench'], 'The bench');
  const child = spawnOwned(process.execPath, [path.join(ROOT, 'out/bench/bench.mjs')], {
    cwd: ROOT,
    env: { ...process.env, HOLDFAST_TEST_ENGINE: engineBinary(), HOLDFAST_TEST_RG_DIR: ripgrepFolder() },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
});
