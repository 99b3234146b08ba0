import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { explain } from '../core/errors.ts';
import type { Finding, LineRange } from '../core/review/finding.ts';
import { FindingComments } from './finding-comments.ts';
import { FindingDiagnostics } from './finding-diagnostics.ts';
import { type Place, placeOf } from './finding-place.ts';
import { groupBy } from './group-by.ts';
import type { Hosting } from './hosting.ts';
import { loadHost } from './load-host.ts';
import type { Review } from './review-store.ts';

/** Reviews looked through for the latest one with a result; the ones before it failed. */
const MAX_LOOKED_AT = 5;

/** A finding of the shown review with its place in the file as it is now. */
export interface PlacedFinding {
  readonly finding: Finding;
  /** The review that reported it. */
  readonly runId: string;
  readonly uri: vscode.Uri;
  /** True when the embedded demo model reported it. */
  readonly demo: boolean;
  /** `file` when its text was never in the file; then it belongs to the file as a whole. */
  readonly place: Place | 'file';
}

/** The findings of the latest review, kept where their code is. What the user dismissed or changed away is not there. */
export class Findings implements vscode.Disposable {
  readonly #hosting: Hosting;
  readonly #log: vscode.LogOutputChannel;
  readonly #diagnostics = new FindingDiagnostics();
  readonly #comments = new FindingComments();
  readonly #disposables: vscode.Disposable[];
  readonly #placed = new Map<string, PlacedFinding>();
  #review: Review | undefined;
  #dismissed = new Set<string>();
  /** Counts what was loaded, so that a slower answer about an older review is left out. */
  #generation = 0;

  constructor(hosting: Hosting, log: vscode.LogOutputChannel) {
    this.#hosting = hosting;
    this.#log = log;
    this.#disposables = [
      this.#diagnostics,
      this.#comments,
      hosting.onRecord(({ run, record }) => {
        if (record.kind === 'run-ended' && run.state.findings !== undefined) void this.#load(run.folder);
      }),
      vscode.workspace.onDidSaveTextDocument((document) => void this.#placeAgain(document.uri)),
    ];
  }

  get runId(): string | undefined {
    return this.#review?.runId;
  }

  /** Those that stand somewhere now, in the order of the review. */
  get placed(): PlacedFinding[] {
    return [...this.#placed.values()];
  }

  get(id: string): PlacedFinding | undefined {
    return this.#placed.get(id);
  }

  /** Shows the findings of the latest review that has a result. */
  async restore(): Promise<void> {
    const { folder, storage } = this.#hosting;
    if (folder === undefined) return;
    const { listRuns, runsFolder } = loadHost();
    const reviews = listRuns(runsFolder(storage, folder)).filter((entry) => entry.info?.type === 'review');
    for (const entry of reviews.slice(0, MAX_LOOKED_AT)) if (await this.#load(entry.folder)) return;
  }

  /** Takes findings away for good; they stay in the report and in the panel. */
  dismiss(ids: readonly string[]): void {
    if (this.#review === undefined) return;
    for (const id of ids) {
      this.#dismissed.add(id);
      this.#placed.delete(id);
    }
    loadHost().writeDismissed(this.#review.folder, this.#dismissed);
    this.#show();
  }

  /** The finding that a comment thread shows. */
  idOfThread(thread: unknown): string | undefined {
    return this.#comments.idOf(thread);
  }

  /** Shows nothing, because the run is gone. */
  clear(runId: string): void {
    if (this.#review?.runId !== runId) return;
    this.#generation++;
    this.#review = undefined;
    this.#placed.clear();
    this.#show();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** False when there is no result in that folder. */
  async #load(folder: string): Promise<boolean> {
    const generation = ++this.#generation;
    let review: Review | undefined;
    try {
      review = loadHost().readReview(folder);
    } catch (error) {
      this.#log.warn(`findings: ${explain(error)}`);
    }
    if (review === undefined) return false;
    const files = groupBy(
      review.findings.filter(({ id }) => !review.dismissed.has(id)),
      ({ file }) => file,
    );
    const placed = await Promise.all([...files].map(([file, findings]) => placeAll(review, file, findings)));
    if (generation !== this.#generation) return true;
    this.#review = review;
    this.#dismissed = new Set(review.dismissed);
    this.#placed.clear();
    const byId = new Map(placed.flat().map((each) => [each.finding.id, each]));
    for (const { id } of review.findings) {
      const each = byId.get(id);
      if (each !== undefined) this.#placed.set(id, each);
    }
    this.#show();
    return true;
  }

  /** A saved file: findings move with their code, and go with it. */
  async #placeAgain(uri: vscode.Uri): Promise<void> {
    const review = this.#review;
    if (review === undefined) return;
    const here = review.findings.filter(
      (finding) => !this.#dismissed.has(finding.id) && path.resolve(review.root, finding.file) === uri.fsPath,
    );
    const [first] = here;
    if (first === undefined) return;
    const generation = this.#generation;
    // Among several like places, the one nearest to where the finding stood last.
    const known = here.map((finding) => ({ ...finding, ...rangeNow(this.#placed.get(finding.id)) }));
    const placed = await placeAll(review, first.file, known);
    if (generation !== this.#generation) return;
    for (const { id } of here) this.#placed.delete(id);
    for (const each of placed)
      if (!this.#dismissed.has(each.finding.id)) this.#placed.set(each.finding.id, each);
    this.#show();
  }

  #show(): void {
    this.#diagnostics.show(this.placed);
    this.#comments.show(this.placed);
  }
}

async function placeAll(
  review: Review,
  file: string,
  findings: readonly Finding[],
): Promise<PlacedFinding[]> {
  const uri = vscode.Uri.file(path.resolve(review.root, file));
  const text = await textOf(uri);
  if (text === undefined) return [];
  return findings.flatMap((finding) => {
    const place = finding.anchored === 'none' ? 'file' : placeOf(text, finding);
    return place === undefined ? [] : [{ finding, runId: review.runId, uri, demo: review.demo, place }];
  });
}

function rangeNow(placed: PlacedFinding | undefined): { range?: LineRange } {
  if (placed === undefined || placed.place === 'file') return {};
  const { start, end } = placed.place;
  return { range: { start: start.line + 1, end: end.line + 1 } };
}

/** The text of a file as the user has it; undefined when there is none. */
async function textOf(uri: vscode.Uri): Promise<string | undefined> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open !== undefined) return open.getText();
  try {
    return await fs.readFile(uri.fsPath, 'utf8');
  } catch {
    return undefined;
  }
}
