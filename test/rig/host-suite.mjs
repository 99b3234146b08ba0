// The `host` suite: the built tests of test/host, in a real extension host, on a sample repository.
import './node-version.mjs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { engineBinary, engineEnvironment } from './engine.mjs';
import { main } from './problem.mjs';
import { onInterrupt } from './processes.mjs';
import { makeSample } from './sample.mjs';

await main('host', async () => {
  onInterrupt();
  const { runHostTests } = await import('./host-tests.mjs');
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'ws-')), 'checkout');
  makeSample(folder);
  const { code, log } = await runHostTests({
    folder,
    settings: {
      'holdfast.engine.path': engineBinary(),
      'holdfast.model': 'demo',
      // what the suite leaves at its end must not outlive it for long
      'holdfast.engine.busyGrace': 20,
      'holdfast.engine.idleGrace': 1,
    },
    env: (profile) => ({ ...engineEnvironment(profile.home), HOLDFAST_RIG: import.meta.dirname }),
  });
  if (code === 124)
    process.stdout.write(
      `[host] the tests did not end in time; the workbench's log ends with:\n${log.slice(-4_000)}\n`,
    );
  return code;
});
