/** The result of a review as it lies on disk, and which of its findings the user has dismissed. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import type { Finding } from '../core/review/finding.ts';
import { readJournal } from '../node/journal/journal-reader.ts';
import { writeAtomically } from '../node/run/run-store.ts';

export interface Review {
  runId: string;
  folder: string;
  /** Absolute path of the repository's root. */
  root: string;
  demo: boolean;
  findings: readonly Finding[];
  dismissed: ReadonlySet<string>;
}

const FILE = 'dismissed.json';
const DismissedSchema = v.array(v.string());

/** The result of the review in this folder; undefined when it has none. @throws JournalError */
export function readReview(folder: string): Review | undefined {
  const { records } = readJournal(folder);
  const info = records.find((record) => record.kind === 'run-started');
  const scope = records.find((record) => record.kind === 'scope');
  const result = records.findLast((record) => record.kind === 'findings');
  if (info === undefined || scope === undefined || result === undefined) return undefined;
  return {
    runId: info.runId,
    folder,
    root: scope.scope.root,
    demo: info.demo,
    findings: result.findings,
    dismissed: readDismissed(folder),
  };
}

export function writeDismissed(folder: string, dismissed: ReadonlySet<string>): void {
  writeAtomically(path.join(folder, FILE), JSON.stringify([...dismissed]));
}

function readDismissed(folder: string): Set<string> {
  try {
    return new Set(v.parse(DismissedSchema, JSON.parse(fs.readFileSync(path.join(folder, FILE), 'utf8'))));
  } catch {
    // None was dismissed, or the file is torn: showing a finding once more harms nobody.
    return new Set();
  }
}
