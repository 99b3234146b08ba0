import * as vscode from 'vscode';
import { explain } from '../core/errors.ts';
import type { Notices, NoticeAction } from './notices.ts';

const INSTALL_PAGE = 'https://opencode.ai/docs/#install';

/**
 * Says why something could not be done, once, with what can be done about it. A cancellation is no failure.
 *
 * Our errors are told apart by their `kind`, since their classes exist twice, in either half of the extension.
 */
export function reportFailure(notices: Notices, error: unknown): void {
  const kind = (error as { kind?: unknown } | undefined)?.kind;
  if (kind === 'cancelled') return;
  notices.error(explain(error), actionsFor(error, kind));
}

function actionsFor(error: unknown, kind: unknown): NoticeAction[] {
  switch (kind) {
    case 'engine-missing':
      return missingEngineActions();
    case 'install':
      return (error as { retriable?: unknown }).retriable === true
        ? [
            commandAction(vscode.l10n.t('Try Again'), 'holdfast.installEngine'),
            commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog'),
            howToInstall(),
          ]
        : [
            howToInstall(),
            commandAction(vscode.l10n.t('Set Engine Path'), 'holdfast.setEnginePath'),
            commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog'),
          ];
    case 'start':
    case 'request':
      return [
        commandAction(vscode.l10n.t('Restart Server'), 'holdfast.restartServer'),
        commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog'),
      ];
    case 'foreign-run':
      return [commandAction(vscode.l10n.t('Take Over'), 'holdfast.takeOver')];
    case 'target':
      return [];
    default:
      return [commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog')];
  }
}

export function missingEngineActions(): NoticeAction[] {
  return [
    commandAction(vscode.l10n.t('Install Engine'), 'holdfast.installEngine'),
    commandAction(vscode.l10n.t('Set Engine Path'), 'holdfast.setEnginePath'),
  ];
}

/** Other ways to get the engine. */
function howToInstall(): NoticeAction {
  return {
    title: vscode.l10n.t('How to Install'),
    run: () => vscode.env.openExternal(vscode.Uri.parse(INSTALL_PAGE)),
  };
}

export function commandAction(title: string, command: string, ...args: unknown[]): NoticeAction {
  return { title, run: () => vscode.commands.executeCommand(command, ...args) };
}
