import * as vscode from 'vscode';
import { runLook } from './run-look.ts';
import type { RunItem } from './sessions-tree.ts';
import type { Shell } from './shell.ts';

/** Lets the user choose a session; undefined when they do not, or when there is none. */
export async function pickRun(
  { hosting, sessions, notices }: Shell,
  title: string,
  fits: (item: RunItem) => boolean = () => true,
): Promise<string | undefined> {
  const items = sessions
    .getChildren()
    .filter(fits)
    .map(({ summary }) => {
      const look = runLook(summary, hosting.standing(summary.id), Date.now(), vscode.l10n.t);
      return { id: summary.id, label: `$(${look.icon}) ${look.label}`, description: look.description };
    });
  if (items.length === 0) {
    notices.info(vscode.l10n.t('There is no session yet.'));
    return undefined;
  }
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.id;
}
