/** Where runs live on disk: one folder a run, below a folder named after the workspace. */
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { RecordOf } from '../../core/journal/record.ts';
import { diskProblem } from '../disk-problem.ts';
import { readFirstRecord } from '../journal/journal-reader.ts';
import { journalFiles } from '../journal/journal-writer.ts';
import { isUnfinished } from '../lease.ts';

/** A run's session is told within its first records; a review's scope may come before it, bytes. */
const HEAD_BYTES = 256 * 1024;
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
    if (!keep(id)) remove(path.join(folder, id));
  }
}

/** Takes a run away again whose first record the disk had no room for. What has one stays, whatever else is wrong with it. */
export function removeUnbegun(folder: string): void {
  if (fs.existsSync(folder) && readFirstRecord(folder) === undefined) remove(folder);
}

/**
 * How many of these runs have talked to the engine in a session of their own. The records that tell come first in a
 * journal, so no more than its beginning is read.
 */
export function countSessions(folder: string, isDemo: boolean): number {
  return listRuns(folder).filter((run) => run.info?.demo === isDemo && hasSession(run.folder)).length;
}

function hasSession(folder: string): boolean {
  const [file] = journalFiles(folder);
  if (file === undefined) return false;
  const fd = fs.openSync(file, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head
      .toString('utf8', 0, fs.readSync(fd, head, 0, head.length, 0))
      .includes('"kind":"session-ready"');
  } finally {
    fs.closeSync(fd);
  }
}

/** Never throws: what cannot be deleted stays, and is no reason not to work. */
function remove(folder: string): void {
  try {
    fs.rmSync(folder, { recursive: true, force: true });
  } catch {
    // A disk that is read-only, or a file that somebody holds open.
  }
}

export function isRunId(name: string): boolean {
  return /^\d{8}-\d{6}-[0-9a-f]{6}$/.test(name);
}

/** Writes a file whole or not at all. @throws Error with a sentence. */
export function writeAtomically(file: string, text: string): void {
  const temporary = `${file}.${crypto.randomBytes(4).toString('hex')}.tmp`;
  try {
    fs.writeFileSync(temporary, text, { mode: 0o600 });
    fs.renameSync(temporary, file);
  } catch (cause) {
    remove(temporary);
    throw new Error(`${file} cannot be written: ${diskProblem(cause)}.`, { cause });
  }
}
