import './node-version.mjs';
import util from 'node:util';
import { bundleTests, runChecks, runPackage } from './checks.mjs';
import { main, Problem } from './problem.mjs';
import { interrupted, onInterrupt } from './processes.mjs';
import { endInterruptedSuite, runSuite } from './run-suite.mjs';
import { ALL_PARTS, setup } from './setup.mjs';
import { findSuites } from './suites.mjs';
import { Tally } from './tally.mjs';

/** @param {string[]} names @returns {import('./suites.mjs').Suite[]} all of them when none is named */
function chooseSuites(names) {
  const all = findSuites();
  const unknown = names.find((name) => !all.some((suite) => suite.name === name));
  if (unknown)
    throw new Problem(
      `There is no suite "${unknown}": choose from ${all.map((suite) => suite.name).join(', ') || 'none yet'}.`,
    );
  return names.length === 0 ? all : all.filter((suite) => names.includes(suite.name));
}

/** @param {Tally} tally */
async function testAll(tally) {
  const { values, positionals } = util.parseArgs({
    allowPositionals: true,
    options: { grep: { type: 'string', short: 'g' } },
  });
  const suites = chooseSuites(positionals);
  const whole = positionals.length === 0;
  const start = Date.now();
  await setup(
    whole ? ALL_PARTS : ALL_PARTS.filter((part) => suites.some(({ parts }) => parts.includes(part))),
  );
  tally.add('setup', start, { passed: 0, failed: 0 });

  if (whole) await runChecks(tally);
  const packed = suites.some(({ dist }) => dist) || whole ? await runPackage(tally) : true;
  await bundleTests(tally);
  for (const suite of suites) {
    if (suite.dist && !packed) {
      process.stdout.write(`[test] ${suite.name}: not run, because there is no package to run it on\n`);
      tally.add(suite.name, Date.now(), { passed: 0, failed: 1 });
    } else await runSuite(suite, values.grep, tally);
  }
}

const tally = new Tally();
onInterrupt(endInterruptedSuite);
await main('test', async () => {
  try {
    await testAll(tally);
  } catch (error) {
    if (interrupted()) throw error;
    // the sentence first and the counts last, whatever went wrong
    process.stderr.write(
      error instanceof Problem
        ? `[test] ${error.message}\n`
        : `${error instanceof Error ? error.stack : String(error)}\n`,
    );
    tally.add('run', Date.now(), { passed: 0, failed: 1 });
  }
  tally.print();
  return tally.failed === 0 ? 0 : 1;
});
