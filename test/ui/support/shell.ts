import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JournalRecord } from '../../../src/core/journal/record.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { engineBinary, engineEnvironment } from '../../rig/engine.mjs';
import { findMarked, leadsGroup } from '../../rig/leftovers.mjs';
import { ROOT, VSIX } from '../../rig/paths.mjs';
import { makeSample } from '../../rig/sample.mjs';
import type { FrameLocator, Locator } from '../../rig/workbench/page.mjs';
import type { Theme } from '../../rig/workbench/themes.mjs';
import { openWorkbench, type Window, type Workbench } from '../../rig/workbench/workbench.mjs';

/** For what the engine takes part in: its start on a cold and busy machine. */
export const ENGINE_MS = 90_000;
/** For what the workbench does by itself. */
export const WORKBENCH_MS = 30_000;

export interface ShellOptions {
  settings?: Record<string, unknown>;
  /** The engine's own configuration file. */
  engineConfig?: Record<string, unknown>;
  theme?: Theme;
  /** Variables for the extension host and all below. */
  env?: Record<string, string>;
}

/** A window of the workbench, as the one who sits before it sees it. */
export class View {
  readonly window: Window;

  constructor(window: Window) {
    this.window = window;
  }

  /** The panel's document. */
  get panel(): FrameLocator {
    return this.window.webview();
  }

  /** A text of the turn, not its repetition for screen readers. */
  said(text: string, options: { exact?: boolean } = {}): Locator {
    return this.panel.getByRole('main').getByText(text, options);
  }

  /** An item of the status bar, by its id. */
  statusItem(id: 'server' | 'turn'): Locator {
    return this.window.page.locator(`[id="holdfast.holdfast.holdfast.${id}"]`);
  }

  toasts(text: string): Locator {
    return this.window.page.locator('.notifications-toasts .notification-list-item', { hasText: text });
  }

  /** The tabs of the panel. */
  get tabs(): Locator {
    return this.window.page.locator('.tabs-container .tab', { hasText: 'Holdfast' });
  }

  /** Begins a session and waits until it is what the panel shows. */
  async newSession(): Promise<void> {
    await this.window.runCommand('Holdfast: New Session');
    await this.panel.getByRole('heading', { name: 'New session' }).waitFor({ timeout: ENGINE_MS });
  }

  /** Writes a prompt into the panel and sends it, once no turn stands in its way. */
  async send(prompt: string): Promise<void> {
    await this.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    await this.panel.locator('.prompt-text').fill(prompt);
    await this.panel.locator('.prompt-text').press('Enter');
  }

  /** Shows the list of sessions. */
  async showSessions(): Promise<Locator> {
    const { page } = this.window;
    const view = page.locator('.pane-body .monaco-list[aria-label="Sessions"]');
    if (!(await view.isVisible()))
      // The item and not its link: a badge lies on that.
      await page
        .locator('.activitybar .action-item', { has: page.locator('a[aria-label^="Holdfast"]') })
        .first()
        .click();
    return view;
  }

  /** Leaves a picture for whoever wants to look, in `out/screens`. */
  async picture(name: string): Promise<void> {
    await this.window.screenshot(path.join(ROOT, 'out/screens', `${name}.png`));
  }
}

/** The built VSIX in a real workbench, on a sample repository with uncommitted changes; its first window. */
export class Shell extends View {
  readonly folder: string;
  readonly workbench: Workbench;
  readonly settings: Record<string, unknown>;

  private constructor(folder: string, workbench: Workbench, settings: Record<string, unknown>) {
    super(workbench);
    this.folder = folder;
    this.workbench = workbench;
    this.settings = settings;
  }

  static async open(options: ShellOptions = {}): Promise<Shell> {
    const folder = path.join(mkdtempSync(path.join(tmpdir(), 'ui-')), 'checkout');
    makeSample(folder);
    const settings = {
      'holdfast.engine.path': engineBinary(),
      'holdfast.model': 'demo',
      // Long enough for a reload, short enough to wait for.
      'holdfast.engine.busyGrace': 20,
      'holdfast.engine.idleGrace': 1,
      ...options.settings,
    };
    const workbench = await openWorkbench({
      folder,
      vsix: process.env['HOLDFAST_VSIX'] ?? VSIX,
      settings,
      env: ({ home }) => ({ ...engineFiles(home, options.engineConfig), ...options.env }),
      viewport: { width: 1440, height: 900 },
      ...(options.theme === undefined ? {} : { theme: options.theme }),
    });
    return new Shell(folder, workbench, settings);
  }

  /** Another window on the same workspace. */
  async secondWindow(): Promise<View> {
    return new View(await this.workbench.secondWindow());
  }

  /** The extension host that was started last. */
  extensionHost(): number {
    const host = this.workbench.server.extensionHostPids().at(-1);
    if (host === undefined) throw new Error('there is no extension host');
    return host;
  }

  /** All that the workbench has started and that still lives. */
  processes(): ReturnType<typeof findMarked> {
    return findMarked(path.basename(this.workbench.profile.dir));
  }

  /** The engine's servers. */
  servers(): number[] {
    return this.processes()
      .filter(({ command }) => / serve( |$)/.test(command) && command.includes('opencode'))
      .map(({ pid }) => pid)
      .filter(leadsGroup);
  }

  /** The journal of the run in which a prompt was sent. */
  journal(prompt: string): JournalRecord[] {
    const [workspace = ''] = readdirSync(this.#storage);
    const runs = path.join(this.#storage, workspace, 'runs');
    for (const run of readdirSync(runs)) {
      const { records } = readJournal(path.join(runs, run));
      if (records.some((each) => each.kind === 'turn-drafted' && each.prompt.text === prompt)) return records;
    }
    throw new Error(`no run has the prompt "${prompt}"`);
  }

  /** How the turns of the run with this prompt ended, in the order of their ends: `t1 ok`. */
  outcomes(prompt: string): string[] {
    return this.journal(prompt).flatMap((record) =>
      record.kind === 'turn-settled' ? [`${record.turnId} ${record.outcome}`] : [],
    );
  }

  /** Where the extension keeps what it keeps, a folder for each workspace. */
  get #storage(): string {
    return path.join(this.workbench.profile.globalStorage, 'holdfast.holdfast/workspaces');
  }

  /** The heading of the sample's result in the panel. */
  get result(): Locator {
    return this.panel.getByRole('heading', { name: '10 findings' });
  }

  /** Runs the review of the sample to its end. */
  async review(): Promise<void> {
    await this.workbench.runCommand('Holdfast: Run Review');
    await this.result.waitFor({ timeout: ENGINE_MS });
  }

  /** Resolves once the extension has put this text on disk as a draft. */
  kept(text: string): Promise<void> {
    const [workspace = ''] = readdirSync(this.#storage);
    const folder = path.join(this.#storage, workspace);
    const drafts = path.join(folder, 'drafts');
    return new Promise((resolve) => {
      const look = (): void => {
        if (!existsSync(drafts)) return;
        if (watchers.length === 1) watchers.push(watch(drafts, look));
        const files = readdirSync(drafts).filter((name) => name.endsWith('.json'));
        if (!files.some((name) => readFileSync(path.join(drafts, name), 'utf8').includes(text))) return;
        for (const watcher of watchers) watcher.close();
        resolve();
      };
      const watchers = [watch(folder, look)];
      look();
    });
  }

  /** Ends the engine's server the hard way. */
  killServer(): void {
    const [server] = this.servers();
    if (server === undefined) throw new Error('there is no server to kill');
    process.kill(server, 'SIGKILL');
  }

  async close(): Promise<void> {
    await this.workbench.close();
    rmSync(path.dirname(this.folder), { recursive: true, force: true, maxRetries: 5 });
  }
}

function engineFiles(home: string, config: Record<string, unknown> | undefined): Record<string, string> {
  const env = engineEnvironment(home);
  if (config !== undefined) {
    const folder = path.join(home, '.config/opencode');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'opencode.json'), JSON.stringify(config));
  }
  return env;
}
