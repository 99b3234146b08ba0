/** The folder in which a drill takes place, and all that it leaves behind until it is removed. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DrillError, explain } from '../../core/errors.ts';

export interface Sandbox {
  root: string;
  /** The workspace folder of one fault; made when asked for. */
  workspace(name: string): string;
  /** Holdfast's own storage in it: journals, server logs, the registry of guardians. */
  storage: string;
  /** @returns what could not be removed, or undefined. Never throws. */
  remove(): string | undefined;
}

/** @throws DrillError when there is no place for it. */
export function makeSandbox(): Sandbox {
  try {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-drill-')));
    return {
      root,
      storage: join(root, 'storage'),
      workspace(name) {
        const folder = join(root, 'workspace', name);
        mkdirSync(folder, { recursive: true });
        return folder;
      },
      remove() {
        try {
          rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
          return undefined;
        } catch (error) {
          return `${root} (${explain(error)})`;
        }
      },
    };
  } catch (cause) {
    const message = `The drill needs a folder for a while, and could make none in ${tmpdir()}: ${explain(cause)}.`;
    throw new DrillError(message, { cause });
  }
}
