import * as vscode from 'vscode';
import { panelTabs } from './panel-tabs.ts';

/** After a reload the editor hands its page over within moments of the activation; a slow machine may need this, ms. */
const HANDOVER_MS = 3_000;

export interface GhostTabOptions {
  /** Whether this extension host has a page. */
  hasPage(): boolean;
  /** Puts a page into the place of the one that nobody has. Never rejects. */
  reopen(): Promise<void>;
}

/**
 * When an extension host dies, the editor starts another one and leaves the tab of the old one's webview open: its
 * page is still there and connected to nobody (seen on 1.100 to 1.106). A reload hands the page to the new host; this
 * does not, so a tab in sight that nobody was handed is replaced. One behind other tabs is so once it comes to the
 * front, which is when the editor would hand it over.
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
    if (this.#timer !== undefined || !this.#isHaunted()) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isHaunted()) void this.#options.reopen();
    }, HANDOVER_MS);
  }

  #isHaunted(): boolean {
    return !this.#options.hasPage() && panelTabs().some(({ isActive }) => isActive);
  }
}
