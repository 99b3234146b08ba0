import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endLeftovers } from './leftovers.mjs';
import { ROOT, TEST_OUT, VSIX } from './paths.mjs';
import { endTree, MARK, newMark, spawnOwned } from './processes.mjs';

/** A suite that takes longer than this hangs; the whole of `npm test` is meant to take less than twelve minutes. */
const SUITE_LIMIT_MS = 8 * 60_000;

/** @typedef {import('./suites.mjs').Suite} Suite */
/** @typedef {import('./tally.mjs').Tally} Tally */

/** The mark of the suite that runs now, for the interrupt handler. */
let currentMark = /** @type {string | undefined} */ (undefined);

/** Ends what an interrupted suite leaves behind, without waiting for it to go by itself. */
export async function endInterruptedSuite() {
  if (currentMark === undefined) return;
  await endLeftovers(currentMark, 0);
  rmSync(path.join(tmpdir(), currentMark), { recursive: true, force: true });
}

/** @param {Suite} suite @param {string | undefined} grep @returns {string[]} arguments for node */
function commandLine(suite, grep) {
  const rig = path.join(ROOT, 'test/rig');
  if (suite.name === 'host') return [path.join(rig, 'host-suite.mjs')];
  const folder = path.join(TEST_OUT, suite.name);
  const built = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const files = built.filter((file) => file.endsWith('.test.mjs')).sort();
  const flags = ['--no-config', '--no-package', '--forbid-only', '--forbid-pending', '--timeout', String(suite.timeoutMs)];
  return [
    '--enable-source-maps',
    path.join(ROOT, 'node_modules/mocha/bin/mocha.js'),
    ...flags,
    ...['--reporter', path.join(rig, 'reporter.mjs')],
    ...(grep ? ['--grep', grep] : []),
    ...files.map((file) => path.join(folder, file)),
  ];
}

/**
 * @param {string} file that the reporter writes at its end
 * @param {string} name @param {number} code @param {boolean} timedOut
 * @returns {{ passed: number, failed: number }}
 */
function readCounts(file, name, code, timedOut) {
  const say = (/** @type {string} */ what) => process.stdout.write(`[test] ${name}: ${what}\n`);
  if (timedOut) say(`did not end within ${SUITE_LIMIT_MS / 1000} s: a handle is open, or a test waits for ever`);
  if (!existsSync(file)) {
    if (!timedOut) say(`crashed before its end (exit code ${code})`);
    return { passed: 0, failed: 1 };
  }
  const { passed, failed } = JSON.parse(readFileSync(file, 'utf8'));
  if (passed + failed === 0) say('found no test to run');
  else if (code !== 0 && failed === 0) say(`ended with exit code ${code} though no test failed`);
  const broken = timedOut || passed + failed === 0 || (code !== 0 && failed === 0);
  return { passed, failed: failed + (broken ? 1 : 0) };
}

/**
 * Runs one suite in a process of its own, in a temporary folder of its own, and then looks for what it left behind.
 *
 * @param {Suite} suite
 * @param {string | undefined} grep
 * @param {Tally} tally
 */
export async function runSuite(suite, grep, tally) {
  process.stdout.write(`\n[test] ${suite.name}\n`);
  const start = Date.now();
  const mark = (currentMark = newMark());
  const temporary = path.join(tmpdir(), mark);
  mkdirSync(temporary);
  const results = path.join(temporary, 'results.json');
  const env = {
    ...process.env,
    [MARK]: mark,
    TMPDIR: temporary,
    TEMP: temporary,
    TMP: temporary,
    HOLDFAST_VSIX: VSIX,
    HOLDFAST_TEST_RESULTS: results,
    HOLDFAST_TEST_TIMEOUT_MS: String(suite.timeoutMs),
    HOLDFAST_TEST_COLOR: process.stdout.isTTY ? '1' : '0',
    ...(grep ? { HOLDFAST_TEST_GREP: grep } : {}),
  };
  const child = spawnOwned(process.execPath, commandLine(suite, grep), { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] });
  let timedOut = false;
  const timer = setTimeout(() => ((timedOut = true), void endTree(child)), SUITE_LIMIT_MS);
  const code = await new Promise((resolve) => child.once('exit', (exitCode) => resolve(exitCode ?? 1)));
  clearTimeout(timer);
  tally.add(suite.name, start, readCounts(results, suite.name, code, timedOut));

  const ended = Date.now();
  const survivors = await endLeftovers(mark);
  for (const { pid, command } of survivors) process.stdout.write(`[test] left running by ${suite.name}: ${pid} ${command.slice(0, 200)}\n`);
  tally.add(`${suite.name}: nothing left running`, ended, survivors.length === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: survivors.length });
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  currentMark = undefined;
}
