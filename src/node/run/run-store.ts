/** Where runs live on disk: one folder a run, below a folder named after the workspace. */
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { RecordOf } from '../../core/journal/record.ts';
import { readFirstRecord } from '../journal/journal-reader.ts';
import { isUnfinished } from '../lease.ts';

/** Runs kept for a workspace; the oldest beyond are deleted whole when a new one begins. */
export const MAX_RUNS = 100;

export interface RunEntry {
  id: string;
  folder: string;
  /** Undefined when the journal's beginning cannot be read. */
  info: RecordOf<'run-started'> | undefined;
}

/**
 * The folder of a workspace's runs.
 * @param storage Holdfast's own storage folder.
 * @param workspace absolute path of the workspace folder.
 */
export function runsFolder(storage: string, workspace: string): string {
  const name = path
    .basename(workspace)
    .replaceAll(/[^\w.-]+/g, '_')
    .slice(0, 40);
  const hash = crypto.createHash('sha256').update(workspace).digest('hex').slice(0, 12);
  return path.join(storage, 'workspaces', `${name}-${hash}`, 'runs');
}

/** A fresh run id that sorts by time. */
export function newRunId(now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${crypto.randomBytes(3).toString('hex')}`;
}

/** The runs of a workspace, newest first. A folder that is no run is left out. */
export function listRuns(folder: string): RunEntry[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isRunId(entry.name))
    .map(({ name }) => ({ id: name, folder: path.join(folder, name) }))
    .toSorted((a, b) => (a.id < b.id ? 1 : -1))
    .map((entry) => {
      const first = readFirstRecord(entry.folder);
      return { ...entry, info: first?.kind === 'run-started' ? first : undefined };
    });
}

/** Whether a run of these is unfinished: by the names of files alone, no process is looked at. */
export function hasUnfinished(runs: string): boolean {
  if (!fs.existsSync(runs)) return false;
  return fs.readdirSync(runs).some((name) => isRunId(name) && isUnfinished(path.join(runs, name)));
}

/** Deletes the oldest runs beyond the bound. Failure to delete is no reason not to work. */
export function pruneRuns(folder: string, keep: (id: string) => boolean): void {
  if (!fs.existsSync(folder)) return;
  const ids = fs.readdirSync(folder).filter(isRunId).toSorted().toReversed();
  for (const id of ids.slice(MAX_RUNS)) {
    if (!keep(id)) fs.rmSync(path.join(folder, id), { recursive: true, force: true });
  }
}

export function isRunId(name: string): boolean {
  return /^\d{8}-\d{6}-[0-9a-f]{6}$/.test(name);
}

/** Writes a file whole or not at all. */
export function writeAtomically(file: string, text: string): void {
  const temporary = `${file}.${crypto.randomBytes(4).toString('hex')}.tmp`;
  try {
    fs.writeFileSync(temporary, text, { mode: 0o600 });
    fs.renameSync(temporary, file);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}
