/**
 * Takes the decisions of a journal again. Every decision of the fold is a record that it proposed, so the same
 * records must propose the same decisions, in the same order. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { JournalRecord, RecordBody, RecordKind } from '../core/journal/record.ts';
import { isOvertaken, type RunEffect, type RunState } from '../core/journal/state.ts';

/** Records that only the fold proposes. The others of its proposals are also written by what surrounds it. */
const OF_THE_FOLD: ReadonlySet<RecordKind> = new Set([
  'step-started',
  'step-ended',
  'turn-settled',
  'incident',
  'decision',
  'stall',
  'parked',
]);

export class Recomputation {
  /** Proposed, and not yet seen in the journal. */
  readonly #pending: RecordBody[] = [];
  /** A sentence for each decision that came out differently. */
  readonly differences: string[] = [];

  /** Takes the next record, the effects that folding it had, and the state that has it. */
  take(record: JournalRecord, effects: readonly RunEffect[], state: RunState): void {
    this.#match(record);
    for (const effect of effects) if (effect.type === 'record') this.#pending.push(effect.body);
    // As the driver does: of decisions that come together the first stands.
    const standing = this.#pending.filter((body) => !isOvertaken(state, body));
    this.#pending.splice(0, this.#pending.length, ...standing);
  }

  /** @param isWhole whether the journal has its end; a torn one may lack what was decided last. */
  finish(isWhole: boolean): void {
    if (!isWhole) return;
    for (const body of this.#pending)
      this.differences.push(`now decided and not in the journal: ${inWords(body)}`);
    this.#pending.length = 0;
  }

  #match(record: JournalRecord): void {
    const { seq, at: _at, ...body } = record;
    const same = this.#pending.findIndex((pending) => isDeepStrictEqual(pending, body));
    if (same >= 0) {
      this.#pending.splice(same, 1);
      return;
    }
    if (isFromOutside(record)) return;
    const other = this.#pending.findIndex((pending) => pending.kind === record.kind);
    if (other < 0 && !OF_THE_FOLD.has(record.kind)) return;
    const now = other < 0 ? 'nothing' : inWords(this.#pending[other] as RecordBody);
    this.differences.push(
      `record ${seq}: the journal has ${inWords(body as RecordBody)}, now decided: ${now}`,
    );
    if (other >= 0) this.#pending.splice(other, 1);
  }
}

/** A turn whose owner died, or was made to end at once, is settled by whoever finds it. */
function isFromOutside(record: JournalRecord): boolean {
  return record.kind === 'turn-settled' && record.inferred && record.outcome !== 'ok';
}

function inWords(body: RecordBody): string {
  const outcome = 'outcome' in body ? ` ${body.outcome}` : '';
  const message = 'message' in body && body.message !== undefined ? ` (${body.message})` : '';
  return `${body.kind}${outcome}${message}`;
}
