import * as vscode from 'vscode';
import type { EngineEvent } from '../core/engine.ts';
import type { JournalRecord } from '../core/journal/record.ts';
import type { Hosting } from './hosting.ts';
import { loadHost } from './load-host.ts';
import { runLook } from './run-look.ts';
import type { RunSummary } from './run-summary.ts';
import { missingReason } from './status-look.ts';

/** After these a run may read differently in the list. */
const TELLING: ReadonlySet<string> = new Set<JournalRecord['kind'] | EngineEvent['type']>([
  'run-started',
  'scope',
  'session-ready',
  'findings',
  'turn-drafted',
  'ask',
  'ask-closed',
  'decision',
  'recovery-answered',
  'incident',
  'turn-settled',
  'run-ended',
]);

/** A run in the list. Commands of the list get it as their argument. */
export interface RunItem {
  readonly summary: RunSummary;
}

/** The sessions of this workspace, newest first. */
export class SessionsTree implements vscode.TreeDataProvider<RunItem>, vscode.Disposable {
  readonly #hosting: Hosting;
  readonly #view: vscode.TreeView<RunItem>;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables: vscode.Disposable[];
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(hosting: Hosting) {
    this.#hosting = hosting;
    this.#view = vscode.window.createTreeView('holdfast.sessions', { treeDataProvider: this });
    this.#disposables = [
      this.#view,
      this.#changed,
      hosting.onRecord(({ record }) => {
        if (TELLING.has(record.kind === 'event' ? record.event.type : record.kind)) this.refresh();
      }),
      // What stands in the way is said above the list; an empty list says it in its welcome.
      hosting.onServer((view) => {
        this.#view.message = missingReason(view) ?? '';
      }),
      // Ages are as old as the last look.
      this.#view.onDidChangeVisibility(({ visible }) => {
        if (visible) this.refresh();
      }),
    ];
  }

  refresh(): void {
    const waiting = this.#hosting.activeRuns.filter(
      ({ id }) => this.#hosting.standing(id) === 'waiting',
    ).length;
    this.#view.badge =
      waiting === 0 ? undefined : { value: waiting, tooltip: vscode.l10n.t('{0} waiting for you', waiting) };
    this.#changed.fire();
  }

  getChildren(parent?: RunItem): RunItem[] {
    const { folder, storage } = this.#hosting;
    if (parent !== undefined || folder === undefined) return [];
    const { listRuns, runsFolder, summarise } = loadHost();
    return listRuns(runsFolder(storage, folder)).map((entry) => ({ summary: summarise(entry) }));
  }

  getTreeItem({ summary }: RunItem): vscode.TreeItem {
    const standing = this.#hosting.standing(summary.id);
    const look = runLook(summary, standing, Date.now(), vscode.l10n.t);
    const item = new vscode.TreeItem(look.label);
    item.id = summary.id;
    item.description = look.description;
    item.tooltip = look.tooltip;
    item.iconPath = new vscode.ThemeIcon(
      look.icon,
      look.color === undefined ? undefined : new vscode.ThemeColor(look.color),
    );
    item.accessibilityInformation = { label: look.spoken };
    item.contextValue = `${summary.type} ${standing === 'at-rest' ? 'ended' : 'running'}`;
    item.command = {
      command: 'holdfast.openSession',
      title: vscode.l10n.t('Open'),
      arguments: [{ summary } satisfies RunItem],
    };
    return item;
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }
}

/** The run that a command of the list was called on; undefined when it came from elsewhere. */
export function runIdOf(argument: unknown): string | undefined {
  const id = (argument as Partial<RunItem> | undefined)?.summary?.id;
  return typeof id === 'string' ? id : undefined;
}
