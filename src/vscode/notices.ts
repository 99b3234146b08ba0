import * as vscode from 'vscode';
import { notificationLevel } from './settings.ts';

/** A button of a notification. */
export interface NoticeAction {
  title: string;
  run(): unknown;
}

/**
 * The only place that shows notifications, so that each is said once, in the log too, and all can be silenced.
 * None of these waits for the user.
 */
export class Notices {
  readonly #log: vscode.LogOutputChannel;

  constructor(log: vscode.LogOutputChannel) {
    this.#log = log;
  }

  /** Something did not work and the user has to know. */
  error(text: string, actions: readonly NoticeAction[] = []): void {
    this.#log.error(text);
    if (notificationLevel() !== 'none')
      offer(vscode.window.showErrorMessage(text, ...titles(actions)), actions);
  }

  /** Something is not as the user wrote it, and what is done instead. */
  warning(text: string, actions: readonly NoticeAction[] = []): void {
    this.#log.warn(text);
    if (notificationLevel() !== 'none')
      offer(vscode.window.showWarningMessage(text, ...titles(actions)), actions);
  }

  /** Good to know. */
  info(text: string, actions: readonly NoticeAction[] = []): void {
    this.#log.info(text);
    if (notificationLevel() === 'all')
      offer(vscode.window.showInformationMessage(text, ...titles(actions)), actions);
  }
}

function titles(actions: readonly NoticeAction[]): string[] {
  return actions.map((action) => action.title);
}

function offer(shown: Thenable<string | undefined>, actions: readonly NoticeAction[]): void {
  void shown.then((title) => actions.find((action) => action.title === title)?.run());
}
