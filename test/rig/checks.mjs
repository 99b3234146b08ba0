import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ROOT, VSIX } from './paths.mjs';
import { npmCommand, run } from './processes.mjs';

/** Two, because most of them use several threads of their own. */
const AT_ONCE = 2;
/** What a user downloads; the heavy parts of the world belong to the engine. */
const VSIX_LIMIT_BYTES = 1024 * 1024;

/** @typedef {import('./tally.mjs').Tally} Tally */

/** @param {boolean} ok */
const one = (ok) => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1 });

/** @param {string} script @param {Tally} tally */
async function runScript(script, tally) {
  const start = Date.now();
  const npm = npmCommand();
  const { code, output } = await run(npm.command, [...npm.args, 'run', '--silent', script], { cwd: ROOT });
  if (code !== 0) process.stdout.write(`\n[test] npm run ${script}\n${output.trimEnd()}\n`);
  tally.add(script, start, one(code === 0));
  return code === 0;
}

/**
 * Every npm script named `check:*`, a few at a time.
 *
 * @param {Tally} tally
 */
export async function runChecks(tally) {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const waiting = Object.keys(scripts).filter((name) => name.startsWith('check:'));
  const worker = async () => {
    for (let script = waiting.shift(); script; script = waiting.shift()) await runScript(script, tally);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/**
 * Builds what ships and packs it.
 *
 * @param {Tally} tally
 * @returns {Promise<boolean>} whether there is a VSIX of the allowed size
 */
export async function runPackage(tally) {
  if (!(await runScript('package', tally))) return false;
  const start = Date.now();
  const { size } = statSync(VSIX);
  const ok = size <= VSIX_LIMIT_BYTES;
  process.stdout.write(
    `[test] the VSIX has ${Math.ceil(size / 1024)} KiB of at most ${VSIX_LIMIT_BYTES / 1024}\n`,
  );
  tally.add('package size', start, one(ok));
  return ok;
}

/**
 * Bundles the tests. A suite that does not compile has no bundles afterwards and fails as empty; the others run.
 *
 * @param {Tally} tally
 */
export async function bundleTests(tally) {
  const start = Date.now();
  const { code, output } = await run(process.execPath, ['esbuild.mjs', '--tests'], { cwd: ROOT });
  if (code !== 0) process.stdout.write(`${output.trimEnd()}\n`);
  tally.add('test bundles', start, one(code === 0));
}
