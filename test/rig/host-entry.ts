import { readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

/** Time limits are in `suites.mjs`; they come through the environment because the host is started by the workbench. */
const TIMEOUT_MS = Number(process.env['HOLDFAST_TEST_TIMEOUT_MS'] ?? 60_000);

/** The same as in `host-tests.mjs`. */
const PREFIX = '[suite] ';

/**
 * What the extension host calls when it finds `extensionTestsPath`: runs every built test beside this file.
 * Rejects when a test failed, which the workbench turns into its exit code.
 */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true);
  const { default: Mocha } = await import('mocha');
  const reporter = path.join(process.env['HOLDFAST_RIG'] ?? '', 'reporter.mjs');
  const { default: Reporter } = (await import(pathToFileURL(reporter).href)) as {
    default: Mocha.ReporterConstructor;
  };
  const grep = process.env['HOLDFAST_TEST_GREP'];
  // the workbench logs a great deal of its own into the same console: what the suite says is told apart by a prefix
  Mocha.reporters.Base.consoleLog = (...args: unknown[]) => console.log(PREFIX + format(...args));
  const mocha = new Mocha({
    ui: 'bdd',
    color: process.env['HOLDFAST_TEST_COLOR'] === '1',
    reporter: Reporter,
    timeout: TIMEOUT_MS,
    forbidOnly: true,
    forbidPending: true,
    ...(grep ? { grep } : {}),
  });
  const files = readdirSync(__dirname).filter((name) => name.endsWith('.test.cjs'));
  for (const file of files.sort()) mocha.addFile(path.join(__dirname, file));
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
