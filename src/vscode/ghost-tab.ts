import * as vscode from 'vscode';
import { explain } from '../core/errors.ts';
import { PANEL_VIEW_TYPE } from './panel.ts';

/** After a reload the editor hands its page over within moments of the activation; a slow machine may need this, ms. */
const HANDOVER_MS = 3_000;

export interface GhostTabOptions {
  /** Whether this extension host has a page. */
  hasPage(): boolean;
  /** Opens the panel anew, with what it showed last. */
  reopen(column: vscode.ViewColumn): Promise<void>;
  log: { warn(text: string): void };
}

/**
 * When an extension host dies, the editor starts another one and leaves the tab of the old one's webview open: its
 * page is still there and connected to nobody (seen on 1.100 to 1.106). A reload hands the page to the new host; this
 * does not, so a tab in sight that nobody was handed is closed and opened anew.
 */
export class GhostTab implements vscode.Disposable {
  readonly #options: GhostTabOptions;
  readonly #listening: vscode.Disposable;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GhostTabOptions) {
    this.#options = options;
    this.#listening = vscode.window.tabGroups.onDidChangeTabs(() => this.#look());
    this.#look();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#listening.dispose();
  }

  #look(): void {
    if (this.#timer !== undefined || this.#options.hasPage() || tabInSight() === undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#replace();
    }, HANDOVER_MS);
  }

  async #replace(): Promise<void> {
    const tab = tabInSight();
    if (tab === undefined || this.#options.hasPage()) return;
    try {
      const { viewColumn } = tab.group;
      await vscode.window.tabGroups.close(tab, true);
      await this.#options.reopen(viewColumn);
    } catch (error) {
      this.#options.log.warn(`opening the panel anew: ${explain(error)}`);
    }
  }
}

/** The editor puts a prefix of its own before the type. */
function tabInSight(): vscode.Tab | undefined {
  return vscode.window.tabGroups.all
    .map(({ activeTab }) => activeTab)
    .find(
      (tab) => tab?.input instanceof vscode.TabInputWebview && tab.input.viewType.endsWith(PANEL_VIEW_TYPE),
    );
}
