import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { DrillReport } from '../core/drill/report.ts';
import { type Fault, FAULT_NAMES, type FaultName, faultsFor } from '../core/drill/faults.ts';
import { commandAction } from './failures.ts';
import { loadHost } from './load-host.ts';
import type { Notices } from './notices.ts';
import { ripgrepFolders } from './ripgrep.ts';
import { readSettings } from './settings.ts';

const REPORT_FILE = 'fault-drill.md';

export interface FaultDrillOptions {
  /** Absolute path of the extension's global storage: gets the report. */
  storage: string;
  /** Absolute path of the folder with the programs that come with the extension. */
  programs: string;
  version: string;
  log: vscode.LogOutputChannel;
  notices: Notices;
}

/** The fault drill of this window: one at a time. */
export class FaultDrill {
  readonly #options: FaultDrillOptions;
  #running: { abort(): void; done: Promise<unknown> } | undefined;

  constructor(options: FaultDrillOptions) {
    this.#options = options;
  }

  /**
   * Explains itself, lets the user choose, and reports what came of it.
   * @param given names of faults, from a keybinding's `args`; nothing is asked then.
   */
  async run(given: unknown): Promise<void> {
    const { notices } = this.#options;
    if (this.#running !== undefined) {
      notices.info(vscode.l10n.t('A fault drill is running already.'));
      return;
    }
    const faults = namesIn(given) ?? (await choose());
    // Somebody may have answered the same question twice.
    if (faults === undefined || faults.length === 0 || this.#running !== undefined) return;
    const cancel = new AbortController();
    const done = this.#withProgress(faults, cancel);
    this.#running = { abort: () => cancel.abort(), done };
    try {
      await this.#report(await done);
    } catch (error) {
      if (!cancel.signal.aborted) throw error;
      notices.info(vscode.l10n.t('The fault drill was stopped.'));
    } finally {
      this.#running = undefined;
    }
  }

  /** Ends what runs. Resolves when nothing of it is left. Never throws. */
  async end(): Promise<void> {
    this.#running?.abort();
    await this.#running?.done.catch(() => undefined);
  }

  /** The user asked for this and can cancel it, so it is shown whatever notifications are wanted. */
  async #withProgress(faults: readonly FaultName[], cancel: AbortController): Promise<DrillReport> {
    const { storage, programs, version, log, notices } = this.#options;
    const all = faultsFor(process.platform);
    const title = vscode.l10n.t('Fault drill');
    const place = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(place, async (progress, token) => {
      const listening = token.onCancellationRequested(() => cancel.abort());
      let at = '';
      try {
        return await loadHost().faultDrill({
          faults,
          engine: readSettings().settings.engine,
          storage,
          programs,
          env: process.env,
          extraPath: ripgrepFolders(vscode.env.appRoot),
          label: vscode.l10n.t('VS Code window'),
          version,
          // What is left of it, if anything, is the user's to know.
          log: { info: (text) => log.info(text), warn: (text) => notices.warning(text) },
          signal: cancel.signal,
          steps: {
            onBegin: ({ version: engine }, folder) =>
              log.info(`fault drill of opencode ${engine} in ${folder}`),
            onFault(fault, number) {
              const name = all.find((one) => one.name === fault)?.title ?? fault;
              at = vscode.l10n.t('{0} ({1} of {2})', name, number, faults.length);
              progress.report({ message: at });
            },
            onStep: (_fault, text) => progress.report({ message: `${at}: ${text}` }),
            onResult({ fault, held }) {
              log.info(`fault drill: ${fault} → ${held ? 'all promises held' : 'a promise was broken'}`);
              progress.report({ increment: 100 / faults.length });
            },
          },
        });
      } finally {
        listening.dispose();
      }
    });
  }

  async #report(report: DrillReport): Promise<void> {
    const { storage, notices } = this.#options;
    const { drillMarkdown, summaryLine } = loadHost();
    const file = vscode.Uri.file(path.join(storage, REPORT_FILE));
    fs.mkdirSync(storage, { recursive: true });
    fs.writeFileSync(file.fsPath, drillMarkdown(report));
    const actions = [commandAction(vscode.l10n.t('Open Report'), 'markdown.showPreview', file)];
    if (report.held === report.promises.length) notices.info(summaryLine(report), actions);
    else notices.warning(summaryLine(report), actions);
    await vscode.commands.executeCommand('markdown.showPreview', file);
  }
}

/** @returns undefined when nothing is to be done. */
async function choose(): Promise<FaultName[] | undefined> {
  const faults = faultsFor(process.platform);
  const start = vscode.l10n.t('Start Drill');
  const some = vscode.l10n.t('Choose Faults…');
  const detail = vscode.l10n.t(
    'Holdfast kills, freezes and cuts off a server of its own in the middle of a turn, and shows what becomes of it. It uses your engine with the demo model, in a throw-away folder that is removed at the end. Your sessions, your model provider and your server are not touched. It takes about two minutes.',
  );
  const question = vscode.l10n.t('Start a fault drill?');
  const answer = await vscode.window.showInformationMessage(question, { modal: true, detail }, start, some);
  if (answer === start) return faults.map(({ name }) => name);
  return answer === some ? chooseSome(faults) : undefined;
}

async function chooseSome(faults: readonly Fault[]): Promise<FaultName[] | undefined> {
  const items = faults.map(({ name, title, does }) => ({
    label: title,
    description: name,
    detail: does,
    picked: true,
    name,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Fault Drill'),
    placeHolder: vscode.l10n.t('Faults to inject'),
    canPickMany: true,
    ignoreFocusOut: true,
  });
  return picked?.map(({ name }) => name);
}

function namesIn(given: unknown): FaultName[] | undefined {
  if (!Array.isArray(given)) return undefined;
  return FAULT_NAMES.filter((name) => given.includes(name));
}
