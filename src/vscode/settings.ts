import * as vscode from 'vscode';
import { parseSettings, type Settings } from '../core/settings.ts';

export const SECTION = 'holdfast';

/** Which notifications are shown: `errors` leaves out what only informs, `none` leaves all to the log. */
export type NotificationLevel = 'all' | 'errors' | 'none';

/** The settings as they are now, with a sentence for each value that cannot be used. */
export function readSettings(): { settings: Settings; warnings: string[] } {
  const configuration = vscode.workspace.getConfiguration(SECTION);
  return parseSettings((key) => configuration.get<unknown>(key));
}

export function notificationLevel(): NotificationLevel {
  const level = vscode.workspace.getConfiguration(SECTION).get<unknown>('notifications');
  return level === 'errors' || level === 'none' ? level : 'all';
}

export async function setModel(model: string): Promise<void> {
  await vscode.workspace.getConfiguration(SECTION).update('model', model, vscode.ConfigurationTarget.Global);
}
