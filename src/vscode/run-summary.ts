/** What a list of runs shows of each, read from both ends of its journal: the whole may be many megabytes. */
import * as fs from 'node:fs';
import { type JournalRecord, parseRecord, type RecordOf } from '../core/journal/record.ts';
import type { Outcome } from '../core/outcome.ts';
import { journalFiles } from '../node/journal/journal-writer.ts';
import type { RunEntry } from '../node/run/run-store.ts';

/** Read from each end, bytes. The records that matter stand at the very beginning and the very end. */
const END_BYTES = 64 * 1024;

export interface RunSummary {
  id: string;
  folder: string;
  type: 'review' | 'prompt';
  title: string;
  /** What was reviewed; empty in a run of prompts. */
  scope: string;
  demo: boolean;
  /** Epoch ms; 0 when the journal's beginning cannot be read. */
  startedAt: number;
  /** Absent while something runs, and when the run was cut off. */
  outcome?: Outcome;
  message?: string;
  /** Count; absent when the review gave none. */
  findings?: number;
}

/** Never throws: what cannot be read is left out. */
export function summarise({ id, folder, info }: RunEntry): RunSummary {
  const summary: RunSummary = {
    id,
    folder,
    type: info?.type ?? 'prompt',
    title: info?.title ?? id,
    scope: '',
    demo: info?.demo ?? false,
    startedAt: info?.at ?? 0,
  };
  for (const record of readEnds(folder)) fold(summary, record);
  return summary;
}

function fold(summary: RunSummary, record: JournalRecord): void {
  switch (record.kind) {
    case 'scope':
      summary.scope = record.scope.title;
      return;
    case 'session-ready':
      if (summary.type === 'prompt') summary.title = record.title;
      return;
    case 'findings':
      summary.findings = record.findings.length;
      return;
    case 'turn-drafted':
      delete summary.outcome;
      delete summary.message;
      return;
    case 'run-ended':
      return end(summary, record);
    default:
      return;
  }
}

function end(summary: RunSummary, { outcome, message }: RecordOf<'run-ended'>): void {
  summary.outcome = outcome;
  if (message === undefined) delete summary.message;
  else summary.message = message;
}

function readEnds(folder: string): JournalRecord[] {
  try {
    const files = journalFiles(folder);
    const first = files[0];
    const last = files.at(-1);
    if (first === undefined || last === undefined) return [];
    const head = readPiece(first, 0);
    const size = fs.statSync(last).size;
    if (first === last && size <= END_BYTES) return parse(head);
    return [...parse(head), ...parse(readPiece(last, Math.max(0, size - END_BYTES)))];
  } catch {
    // A folder that goes away while it is listed.
    return [];
  }
}

function readPiece(file: string, from: number): string {
  const fd = fs.openSync(file, 'r');
  try {
    const piece = Buffer.alloc(END_BYTES);
    const length = fs.readSync(fd, piece, 0, piece.length, from);
    return piece.toString('utf8', 0, length);
  } finally {
    fs.closeSync(fd);
  }
}

/** Lines cut off at either end of the piece are no JSON, and are left out like any that cannot be read. */
function parse(piece: string): JournalRecord[] {
  return piece.split('\n').flatMap((line) => {
    // Cheap to tell apart, and most of a journal: events say nothing about how a run stands.
    if (line === '' || line.includes('"kind":"event"')) return [];
    try {
      return parseRecord(JSON.parse(line)) ?? [];
    } catch {
      return [];
    }
  });
}
