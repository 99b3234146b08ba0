/**
 * The append-only journal of one run on disk: `journal-000001.jsonl`, `journal-000002.jsonl`, … in a folder of
 * its own. A batch of records is one write of whole lines, so that a crash can tear only the last line; a
 * writer that finds a torn line begins on a new one. Nothing is ever rewritten, cut or removed, not to make room either.
 *
 * What a full or read-only disk does not take waits in memory, and goes on at the very byte where the disk stopped: once
 * there is room again, the journal has neither a hole nor a torn line.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { JournalError } from '../../core/errors.ts';
import { type JournalRecord, RecordBodySchema } from '../../core/journal/record.ts';
import { diskProblem, makeFolder } from '../disk-problem.ts';

/** A file is closed and the next one begun at this size, bytes: small enough to open in an editor. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Most files of a run; a run beyond (1 GiB) is stopped rather than allowed to fill the disk. */
export const MAX_FILES = 64;
/** What may wait in memory for a disk that takes nothing, bytes: hours of a turn. Records beyond are lost, and counted. */
export const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Other users of the machine have no business here: prompts and code are in it. */
const PRIVATE = 0o600;
const LINE_FEED = 0x0a;

/** Writes to a file's end as much as the disk takes. @returns the number of bytes. @throws the error of the system. */
type Write = (fd: number, bytes: Buffer) => number;

export class JournalWriter {
  readonly #write: Write;
  #fd: number | undefined;
  /** Number of the file to write to; 0 until the first write, since until then another process may be writing. */
  #index = 0;
  /** Whole lines that are not on disk, but for what is there of the first one. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Part of a line is on disk: the rest of it has to come next, and into the same file. */
  #isInLine = false;
  #lost = 0;

  /**
   * Makes the folder of a journal when needed. Nothing is opened before the first write.
   * @throws JournalError when the folder cannot be made.
   */
  constructor(
    readonly folder: string,
    write: Write = (fd, bytes) => fs.writeSync(fd, bytes),
  ) {
    this.#write = write;
    try {
      makeFolder(folder);
    } catch (cause) {
      throw failure(folder, cause);
    }
  }

  /**
   * Appends records; they are in the operating system's hands when this returns, so a death of this process
   * loses none of them.
   * @throws JournalError when the disk does not take all of it. What it did not take waits, in order.
   */
  append(records: readonly JournalRecord[]): void {
    this.hold(records);
    this.flush();
  }

  /** Has records wait for the next `flush`, without touching the disk. */
  hold(records: readonly JournalRecord[]): void {
    if (records.length === 0) return;
    let text = '';
    for (const record of records) {
      v.assert(RecordBodySchema, record);
      text += `${JSON.stringify(record)}\n`;
    }
    const bytes = Buffer.from(text, 'utf8');
    // What follows a hole would not tell where the hole is, so everything is lost until there is room.
    if (this.#lost > 0 || this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) this.#lost += records.length;
    else this.#wait(bytes);
  }

  /** Writes what waits. @throws JournalError like `append`. */
  flush(): void {
    try {
      if (this.#waiting.length > 0 && this.#index === 0) this.#findEnd();
      for (let bytes = this.#waiting[0]; bytes !== undefined; bytes = this.#waiting[0]) {
        const written = this.#write(this.#open(), bytes);
        if (written === 0) throw new Error('nothing was written');
        this.#isInLine = bytes[written - 1] !== LINE_FEED;
        this.#waitingBytes -= written;
        if (written < bytes.length) this.#waiting[0] = bytes.subarray(written);
        else this.#waiting.shift();
      }
    } catch (cause) {
      throw failure(this.folder, cause);
    }
  }

  /** How many records were lost for want of memory since this was asked last. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** Another process writes this journal from here on: what waits is not to be mixed with that. */
  forget(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#isInLine = false;
    this.#closeFile();
    this.#index = 0;
  }

  /** Writes what waits, if the disk takes it now. */
  close(): void {
    try {
      this.flush();
    } catch {
      // It was told when it began to fail.
    }
    this.#closeFile();
  }

  #wait(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #closeFile(): void {
    if (this.#fd === undefined) return;
    fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #findEnd(): void {
    const index = Math.max(1, journalFiles(this.folder).length);
    if (endsTorn(this.#file(index))) {
      this.#waiting.unshift(Buffer.of(LINE_FEED));
      this.#waitingBytes += 1;
    }
    this.#index = index;
  }

  /** The file to write to: the current one, or a new one when that is full. */
  #open(): number {
    for (;;) {
      this.#fd ??= fs.openSync(this.#file(this.#index), 'a', PRIVATE);
      if (this.#isInLine || fs.fstatSync(this.#fd).size < MAX_FILE_BYTES) return this.#fd;
      if (this.#index >= MAX_FILES) {
        throw new Error(
          `a run may write at most ${MAX_FILES} files of ${MAX_FILE_BYTES >> 20} MiB. Go on in a new session`,
        );
      }
      this.#closeFile();
      this.#index++;
    }
  }

  #file(index: number): string {
    return path.join(this.folder, `journal-${String(index).padStart(6, '0')}.jsonl`);
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
    return last[0] !== LINE_FEED;
  } finally {
    fs.closeSync(fd);
  }
}

function failure(folder: string, cause: unknown): JournalError {
  return new JournalError(`The journal in ${folder} cannot be written: ${diskProblem(cause)}.`, { cause });
}
