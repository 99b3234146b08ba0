/** What the built `holdfast replay` says of a journal: the command that people have, and not only its function. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../rig/paths.mjs';

/** @param folder of a run. @returns a sentence for each decision that came out differently, or why it could not be told. */
export function replayByCommand(folder: string): Promise<string[]> {
  return new Promise((resolve) => {
    // Its exit code is the run's own.
    execFile(
      process.execPath,
      [join(ROOT, 'dist/holdfast.mjs'), 'replay', folder],
      (_error, stdout, stderr) => {
        const differences = /^decisions: \d+, differences: (\d+)$/m.exec(stdout)?.[1];
        if (differences === '0') return resolve([]);
        const said = stdout.split('\n').filter((line) => line.includes('differs'));
        resolve([
          `holdfast replay: ${differences ?? 'no answer'} differences ${[...said, stderr].join(' ')}`.trim(),
        ]);
      },
    );
  });
}
