/**
 * The journal of a run on a disk that may be full for a while, or read-only:
 *
 *     whole ──a write fails──▶ behind ──there is room again──▶ whole
 *
 * While it is behind, records wait in memory, in order.
 */
import type { Clock } from '../../core/clock.ts';
import { explain } from '../../core/errors.ts';
import type { JournalRecord } from '../../core/journal/record.ts';
import type { JournalWriter } from './journal-writer.ts';

/** How often a journal that is behind is tried again, ms: soon enough for a user who has made room. */
const RETRY_MS = 5_000;

export interface PatientJournalOptions {
  writer: JournalWriter;
  clock: Clock;
  /** Asked before what waits is written: another process may have the journal by now. */
  isOurs(): boolean;
  /** Told once when it falls behind. */
  onBehind(error: unknown): void;
  /** Something to be noted in the run, a sentence. */
  onNote(level: 'info' | 'warning', text: string): void;
}

export class PatientJournal {
  readonly #options: PatientJournalOptions;
  #behind: { error: unknown; cancelRetry: () => void } | undefined;

  constructor(options: PatientJournalOptions) {
    this.#options = options;
  }

  get folder(): string {
    return this.#options.writer.folder;
  }

  /** False while it is behind: what happens is known in memory alone. */
  get isWhole(): boolean {
    return this.#behind === undefined;
  }

  write(records: readonly JournalRecord[]): void {
    const { writer, onBehind, onNote } = this.#options;
    // Looked at again by the timer, and before anything is sent: not at each of 25 batches a second.
    if (this.#behind !== undefined) return writer.hold(records);
    try {
      writer.append(records);
    } catch (error) {
      this.#behind = { error, cancelRetry: this.#retryLater() };
      onBehind(error);
      const meanwhile = 'Until then what happens here is kept in memory, and nothing new is sent.';
      onNote('warning', `${explain(error)} ${meanwhile}`);
    }
  }

  /** Makes sure that everything so far is on disk. @throws JournalError */
  assertWhole(): void {
    this.#catchUp();
    if (this.#behind !== undefined) throw this.#behind.error;
  }

  /** Another process writes it from here on. */
  forget(): void {
    this.#behind?.cancelRetry();
    this.#behind = undefined;
    this.#options.writer.forget();
  }

  /** Writes what waits, if the disk takes it now and it is still ours. */
  close(): void {
    this.#behind?.cancelRetry();
    if (!this.#options.isOurs()) this.#options.writer.forget();
    this.#options.writer.close();
  }

  #retryLater(): () => void {
    return this.#options.clock.setTimer(RETRY_MS, () => {
      this.#catchUp();
      if (this.#behind !== undefined) this.#behind.cancelRetry = this.#retryLater();
    });
  }

  #catchUp(): void {
    const { writer, isOurs, onNote } = this.#options;
    if (this.#behind === undefined || !isOurs()) return;
    try {
      writer.flush();
    } catch (error) {
      this.#behind.error = error;
      return;
    }
    this.#behind.cancelRetry();
    this.#behind = undefined;
    const lost = writer.takeLost();
    if (lost === 0) onNote('info', 'The journal is written again. Nothing is missing in it.');
    else
      onNote('warning', `The journal is written again. ${lost} records before this one are missing in it.`);
  }
}
