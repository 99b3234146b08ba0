/**
 * The append-only journal of one run on disk: `journal-000001.jsonl`, `journal-000002.jsonl`, … in a folder of
 * its own. A batch of records is one write of whole lines, so that a crash can tear only the last line; a
 * writer that finds a torn line begins on a new one. Nothing is ever rewritten or cut.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { JournalError } from '../../core/errors.ts';
import { type JournalRecord, RecordBodySchema } from '../../core/journal/record.ts';

/** A file is closed and the next one begun at this size, bytes: small enough to open in an editor. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Most files of a run; a run beyond (1 GiB) is stopped rather than allowed to fill the disk. */
export const MAX_FILES = 64;
/** Other users of the machine have no business here: prompts and code are in it. */
const PRIVATE = 0o600;

export class JournalWriter {
  #fd: number | undefined;
  /** Number of the file to write to; 0 until the first write, since until then another process may be writing. */
  #index = 0;
  /** The last write may have left part of a line behind. */
  #torn = false;

  /**
   * Makes the folder of a journal when needed. Nothing is opened before the first write.
   * @throws JournalError when the folder cannot be written.
   */
  constructor(readonly folder: string) {
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw failure(folder, cause);
    }
  }

  /**
   * Appends records; they are in the operating system's hands when this returns, so a death of this process
   * loses none of them.
   * @throws JournalError when the disk is full or the folder is gone. The records of the call may then be
   *   missing or torn, never those before.
   */
  append(records: readonly JournalRecord[]): void {
    if (records.length === 0) return;
    let text = '';
    for (const record of records) {
      v.assert(RecordBodySchema, record);
      text += `${JSON.stringify(record)}\n`;
    }
    try {
      if (this.#index === 0) this.#findEnd();
      const bytes = Buffer.from(this.#torn ? `\n${text}` : text, 'utf8');
      const fd = this.#open();
      this.#torn = true;
      let written = 0;
      while (written < bytes.length) written += fs.writeSync(fd, bytes, written);
      this.#torn = false;
    } catch (cause) {
      throw failure(this.folder, cause);
    }
  }

  close(): void {
    if (this.#fd === undefined) return;
    fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #findEnd(): void {
    this.#index = Math.max(1, journalFiles(this.folder).length);
    this.#torn = endsTorn(this.#file());
  }

  /** The file to write to: the current one, or a new one when that is full. */
  #open(): number {
    for (;;) {
      this.#fd ??= fs.openSync(this.#file(), 'a', PRIVATE);
      if (fs.fstatSync(this.#fd).size < MAX_FILE_BYTES) return this.#fd;
      if (this.#index >= MAX_FILES) {
        throw new Error(`a run may write at most ${MAX_FILES} files of ${MAX_FILE_BYTES >> 20} MiB`);
      }
      this.close();
      this.#index++;
    }
  }

  #file(): string {
    return path.join(this.folder, `journal-${String(this.#index).padStart(6, '0')}.jsonl`);
  }
}

/** The journal's files of a folder in the order they were written; absolute paths. */
export function journalFiles(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => /^journal-\d{6}\.jsonl$/.test(name))
    .toSorted()
    .map((name) => path.join(folder, name));
}

function endsTorn(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  const fd = fs.openSync(file, 'r');
  try {
    const { size } = fs.fstatSync(fd);
    if (size === 0) return false;
    const last = Buffer.alloc(1);
    fs.readSync(fd, last, 0, 1, size - 1);
    return last[0] !== 0x0a;
  } finally {
    fs.closeSync(fd);
  }
}

function failure(folder: string, cause: unknown): JournalError {
  const code = (cause as NodeJS.ErrnoException).code;
  const why =
    code === 'ENOSPC'
      ? 'the disk is full. Free some space and run again'
      : code === 'EACCES' || code === 'EROFS' || code === 'EPERM'
        ? 'the folder cannot be written'
        : code === 'ENOENT'
          ? 'the folder is gone'
          : (cause as Error).message;
  return new JournalError(`The journal in ${folder} cannot be written: ${why}.`, { cause });
}
