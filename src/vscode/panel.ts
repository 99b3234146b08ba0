import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { assertNever, explain } from '../core/errors.ts';
import type { Header, HostMessage, PanelMessage, PatchOp } from '../core/protocol.ts';
import type { Run } from '../node/run/run.ts';
import type { Drafts } from './drafts.ts';
import type { Hosting } from './hosting.ts';
import { loadHost } from './load-host.ts';
import type { PanelStore } from './panel-store.ts';
import { type PanelActions, performOnRun } from './panel-messages.ts';
import { panelPage } from './panel-page.ts';
import { closeTabs, PANEL_VIEW_TYPE, panelTabs } from './panel-tabs.ts';
import type { Submitted } from './prompting.ts';
import { runTitle } from '../core/journal/run-title.ts';

/**
 * The page in the editor area. VS Code drops its document while it is hidden and makes it anew afterwards.
 *
 *     loading ──ready──▶ live ⇄ hidden      (patches go to a live page alone; each return begins with a snapshot)
 */
interface Page {
  readonly panel: vscode.WebviewPanel;
  /** Number of the last message in the panel's count. */
  n: number;
  state: 'loading' | 'live' | 'hidden';
  readonly disposables: vscode.Disposable[];
}

/** The panel: one page, showing one run. */
export class Panel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #extension: vscode.Uri;
  readonly #hosting: Hosting;
  readonly #drafts: Drafts;
  readonly #actions: PanelActions;
  readonly #log: vscode.LogOutputChannel;
  readonly #disposables: vscode.Disposable[];
  #page: Page | undefined;
  #run: Run | undefined;
  #stopListening = (): void => undefined;
  #store: PanelStore | undefined;
  #focusWhenLive = false;

  constructor(
    extension: vscode.Uri,
    hosting: Hosting,
    drafts: Drafts,
    actions: PanelActions,
    log: vscode.LogOutputChannel,
  ) {
    this.#extension = extension;
    this.#drafts = drafts;
    this.#hosting = hosting;
    this.#actions = actions;
    this.#log = log;
    this.#disposables = [
      vscode.window.registerWebviewPanelSerializer(PANEL_VIEW_TYPE, this),
      hosting.onReplaced(() => void this.#reopen()),
      hosting.onServer(() => {
        if (this.#run !== undefined) this.#onOps(this.#run, [{ op: 'header', header: this.#run.header() }]);
      }),
      hosting.onRecord(({ run, record }) => {
        if (run === this.#run && record.kind === 'session-ready') this.#setTitle();
      }),
    ];
  }

  /** The run that is shown, whether or not the panel is in front. */
  get run(): Run | undefined {
    return this.#page === undefined ? undefined : this.#run;
  }

  /** Whether the user sees this run now. */
  shows(run: Run): boolean {
    return this.#run?.id === run.id && this.#page?.panel.visible === true;
  }

  /** Shows a run and, with `focus`, puts the keyboard on its first open ask or else on the prompt. */
  show(run: Run, { focus = false } = {}): void {
    this.#reveal(focus);
    if (run === this.#run) this.#focusIfLive();
    else this.#attach(run);
  }

  /** Brings the panel to the front with what it showed last: this run, the newest one, or the way to begin. */
  async showLast(): Promise<void> {
    this.#reveal(true);
    if (this.#run === undefined) await this.#restore(undefined);
    else this.#focusIfLive();
  }

  get hasPage(): boolean {
    return this.#page !== undefined;
  }

  /** Puts a page into the place of one that belonged to an extension host which died, with what it showed. */
  async reopen(): Promise<void> {
    this.#create(false);
    await this.#restore(undefined);
  }

  /** Shows nothing, because the run is gone, and forgets what was typed for it. */
  clear(runId: string): void {
    this.#drafts.forget(runId);
    if (this.#run?.id === runId) this.#attach(undefined);
  }

  /**
   * Takes what the user has written, from the box or from the palette. It is on disk until it is under way or queued:
   * a server that does not start must not cost the user their words. What is refused stands in the box again.
   */
  async submit(run: Run, text: string, how: 'send' | 'queue'): Promise<Submitted> {
    this.#drafts.hand(run, text);
    const submitted = await this.#actions.submit(run, text, how);
    this.#drafts.settle(run, text, submitted === 'refused');
    if (submitted === 'refused') this.#insert(run, text);
    return submitted;
  }

  /** Takes a queued prompt back into the box. */
  async editQueued(run: Run, id: string): Promise<void> {
    await this.#actions.takeQueued(run, [id], (text) => {
      this.#drafts.putBack(run, text);
      this.#insert(run, text);
    });
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    if (this.#page !== undefined) {
      panel.dispose();
      return;
    }
    this.#adopt(panel);
    const runId = (state as { runId?: unknown } | undefined)?.runId;
    await this.#restore(typeof runId === 'string' ? runId : undefined);
  }

  dispose(): void {
    this.#stopListening();
    // The page itself stays: the editor keeps it for the serializer of the next extension host.
    for (const disposable of this.#page?.disposables ?? []) disposable.dispose();
    this.#page = undefined;
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #reveal(focus: boolean): void {
    this.#focusWhenLive = focus;
    const panel = this.#page?.panel;
    if (panel === undefined) this.#create(focus);
    else if (!panel.visible || focus) panel.reveal(undefined, !focus);
  }

  /** A page, in the place of any that a dead extension host has left: those are connected to nobody. */
  #create(focus: boolean): void {
    const left = panelTabs();
    const [place = left[0]] = left.filter(({ isActive }) => isActive);
    const viewColumn = place?.group.viewColumn ?? vscode.ViewColumn.Beside;
    this.#adopt(
      vscode.window.createWebviewPanel(PANEL_VIEW_TYPE, 'Holdfast', { viewColumn, preserveFocus: !focus }),
    );
    void closeTabs(left, this.#log);
  }

  /** A page that is not live yet gets the focus with its first snapshot. */
  #focusIfLive(): void {
    if (this.#page?.state !== 'live' || !this.#focusWhenLive) return;
    this.#focusWhenLive = false;
    this.#post(this.#page, { type: 'focus' });
  }

  #adopt(panel: vscode.WebviewPanel): void {
    const page: Page = { panel, n: 0, state: 'loading', disposables: [] };
    this.#page = page;
    panel.iconPath = vscode.Uri.joinPath(this.#extension, 'media', 'icon.svg');
    panel.webview.options = {
      enableScripts: true,
      localResourceRoots: [vscode.Uri.joinPath(this.#extension, 'dist')],
    };
    page.disposables.push(
      panel.webview.onDidReceiveMessage((message: unknown) => void this.#onMessage(page, message)),
      panel.onDidChangeViewState(() => this.#onViewState(page)),
      panel.onDidDispose(() => this.#onGone(page)),
    );
    this.#load(page);
    this.#setTitle();
  }

  #load(page: Page): void {
    const { webview } = page.panel;
    const resource = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.#extension, 'dist', name)).toString();
    page.state = 'loading';
    webview.html = panelPage({
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      script: resource('panel.js'),
      style: resource('panel.css'),
      language: vscode.env.language,
    });
  }

  #onGone(page: Page): void {
    for (const disposable of page.disposables) disposable.dispose();
    if (page !== this.#page) return;
    this.#page = undefined;
    this.#attach(undefined);
  }

  #onViewState(page: Page): void {
    if (page !== this.#page) return;
    if (!page.panel.visible) {
      if (page.state === 'live') page.state = 'hidden';
    } else if (page.state === 'hidden') this.#sendSnapshot(page);
  }

  async #restore(runId: string | undefined): Promise<void> {
    const page = this.#page;
    try {
      const host = await this.#hosting.look();
      const known = new Set(host.list().map((entry) => entry.id));
      const wanted = [runId, this.#storeOf()?.shown, ...known].find(
        (id) => id !== undefined && known.has(id),
      );
      // The user may have opened another run meanwhile, or closed the panel.
      if (wanted === undefined || page !== this.#page || this.#run !== undefined) return;
      this.#attach(await this.#hosting.openRun(wanted));
    } catch (error) {
      this.#log.warn(`restoring the panel: ${explain(error)}`);
    }
  }

  async #reopen(): Promise<void> {
    const before = this.#run;
    if (before === undefined) return;
    try {
      const run = await this.#hosting.openRun(before.id);
      if (this.#run === before) this.#attach(run);
    } catch (error) {
      this.#log.warn(`opening run ${before.id} again: ${explain(error)}`);
    }
  }

  #attach(run: Run | undefined): void {
    this.#stopListening();
    this.#run = run;
    this.#stopListening = run?.listen({ onOps: (ops) => this.#onOps(run, ops) }) ?? ((): void => undefined);
    if (run !== undefined) this.#storeOf()?.setShown(run.id);
    this.#setTitle();
    if (this.#page?.state === 'live') this.#sendSnapshot(this.#page);
  }

  #onOps(run: Run, ops: PatchOp[]): void {
    const page = this.#page;
    if (page?.state !== 'live' || run !== this.#run) return;
    page.n++;
    const now = ops.map((op) => (op.op === 'header' ? this.#asOfNow(op) : op));
    this.#post(page, { type: 'patch', n: page.n, hostNow: Date.now(), ops: now });
  }

  /** The server as it is, which may have gone on since the last record of the run. */
  #asOfNow<T extends { header: Header }>(what: T): T {
    return { ...what, header: { ...what.header, server: this.#hosting.server?.state ?? 'stopped' } };
  }

  #sendSnapshot(page: Page): void {
    const run = this.#run;
    page.state = 'live';
    const draft = run === undefined ? '' : this.#drafts.read(run);
    const view = run === undefined ? {} : { view: this.#asOfNow(run.snapshot()) };
    this.#post(page, { type: 'snapshot', n: page.n, hostNow: Date.now(), ...view, draft });
    this.#focusIfLive();
  }

  /** A page that is not live finds the text in its next snapshot. */
  #insert(run: Run, text: string): void {
    if (this.#page?.state === 'live' && this.#run?.id === run.id)
      this.#post(this.#page, { type: 'insert', runId: run.id, text });
  }

  #post(page: Page, message: HostMessage): void {
    // A page that is gone takes nothing, and needs nothing.
    void page.panel.webview.postMessage(message);
  }

  async #onMessage(page: Page, raw: unknown): Promise<void> {
    if (page !== this.#page) return;
    const parsed = loadHost().parsePanelMessage(raw);
    if ('problem' in parsed) {
      this.#log.warn(`panel message not understood at ${parsed.problem}`);
      return;
    }
    try {
      await this.#perform(page, parsed.message);
    } catch (error) {
      this.#log.error(`panel ${parsed.message.type}: ${explain(error)}`);
    }
  }

  async #perform(page: Page, message: PanelMessage): Promise<void> {
    switch (message.type) {
      case 'ready':
      case 'resync':
        return this.#sendSnapshot(page);
      case 'open-link':
        return this.#actions.openLink(message.url);
      case 'action':
        return this.#actions.perform(message.action);
      case 'draft': {
        // May come late, from a page that begins to show another run.
        const runId = message.runId ?? this.#run?.id;
        const isFollowed = runId === this.#run?.id && this.#run?.followed === true;
        if (runId !== undefined) this.#drafts.type(runId, message.text, isFollowed);
        return;
      }
      case 'send':
      case 'queue':
      case 'remove-queued':
      case 'edit-queued':
      case 'resume-queue':
      case 'stop':
      case 'permission':
      case 'question':
      case 'open-file': {
        const run = this.#run;
        const other = 'runId' in message && message.runId !== undefined && message.runId !== run?.id;
        if (run !== undefined && !other)
          await performOnRun(run, message, {
            panel: this,
            actions: this.#actions,
            column: page.panel.viewColumn,
          });
        return;
      }
      default:
        return assertNever(message);
    }
  }

  #setTitle(): void {
    if (this.#page === undefined) return;
    this.#page.panel.title = this.#run === undefined ? 'Holdfast' : `Holdfast: ${runTitle(this.#run)}`;
  }

  #storeOf(): PanelStore | undefined {
    const { folder, storage } = this.#hosting;
    if (folder === undefined) return undefined;
    const { PanelStore, runsFolder } = loadHost();
    return (this.#store ??= new PanelStore(runsFolder(storage, folder)));
  }
}
