import * as vscode from 'vscode';
import { explain } from '../core/errors.ts';

export const PANEL_VIEW_TYPE = 'holdfast.panel';

/** The tabs of the panel in all groups: at most one, unless an extension host has died. */
export function panelTabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(
      // The editor puts a prefix of its own before the type.
      ({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith(PANEL_VIEW_TYPE),
    );
}

/** Closes tabs without moving the focus. Never throws: one that is gone already is closed. */
export async function closeTabs(
  tabs: readonly vscode.Tab[],
  log: { debug(text: string): void },
): Promise<void> {
  for (const tab of tabs) {
    try {
      await vscode.window.tabGroups.close(tab, true);
    } catch (error) {
      log.debug(`closing a tab: ${explain(error)}`);
    }
  }
}
