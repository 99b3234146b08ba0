import { readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Time limits are in `suites.mjs`; they come through the environment because the host is started by the workbench. */
const TIMEOUT_MS = Number(process.env['HOLDFAST_TEST_TIMEOUT_MS'] ?? 60_000);

/**
 * What the extension host calls when it finds `extensionTestsPath`: runs every built test beside this file.
 * Rejects when a test failed, which the workbench turns into its exit code.
 */
export async function run(): Promise<void> {
  const { default: Mocha } = await import('mocha');
  const reporter = path.join(process.env['HOLDFAST_RIG'] ?? '', 'reporter.mjs');
  const { default: Reporter } = (await import(pathToFileURL(reporter).href)) as { default: Mocha.ReporterConstructor };
  const grep = process.env['HOLDFAST_TEST_GREP'];
  const mocha = new Mocha({
    ui: 'bdd',
    color: true,
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
