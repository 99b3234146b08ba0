import * as vscode from 'vscode';
import type { Severity } from '../core/review/finding.ts';
import { problemMessage } from './finding-look.ts';
import { type Place, underline } from './finding-place.ts';
import { groupBy } from './group-by.ts';
import type { PlacedFinding } from './findings.ts';

const SOURCE = 'Holdfast';
const DEMO_SOURCE = 'Holdfast demo';

/** Findings in Problems and underlined in the code. */
export class FindingDiagnostics implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection('holdfast');

  show(placed: readonly PlacedFinding[]): void {
    const files = groupBy(placed, ({ uri }) => uri.toString());
    this.#collection.clear();
    this.#collection.set([...files].map(([uri, here]) => [vscode.Uri.parse(uri), here.map(diagnosticOf)]));
  }

  dispose(): void {
    this.#collection.dispose();
  }
}

function diagnosticOf({ finding, place, demo }: PlacedFinding): vscode.Diagnostic {
  const range = place === 'file' ? new vscode.Range(0, 0, 0, 0) : rangeOf(underline(place));
  const diagnostic = new vscode.Diagnostic(range, problemMessage(finding), severityOf(finding.severity));
  diagnostic.source = demo ? DEMO_SOURCE : SOURCE;
  diagnostic.code = finding.id;
  return diagnostic;
}

export function rangeOf({ start, end }: Pick<Place, 'start' | 'end'>): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** The id of the finding that a diagnostic shows; undefined for one of somebody else. */
export function findingIdOf({ source, code }: vscode.Diagnostic): string | undefined {
  return (source === SOURCE || source === DEMO_SOURCE) && typeof code === 'string' ? code : undefined;
}

/** The editor has no word for critical, and hides hints from Problems. */
function severityOf(severity: Severity): vscode.DiagnosticSeverity {
  switch (severity) {
    case 'critical':
    case 'high':
      return vscode.DiagnosticSeverity.Error;
    case 'medium':
      return vscode.DiagnosticSeverity.Warning;
    case 'low':
    case 'info':
      return vscode.DiagnosticSeverity.Information;
  }
}
