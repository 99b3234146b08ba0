import * as vscode from 'vscode';
import { rangeOf } from './finding-diagnostics.ts';
import { commentLabel, commentMarkdown, confidenceTitle } from './finding-look.ts';
import type { PlacedFinding } from './findings.ts';

/** Findings as comment threads, one each, where the user reads them beside the code. */
export class FindingComments implements vscode.Disposable {
  readonly #controller = vscode.comments.createCommentController(
    'holdfast.findings',
    vscode.l10n.t('Holdfast Findings'),
  );
  readonly #threads = new Map<string, { thread: vscode.CommentThread; runId: string }>();

  /** Threads of findings that stay keep their state: one that is open stays open. */
  show(placed: readonly PlacedFinding[]): void {
    const left = new Map(this.#threads);
    for (const each of placed) {
      const { finding, place } = each;
      const known = left.get(finding.id);
      if (known?.runId === each.runId) {
        known.thread.range = rangeFor(place);
        left.delete(finding.id);
      } else {
        known?.thread.dispose();
        left.delete(finding.id);
        this.#threads.set(finding.id, { thread: this.#create(each), runId: each.runId });
      }
    }
    for (const [id, { thread }] of left) {
      thread.dispose();
      this.#threads.delete(id);
    }
  }

  /** The finding that a thread shows. */
  idOf(thread: unknown): string | undefined {
    for (const [id, known] of this.#threads) if (known.thread === thread) return id;
    return undefined;
  }

  dispose(): void {
    this.#controller.dispose();
  }

  #create({ finding, uri, place, demo }: PlacedFinding): vscode.CommentThread {
    const body = new vscode.MarkdownString(commentMarkdown(finding, vscode.l10n.t));
    // The model's words: no commands, no HTML.
    body.isTrusted = false;
    body.supportHtml = false;
    const author = { name: demo ? vscode.l10n.t('Holdfast demo') : 'Holdfast' };
    const label = confidenceTitle(finding.confidence, vscode.l10n.t);
    const comment: vscode.Comment = { author, body, label, mode: vscode.CommentMode.Preview };
    const thread = this.#controller.createCommentThread(uri, rangeFor(place), [comment]);
    thread.label = commentLabel(finding, vscode.l10n.t);
    thread.canReply = false;
    thread.state = vscode.CommentThreadState.Unresolved;
    thread.collapsibleState = vscode.CommentThreadCollapsibleState.Collapsed;
    thread.contextValue = 'finding';
    return thread;
  }
}

function rangeFor(place: PlacedFinding['place']): vscode.Range {
  return place === 'file' ? new vscode.Range(0, 0, 0, 0) : rangeOf(place);
}
