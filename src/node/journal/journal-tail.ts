/** Reads a journal while it is being written: each look takes what was added since the last one. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type JournalRecord, parseRecord } from '../../core/journal/record.ts';
import { journalFiles } from './journal-writer.ts';

/** Taken from a file at once, bytes. Lines may be longer; they are put together. */
const READ_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;

export interface Added {
  records: JournalRecord[];
  /** Lines that could not be read, a sentence each. */
  problems: string[];
}

export class JournalTail {
  readonly #where: string;
  readonly #isFolder: boolean;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  #index = 0;
  #offset = 0;
  /** The beginning of a line whose end is not written yet. */
  #rest: Buffer[] = [];

  /** @param where a run's folder, or one journal file. */
  constructor(where: string) {
    this.#where = where;
    this.#isFolder = fs.statSync(where).isDirectory();
  }

  read(): Added {
    const added: Added = { records: [], problems: [] };
    // A file is complete once the next one is there, which must be known before the file is read to its end.
    for (;;) {
      const files = this.#isFolder ? journalFiles(this.#where) : [this.#where];
      const file = files[this.#index];
      if (file === undefined) return added;
      this.#readFile(file, added);
      if (this.#index + 1 >= files.length) return added;
      this.#take(path.basename(file), Buffer.alloc(0), added);
      this.#index++;
      this.#offset = 0;
    }
  }

  #readFile(file: string, added: Added): void {
    const name = path.basename(file);
    const fd = fs.openSync(file, 'r');
    try {
      for (;;) {
        const length = fs.readSync(fd, this.#buffer, 0, READ_BYTES, this.#offset);
        if (length === 0) return;
        this.#offset += length;
        let from = 0;
        for (let end = this.#lineEnd(from, length); end >= 0; end = this.#lineEnd(from, length)) {
          this.#take(name, this.#buffer.subarray(from, end), added);
          from = end + 1;
        }
        if (from < length) this.#rest.push(Buffer.from(this.#buffer.subarray(from, length)));
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  #lineEnd(from: number, length: number): number {
    const end = this.#buffer.indexOf(LINE_FEED, from);
    return end < length ? end : -1;
  }

  #take(name: string, piece: Buffer, added: Added): void {
    const line = this.#rest.length === 0 ? piece : Buffer.concat([...this.#rest, piece]);
    this.#rest = [];
    if (line.length === 0) return;
    try {
      const record = parseRecord(JSON.parse(line.toString('utf8')));
      if (record !== undefined) added.records.push(record);
    } catch (error) {
      added.problems.push(
        `${name}: ${error instanceof SyntaxError ? 'torn line' : (error as Error).message}`,
      );
    }
  }
}
