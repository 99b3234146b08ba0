import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// through require, so that it is the same mocha that loaded us, in the extension host too
const Mocha = createRequire(import.meta.url)('mocha');

/** The file that gets the counts, named by whoever started the run. */
export const RESULTS = 'HOLDFAST_TEST_RESULTS';

/** @typedef {{ passed: number, failed: number, failures: string[] }} Counts */

/**
 * Mocha's `spec` on the terminal, and the counts in a file: a suite that dies before its end leaves no file, which
 * is how its caller tells a crash from a result. Named the way mocha wants a reporter that it finds by path: as the
 * default export.
 */
export default class Reporter extends Mocha.reporters.Spec {
  /** @param {any} runner @param {any} options */
  constructor(runner, options) {
    super(runner, options);
    const file = process.env[RESULTS];
    if (!file) return;
    /** @type {Counts} */
    const counts = { passed: 0, failed: 0, failures: [] };
    runner.on('pass', () => counts.passed++);
    runner.on('fail', (/** @type {any} */ test) => {
      counts.failed++;
      counts.failures.push(test.fullTitle());
    });
    runner.once('end', () => writeFileSync(file, JSON.stringify(counts)));
  }
}
