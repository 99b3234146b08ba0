/** Reads journals back. A reader never fails on what it finds: it counts, names and goes on. */
import * as fs from 'node:fs';
import { JournalError } from '../../core/errors.ts';
import { type JournalRecord, parseRecord } from '../../core/journal/record.ts';
import { journalFiles } from './journal-writer.ts';

/** Most problems named one by one; the rest is counted. */
const MAX_PROBLEMS = 20;

export interface JournalContents {
  records: JournalRecord[];
  /** What could not be read, a sentence each: `journal-000001.jsonl line 7: not JSON`. */
  problems: string[];
  /** Records of kinds that this version does not know. */
  unknown: number;
}

/**
 * Reads the journal of a run.
 * @param where the run's folder, or one journal file.
 * @throws JournalError when there is no journal.
 */
export function readJournal(where: string): JournalContents {
  const contents: JournalContents = { records: [], problems: [], unknown: 0 };
  let problems = 0;
  for (const file of filesOf(where)) {
    const name = file.split(/[\\/]/).at(-1) ?? file;
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      if (line === '') continue;
      try {
        const record = parseRecord(JSON.parse(line));
        if (record === undefined) contents.unknown++;
        else contents.records.push(record);
      } catch (error) {
        problems++;
        const why =
          error instanceof SyntaxError
            ? index === lines.length - 1
              ? 'torn line'
              : 'not JSON'
            : (error as Error).message;
        if (contents.problems.length < MAX_PROBLEMS)
          contents.problems.push(`${name} line ${index + 1}: ${why}`);
      }
    }
  }
  if (problems > MAX_PROBLEMS) contents.problems.push(`… and ${problems - MAX_PROBLEMS} more`);
  return contents;
}

/** Reads the first whole record of a run, which says what it is; undefined when there is none. */
export function readFirstRecord(folder: string): JournalRecord | undefined {
  const [file] = journalFiles(folder);
  if (file === undefined) return undefined;
  const fd = fs.openSync(file, 'r');
  try {
    const head = Buffer.alloc(64 * 1024);
    const length = fs.readSync(fd, head, 0, head.length, 0);
    const end = head.indexOf(0x0a);
    if (end < 0 || end >= length) return undefined;
    return parseRecord(JSON.parse(head.toString('utf8', 0, end)));
  } catch {
    // Torn or foreign: the list shows it as unreadable, reading it whole says why.
    return undefined;
  } finally {
    fs.closeSync(fd);
  }
}

function filesOf(where: string): string[] {
  let files: string[];
  try {
    files = fs.statSync(where).isDirectory() ? journalFiles(where) : [where];
  } catch (cause) {
    throw new JournalError(`There is no journal at ${where}.`, { cause });
  }
  if (files.length === 0) throw new JournalError(`There is no journal in ${where}.`);
  return files;
}
