import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { explain } from '../core/errors.ts';
import type { JournalRecord } from '../core/journal/record.ts';
import type { Standing } from '../core/journal/state.ts';
import type { ServerView } from '../core/server/view.ts';
import type { Run } from '../node/run/run.ts';
import type { WorkspaceHost } from '../node/workspace-host.ts';
import { loadHost } from './load-host.ts';
import type { Notices } from './notices.ts';
import { ripgrepFolders } from './ripgrep.ts';
import { readSettings, SECTION } from './settings.ts';
import { transitionText } from './transition-text.ts';

/** The editor gives `deactivate()` 5 s; what is not done by then is ended by the system, so stop waiting before, ms. */
const CLOSE_LIMIT_MS = 4_500;

export interface HostingOptions {
  /** Absolute path of the workspace folder; undefined when none is open. */
  folder: string | undefined;
  /** Absolute path of the extension's global storage. */
  storage: string;
  /** Absolute path of the folder with the programs that come with the extension. */
  programs: string;
  version: string;
  log: vscode.LogOutputChannel;
  notices: Notices;
  secrets: vscode.SecretStorage;
}

export interface RunRecord {
  run: Run;
  record: JournalRecord;
}

/**
 * The workspace host of this window: opened on first need, never on activation.
 *
 *     none ──need──▶ open ──settings change──▶ outdated ──next need, nothing running──▶ open
 *
 * A change of settings never touches what runs: a new host takes over when the next thing is started.
 */
type State =
  | { name: 'none' }
  | {
      name: 'open' | 'outdated';
      opening: Promise<WorkspaceHost>;
      host?: WorkspaceHost;

      dispose: () => void;
    };

export class Hosting implements vscode.Disposable {
  readonly folder: string | undefined;
  readonly storage: string;
  readonly #options: HostingOptions;
  readonly #watched = new WeakSet<Run>();
  readonly #server = new vscode.EventEmitter<ServerView>();
  readonly #record = new vscode.EventEmitter<RunRecord>();
  readonly #replaced = new vscode.EventEmitter<void>();
  readonly #disposables: vscode.Disposable[];
  #state: State = { name: 'none' };
  #warned = '';

  /** The server changed its state. */
  readonly onServer = this.#server.event;
  /** A run that is begun or open in this window got a record. */
  readonly onRecord = this.#record.event;
  /** Another host took over: runs that are shown have to be opened again. */
  readonly onReplaced = this.#replaced.event;

  constructor(options: HostingOptions) {
    this.#options = options;
    this.folder = options.folder;
    this.storage = options.storage;
    this.#disposables = [
      this.#server,
      this.#record,
      this.#replaced,
      vscode.workspace.onDidChangeConfiguration((event) => {
        const changed =
          event.affectsConfiguration(SECTION) && !event.affectsConfiguration(`${SECTION}.notifications`);
        if (changed) this.outdate();
      }),
    ];
  }

  /** Undefined before the first need. */
  get current(): WorkspaceHost | undefined {
    return this.#state.name === 'none' ? undefined : this.#state.host;
  }

  get server(): ServerView | undefined {
    return this.current?.server.state;
  }

  get activeRuns(): Run[] {
    return this.current?.activeRuns ?? [];
  }

  /** How a run stands: in this window or, once it was opened here, in another one. */
  standing(id: string): Standing {
    return this.current?.standing(id) ?? 'at-rest';
  }

  /**
   * Goes on with what a window before this one left, and ends what nobody will come back to. Loads and opens nothing
   * where nothing was left. Never throws.
   */
  async resume(): Promise<void> {
    const { folder, storage, log } = this.#options;
    if (!fs.existsSync(path.join(storage, 'workspaces'))) return;
    const { hasUnfinished, runsFolder } = loadHost();
    const isUnfinished = folder !== undefined && hasUnfinished(runsFolder(storage, folder));
    if (!isUnfinished && !hasServers(storage)) return;
    try {
      await (await this.look()).reconcile();
    } catch (error) {
      log.warn(`resume: ${explain(error)}`);
    }
  }

  /** The host, as it is: for looking at what there is. @throws Error when no folder is open. */
  async look(): Promise<WorkspaceHost> {
    return this.#state.name === 'none' ? this.#open() : this.#state.opening;
  }

  /** The host for starting something: with the settings as they are now, unless something runs. */
  async need(): Promise<WorkspaceHost> {
    if (this.#state.name === 'outdated') {
      const host = await this.#state.opening;
      if (host.activeRuns.length > 0) return host;
      await this.#replace();
    }
    return this.look();
  }

  /** A run by its id, live or from its journal; its records are told from here on. @throws JournalError */
  async openRun(id: string): Promise<Run> {
    const host = await this.look();
    const { run, problems } = await host.open(id);
    for (const problem of problems) this.#options.log.warn(`run ${id}: ${problem}`);
    this.#watch(run);
    return run;
  }

  /** Settings or the password changed: what is started next uses them. Said once, and only while something runs. */
  outdate(): void {
    if (this.#state.name !== 'open') return;
    this.#state.name = 'outdated';
    if (this.activeRuns.length > 0) {
      this.#options.notices.info(
        vscode.l10n.t('Changed Holdfast settings apply when the running turn has ended.'),
      );
    }
  }

  /**
   * The window goes away: it reloads, or it is closed for good, which cannot be told apart here. What runs goes on
   * with its server, which is given its grace. In bounded time. Never throws, and starts nothing.
   */
  async leave(): Promise<void> {
    await this.#end((host) => host.leave());
  }

  async #end(how: (host: WorkspaceHost) => Promise<void>): Promise<void> {
    const state = this.#state;
    this.#state = { name: 'none' };
    if (state.name === 'none') return;
    // What listens may be gone already, and the end of what runs must not trip over it.
    state.dispose();
    let cancel = (): void => undefined;
    const limit = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_LIMIT_MS);
      cancel = () => clearTimeout(timer);
    });
    await Promise.race([endHost(state.opening, how), limit]);
    cancel();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #open(): Promise<WorkspaceHost> {
    const { folder } = this;
    if (folder === undefined)
      throw new Error(vscode.l10n.t('Open a folder first: Holdfast works on the files of one.'));
    const opening = this.#openWith(folder);
    const state: State = { name: 'open', opening, dispose: () => undefined };
    this.#state = state;
    try {
      const host = await opening;
      state.host = host;
      const stops = [host.onRun((run) => this.#watch(run)), this.#listenToServer(host)];
      state.dispose = () => stops.forEach((stop) => stop());
      this.#server.fire(host.server.state);
      // What a window before this one left unfinished goes on, or is settled.
      void host.adoptRuns();
      return host;
    } catch (error) {
      if (this.#state === state) this.#state = { name: 'none' };
      throw error;
    }
  }

  async #openWith(folder: string): Promise<WorkspaceHost> {
    const { storage, log, notices, version, secrets } = this.#options;
    const { settings, warnings } = readSettings();
    const said = warnings.join(' ');
    if (said !== '' && said !== this.#warned) notices.warning(said, [openSettings()]);
    this.#warned = said;
    const { url } = settings.server;
    const password = url === '' ? undefined : await secrets.get(passwordKey(url));
    return loadHost().openWorkspace({
      settings,
      folder,
      storage,
      programs: this.#options.programs,
      label: vscode.l10n.t('VS Code window'),
      env: process.env,
      extraPath: ripgrepFolders(vscode.env.appRoot),
      log,
      version,
      ...(password === undefined ? {} : { password }),
    });
  }

  #listenToServer(host: WorkspaceHost): () => void {
    let before = host.server.state;
    return host.server.onState((after) => {
      this.#options.log.info(transitionText(before, after));
      before = after;
      this.#server.fire(after);
    });
  }

  #watch(run: Run): void {
    if (this.#watched.has(run)) return;
    this.#watched.add(run);
    run.listen({
      onRecord: (record) => {
        this.#logRecord(run, record);
        this.#record.fire({ run, record });
      },
    });
  }

  /** Only what changes how a run stands, and nothing of what was said in it. */
  #logRecord(run: Run, record: JournalRecord): void {
    const { log } = this.#options;
    if (record.kind === 'run-started')
      log.info(`run ${run.id} started (${record.type}${record.demo ? ', demo model' : ''})`);
    if (record.kind === 'turn-settled') log.info(`run ${run.id} turn ${record.turnId} → ${record.outcome}`);
    if (record.kind === 'run-ended') log.info(`run ${run.id} → ${record.outcome}`);
    if (record.kind === 'stream') log.info(`run ${run.id} stream ${record.state}`);
  }

  async #replace(): Promise<void> {
    await this.#end((host) => host.close());
    await this.look();
    this.#replaced.fire();
  }
}

/** Whether a guardian has left its name in the storage: it holds a server, or died holding one. */
function hasServers(storage: string): boolean {
  const registry = path.join(storage, 'servers', 'registry');
  return fs.existsSync(registry) && fs.readdirSync(registry).length > 0;
}

/** Where a server's password is kept: by its address, so that no other server is ever sent it. */
export function passwordKey(url: string): string {
  return `serverPassword:${url}`;
}

/** The folder that Holdfast works on: the first of the window that is on this machine's disk. */
export function workspaceFolder(): string | undefined {
  return vscode.workspace.workspaceFolders?.find((folder) => folder.uri.scheme === 'file')?.uri.fsPath;
}

function openSettings(): { title: string; run(): unknown } {
  const title = vscode.l10n.t('Open Settings');
  return { title, run: () => vscode.commands.executeCommand('workbench.action.openSettings', SECTION) };
}

async function endHost(
  opening: Promise<WorkspaceHost>,
  how: (host: WorkspaceHost) => Promise<void>,
): Promise<void> {
  try {
    await how(await opening);
  } catch {
    // It never opened, which was said when it was tried.
  }
}
