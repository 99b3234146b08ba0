import * as vscode from 'vscode';
import { explain } from '../core/errors.ts';
import type { Notices, NoticeAction } from './notices.ts';

/**
 * Says why something could not be done, once, with what can be done about it. A cancellation is no failure.
 *
 * Our errors are told apart by their `kind`, since their classes exist twice, in either half of the extension.
 */
export function reportFailure(notices: Notices, error: unknown): void {
  const kind = (error as { kind?: unknown } | undefined)?.kind;
  if (kind === 'cancelled') return;
  notices.error(explain(error), actionsFor(kind));
}

function actionsFor(kind: unknown): NoticeAction[] {
  switch (kind) {
    case 'engine-missing':
      return missingEngineActions();
    case 'start':
    case 'request':
      return [
        commandAction(vscode.l10n.t('Restart Server'), 'holdfast.restartServer'),
        commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog'),
      ];
    case 'target':
    case 'foreign-run':
      return [];
    default:
      return [commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog')];
  }
}

export function missingEngineActions(): NoticeAction[] {
  return [
    commandAction(vscode.l10n.t('How to Install'), 'holdfast.installEngine'),
    commandAction(vscode.l10n.t('Set Engine Path'), 'holdfast.setEnginePath'),
  ];
}

export function commandAction(title: string, command: string, ...args: unknown[]): NoticeAction {
  return { title, run: () => vscode.commands.executeCommand(command, ...args) };
}
