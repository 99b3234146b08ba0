import * as vscode from 'vscode';
import { incidentSentence } from '../core/recovery/wording.ts';
import { DEMO_MODEL } from '../core/settings.ts';
import { isRecovering } from '../core/turn/state.ts';
import type { Run } from '../node/run/run.ts';
import type { Hosting } from './hosting.ts';
import { readSettings, SECTION } from './settings.ts';
import { type Look, serverLook, turnLook } from './status-look.ts';

/** The clocks of a turn tick once a second while one runs, and not at all otherwise. */
const TICK_MS = 1000;
/** To the right of branch and sync, which stand at 100 and more. */
const PRIORITY = 20;

/** Two items on the left: how the server is, and what the running turn does. */
export class StatusBar implements vscode.Disposable {
  readonly #hosting: Hosting;
  readonly #server: vscode.StatusBarItem;
  readonly #turn: vscode.StatusBarItem;
  readonly #disposables: vscode.Disposable[];
  #ticking: NodeJS.Timeout | undefined;

  constructor(hosting: Hosting) {
    this.#hosting = hosting;
    this.#server = vscode.window.createStatusBarItem(
      'holdfast.server',
      vscode.StatusBarAlignment.Left,
      PRIORITY,
    );
    this.#server.name = vscode.l10n.t('Holdfast Server');
    this.#turn = vscode.window.createStatusBarItem(
      'holdfast.turn',
      vscode.StatusBarAlignment.Left,
      PRIORITY - 1,
    );
    this.#turn.name = vscode.l10n.t('Holdfast Turn');
    this.#turn.command = 'holdfast.showPanel';
    this.#disposables = [
      this.#server,
      this.#turn,
      hosting.onServer(() => this.#render()),
      // Most records are pieces of text, and the clock shows those soon enough.
      hosting.onRecord(({ record }) => {
        if (record.kind !== 'event' || record.event.type !== 'delta' || this.#ticking === undefined)
          this.#renderTurn();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(SECTION)) this.#render();
      }),
    ];
    if (hosting.folder === undefined) return;
    this.#render();
    this.#server.show();
  }

  dispose(): void {
    clearInterval(this.#ticking);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #render(): void {
    const demo = readSettings().settings.model === DEMO_MODEL;
    const server = serverLook(this.#hosting.server, demo, vscode.l10n.t);
    draw(this.#server, server);
    this.#server.command = server.restarts ? 'holdfast.restartServer' : 'holdfast.serverMenu';
    this.#renderTurn();
  }

  #renderTurn(): void {
    const runs = this.#hosting.activeRuns;
    // One that waits for the user comes before one that runs by itself.
    const run = runs.find(needsUser) ?? runs[0];
    const look = run && lookOf(run);
    if (look === undefined) {
      this.#turn.hide();
      clearInterval(this.#ticking);
      this.#ticking = undefined;
      return;
    }
    draw(this.#turn, look);
    this.#turn.show();
    this.#ticking ??= setInterval(() => this.#renderTurn(), TICK_MS);
  }
}

function needsUser({ state }: Run): boolean {
  return state.conversation.asks.size > 0 || state.turn?.phase === 'asking';
}

function lookOf(run: Run): Look | undefined {
  const { conversation, turn } = run.state;
  const incident = turn !== undefined && isRecovering(turn) ? incidentSentence(turn.incident) : undefined;
  return turnLook(run.header(), conversation.asks.size, Date.now(), vscode.l10n.t, incident);
}

function draw(item: vscode.StatusBarItem, look: Look): void {
  item.text = look.text;
  item.tooltip = look.tooltip;
  item.accessibilityInformation = { label: look.label, role: 'button' };
  item.backgroundColor =
    look.tone === 'plain' ? undefined : new vscode.ThemeColor(`statusBarItem.${look.tone}Background`);
}
