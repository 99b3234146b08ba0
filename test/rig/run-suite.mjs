import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { engineBinary, ripgrepFolder } from './engine.mjs';
import { endLeftovers } from './leftovers.mjs';
import { ROOT, TEST_OUT, VSIX } from './paths.mjs';
import { endTree, interrupted, MARK, newMark, spawnOwned } from './processes.mjs';

/** A suite that takes longer than this hangs. The engine and the workbench take ten minutes, and twice that beside other work. */
const SUITE_LIMIT_MS = 20 * 60_000;

/** Between the report of the last test and the end of the process: longer means that a handle is still open. */
const CLOSE_LIMIT_MS = 10_000;
const POLL_MS = 250;

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
  const flags = [
    '--no-config',
    '--no-package',
    ...(process.stdout.isTTY ? [] : ['--no-color']), // CI=true alone would bring colours
    '--forbid-only',
    '--forbid-pending',
    '--timeout',
    String(suite.timeoutMs),
  ];
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
 * @param {string} name @param {number} code @param {string | undefined} stuck why it had to be ended
 * @returns {import('./reporter.mjs').Counts}
 */
function readCounts(file, name, code, stuck) {
  const say = (/** @type {string} */ what) => process.stdout.write(`[test] ${name}: ${what}\n`);
  if (stuck !== undefined) say(stuck);
  if (!existsSync(file)) {
    if (stuck === undefined) say(`crashed before its end (exit code ${code})`);
    return { passed: 0, failed: 1, failures: [] };
  }
  /** @type {import('./reporter.mjs').Counts} */
  const { passed, failed, failures } = JSON.parse(readFileSync(file, 'utf8'));
  if (passed + failed === 0) say('found no test to run');
  else if (stuck === undefined && code !== 0 && failed === 0)
    say(`ended with exit code ${code} though no test failed`);
  const broken = stuck !== undefined || passed + failed === 0 || (code !== 0 && failed === 0);
  return { passed, failed: failed + (broken ? 1 : 0), failures };
}

/**
 * Ends a suite that does not end by itself.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} results file that is there once the last test has been reported
 */
function watchForStuck(child, results) {
  const start = Date.now();
  let reported = Infinity;
  let reason = /** @type {string | undefined} */ (undefined);
  const timer = setInterval(() => {
    const now = Date.now();
    if (reported === Infinity && existsSync(results)) reported = now;
    if (now - reported > CLOSE_LIMIT_MS) reason = 'its tests ended but its process did not: a handle is open';
    else if (now - start > SUITE_LIMIT_MS) reason = `did not end within ${SUITE_LIMIT_MS / 1000} s`;
    else return;
    clearInterval(timer);
    void endTree(child);
  }, POLL_MS);
  return {
    /** @returns why the suite was ended, if it was */
    stop() {
      clearInterval(timer);
      return reason;
    },
  };
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
  const engine = suite.parts.includes('engine')
    ? { HOLDFAST_TEST_ENGINE: engineBinary(), HOLDFAST_TEST_RG_DIR: ripgrepFolder() }
    : {};
  const env = {
    ...process.env,
    ...engine,
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
  const child = spawnOwned(process.execPath, commandLine(suite, grep), {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const stuck = watchForStuck(child, results);
  const code = await new Promise((resolve) => child.once('exit', (exitCode) => resolve(exitCode ?? 1)));
  const reason = stuck.stop();
  if (interrupted()) throw new Error('interrupted'); // its handler ends this process; there is no result to tell
  tally.add(suite.name, start, readCounts(results, suite.name, code, reason));

  const ended = Date.now();
  const survivors = await endLeftovers(mark);
  for (const { pid, command } of survivors)
    process.stdout.write(`[test] left running by ${suite.name}: ${pid} ${command.slice(0, 200)}\n`);
  tally.add(
    `${suite.name}: nothing left running`,
    ended,
    survivors.length === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: survivors.length },
  );
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  currentMark = undefined;
}
