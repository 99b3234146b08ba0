/** The rows of a view, with what changed since the last look kept apart: a patch follows what changed, not what is there. */
import type { PatchOp, Row } from '../protocol.ts';

/** What changed in a row since the last `takeOps`: the whole of it, or text from this length on. */
type Change = 'whole' | { from: number };

export class RowStore {
  readonly #rows = new Map<string, Row>();
  readonly #changes = new Map<string, Change>();
  readonly #gone: string[] = [];
  readonly #max: number;
  readonly #slack: number;
  #dropped = 0;

  /** @param max most rows, give or take a tenth; the oldest are dropped first. */
  constructor(max: number) {
    this.#max = max;
    this.#slack = Math.floor(max / 10);
  }

  /** How many were dropped because there were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** Adds a row, or puts it in the place of the one with its id. */
  put(row: Row): void {
    this.#rows.set(row.id, row);
    this.#changes.set(row.id, 'whole');
    if (this.#rows.size > this.#max + this.#slack) this.#trim();
  }

  /** Adds to the text of a row that is there. */
  append(row: Extract<Row, { text: string }>, text: string): void {
    if (!this.#changes.has(row.id)) this.#changes.set(row.id, { from: row.text.length });
    row.text += text;
  }

  remove(id: string): void {
    if (!this.#rows.delete(id)) return;
    this.#changes.delete(id);
    this.#gone.push(id);
  }

  /** All rows as they are now; what is pending is forgotten, since they have it. */
  snapshot(): Row[] {
    this.#changes.clear();
    this.#gone.length = 0;
    return [...this.#rows.values()].map((row) => ({ ...row }));
  }

  /** The changes since the last call, in the order to apply them. */
  takeOps(): PatchOp[] {
    const ops: PatchOp[] = this.#gone.map((id) => ({ op: 'drop', id }));
    for (const [id, change] of this.#changes) {
      const row = this.#rows.get(id);
      if (row === undefined) continue;
      if (change === 'whole' || !('text' in row)) ops.push({ op: 'row', row: { ...row } });
      else ops.push({ op: 'append', id, at: change.from, text: row.text.slice(change.from) });
    }
    this.#changes.clear();
    this.#gone.length = 0;
    return ops;
  }

  /** Many at once: taking the first of a map whose first ones were deleted is slow. */
  #trim(): void {
    for (const oldest of this.#rows.keys()) {
      if (this.#rows.size <= this.#max) break;
      this.remove(oldest);
      this.#dropped++;
    }
  }
}
