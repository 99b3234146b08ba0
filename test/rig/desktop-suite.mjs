// The `host` suite in a desktop VS Code, which is downloaded: `npm run test:desktop` on a machine with a display and a
// network. Not part of `npm test`, which needs neither; it has not been run where this was written.
import './node-version.mjs';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleTests, runPackage } from './checks.mjs';
import { engineBinary, engineEnvironment } from './engine.mjs';
import { ROOT, TEST_OUT } from './paths.mjs';
import { main, Problem } from './problem.mjs';
import { onInterrupt, ownMark } from './processes.mjs';
import { makeSample } from './sample.mjs';
import { setup } from './setup.mjs';
import { Tally } from './tally.mjs';

/** What the extension is told in this window. */
const SETTINGS = { 'holdfast.model': 'demo', 'security.workspace.trust.enabled': false };

await main('desktop', async () => {
  onInterrupt();
  await setup(['packages', 'engine', 'workbench']); // the workbench brings rg
  const tally = new Tally();
  if (!(await runPackage(tally))) throw new Problem('There is nothing to test: the lines above say why.');
  await bundleTests(tally);

  const temporary = mkdtempSync(path.join(tmpdir(), `${ownMark()}-`));
  const folder = path.join(temporary, 'checkout');
  const home = path.join(temporary, 'home');
  const userData = path.join(temporary, 'user-data');
  makeSample(folder);
  mkdirSync(home);
  mkdirSync(path.join(userData, 'User'), { recursive: true });
  const settings = { ...SETTINGS, 'holdfast.engine.path': engineBinary() };
  writeFileSync(path.join(userData, 'User/settings.json'), JSON.stringify(settings));
  const { runTests } = await import('@vscode/test-electron');
  return runTests({
    extensionDevelopmentPath: ROOT,
    extensionTestsPath: path.join(TEST_OUT, 'host/index.cjs'),
    extensionTestsEnv: {
      ...engineEnvironment(home),
      HOLDFAST_RIG: import.meta.dirname,
    },
    launchArgs: [folder, '--disable-extensions', '--user-data-dir', userData],
  });
});
