import * as vscode from 'vscode';
import { findingIdOf, rangeOf } from './finding-diagnostics.ts';
import { placeOf } from './finding-place.ts';
import type { Findings, PlacedFinding } from './findings.ts';

/** Quick fixes of findings: take over what was suggested, or take the finding away. */
export class FindingActions implements vscode.CodeActionProvider {
  static readonly metadata: vscode.CodeActionProviderMetadata = {
    providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
  };
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    context: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    return context.diagnostics.flatMap((diagnostic) => {
      const id = findingIdOf(diagnostic);
      const placed = id === undefined ? undefined : this.#findings.get(id);
      if (placed === undefined || placed.uri.toString() !== document.uri.toString()) return [];
      return [...suggestionOf(document, placed), dismissOf(placed)].map((action) => {
        action.diagnostics = [diagnostic];
        return action;
      });
    });
  }
}

/** Only while the text that the suggestion is about is still there: it replaces that and nothing else. */
function suggestionOf(document: vscode.TextDocument, { finding, place }: PlacedFinding): vscode.CodeAction[] {
  if (finding.suggestion === undefined || place === 'file') return [];
  const now = placeOf(document.getText(), finding);
  if (now === undefined) return [];
  const action = new vscode.CodeAction(
    vscode.l10n.t('Apply suggestion: {0}', finding.title),
    vscode.CodeActionKind.QuickFix,
  );
  action.edit = new vscode.WorkspaceEdit();
  action.edit.replace(document.uri, rangeOf(now), finding.suggestion);
  action.isPreferred = true;
  return [action];
}

function dismissOf({ finding }: PlacedFinding): vscode.CodeAction {
  const title = vscode.l10n.t('Dismiss finding: {0}', finding.title);
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.command = { command: 'holdfast.dismissFinding', title, arguments: [finding.id] };
  return action;
}
