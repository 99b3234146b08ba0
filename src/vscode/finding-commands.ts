import * as vscode from 'vscode';
import { commentLabel } from './finding-look.ts';
import type { PlacedFinding } from './findings.ts';
import type { Shell } from './shell.ts';

/** Dismisses the finding of a comment thread or of a quick fix; from the palette, one to choose. */
export async function dismissFinding({ findings, notices }: Shell, argument: unknown): Promise<void> {
  const given = typeof argument === 'string' ? argument : findings.idOfThread(argument);
  if (given === undefined && findings.placed.length === 0) {
    notices.info(vscode.l10n.t('There are no findings.'));
    return;
  }
  const id = given ?? (await pickFinding(findings.placed));
  if (id !== undefined) findings.dismiss([id]);
}

export function dismissAllFindings({ findings, notices }: Shell): void {
  const ids = findings.placed.map(({ finding }) => finding.id);
  if (ids.length === 0) notices.info(vscode.l10n.t('There are no findings.'));
  else findings.dismiss(ids);
}

async function pickFinding(placed: readonly PlacedFinding[]): Promise<string | undefined> {
  const items = placed.map(({ finding }) => ({
    id: finding.id,
    label: commentLabel(finding, vscode.l10n.t),
    description: finding.range === undefined ? finding.file : `${finding.file}:${finding.range.start}`,
  }));
  return (
    await vscode.window.showQuickPick(items, {
      title: vscode.l10n.t('Dismiss which finding?'),
      matchOnDescription: true,
    })
  )?.id;
}
