/** Commands that start, steer and show what runs. */
import * as vscode from 'vscode';
import type { Run } from '../node/run/run.ts';
import { commandAction } from './failures.ts';
import type { Notices } from './notices.ts';
import { pickRun } from './pick-run.ts';
import { runTitle } from '../core/journal/run-title.ts';
import { TEXT_SETTINGS } from '../core/settings.ts';
import { runIdOf } from './sessions-tree.ts';
import { readSettings, SECTION } from './settings.ts';
import type { Shell } from './shell.ts';

/** What is reviewed: everything that is not committed. */
const TARGET = 'uncommitted';

export async function runReview({ hosting, panel, notices }: Shell): Promise<void> {
  const running = hosting.activeRuns.find((run) => run.state.info?.type === 'review');
  if (running !== undefined) {
    panel.show(running);
    notices.info(vscode.l10n.t('A review is running already.'));
    return;
  }
  const host = await hosting.need();
  panel.show(await host.startReview(TARGET));
}

export async function newSession({ hosting, panel }: Shell): Promise<void> {
  const host = await hosting.need();
  panel.show(await host.startSession(), { focus: true });
}

/**
 * Asks for a prompt and sends it in the run that is shown, or in a new session when none is. While a turn is under way
 * it is queued.
 * @param given the prompt, from a keybinding's `args`; it is then not asked for.
 */
export async function promptFromPalette(shell: Shell, given: unknown): Promise<void> {
  const { hosting, drafts, panel, notices } = shell;
  const shown = panel.run;
  shown?.assertOurs();
  const text = typeof given === 'string' ? given : await askPrompt(shell, shown);
  if (text === undefined || text.trim() === '') return;
  const run = shown ?? (await (await hosting.need()).startSession());
  panel.show(run);
  const submitted = panel.submit(run, text, run.active ? 'queue' : 'send');
  // It is the run's from here on.
  if (text === drafts.inPalette) drafts.inPalette = '';
  if ((await submitted) === 'queued' && run.active)
    notices.info(vscode.l10n.t('The prompt is queued: it is sent when the turn ends.'));
}

/** What is typed is on disk with each key: the box goes away with the window, and comes back with its text. */
function askPrompt({ drafts }: Shell, shown: Run | undefined): Promise<string | undefined> {
  const box = vscode.window.createInputBox();
  box.title = promptTitle(shown);
  box.placeholder = vscode.l10n.t('What the agent should do');
  box.ignoreFocusOut = true;
  box.value = drafts.inPalette;
  box.valueSelection = [box.value.length, box.value.length];
  return new Promise((resolve) => {
    box.onDidChangeValue((text) => (drafts.inPalette = text));
    box.onDidAccept(() => {
      resolve(box.value);
      box.hide();
    });
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}

function promptTitle(shown: Run | undefined): string {
  if (shown === undefined) return vscode.l10n.t('Prompt for a new session');
  const title = runTitle(shown);
  return shown.active
    ? vscode.l10n.t('Next prompt for "{0}", sent when its turn ends', title)
    : vscode.l10n.t('Prompt for "{0}"', title);
}

/** Stops the shown run if it runs, else the one that does. */
export function stopTurn({ hosting, panel, notices }: Shell): void {
  const run = panel.run?.active === true ? panel.run : hosting.activeRuns[0];
  if (run === undefined) notices.info(vscode.l10n.t('Nothing is running.'));
  else run.stop('user');
}

/** Goes on with the shown turn that waits for that or ended before its answer, or else with another one that waits. */
export async function continueTurn({ hosting, panel, notices }: Shell): Promise<void> {
  const shown = panel.run;
  shown?.assertOurs();
  if (shown !== undefined) {
    if (isAsking(shown)) return shown.answerRecovery('go-on');
    const host = await hosting.need();
    if (await host.continueTurn(await hosting.openRun(shown.id))) return;
  }
  const other = hosting.activeRuns.find(isAsking);
  if (other === undefined) notices.info(vscode.l10n.t('There is no turn to continue.'));
  else other.answerRecovery('go-on');
}

/** Ends the turn that waits for the user to say what becomes of it: the shown one, or else another. */
export function keepTurn({ hosting, panel, notices }: Shell): void {
  const shown = panel.run === undefined ? [] : [panel.run];
  const run = [...shown, ...hosting.activeRuns].find(isAsking);
  if (run === undefined) notices.info(vscode.l10n.t('No turn waits for your decision.'));
  else run.answerRecovery('keep');
}

function isAsking({ state, followed }: Run): boolean {
  return state.turn?.phase === 'asking' && !followed;
}

/** Goes on in this window with a session that another window does; asked for, since that window loses it. */
export async function takeOver({ hosting, panel, notices }: Shell): Promise<void> {
  const run = panel.run;
  if (run?.followed !== true) {
    notices.info(vscode.l10n.t('The shown session belongs to no other window.'));
    return;
  }
  const take = vscode.l10n.t('Take Over');
  const detail = vscode.l10n.t('It goes on here as it is. The other window goes on showing it, read-only.');
  const question = vscode.l10n.t('Take "{0}" over from the other window?', runTitle(run));
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, take)) !== take) return;
  await (await hosting.need()).takeOver(run);
}

/** Ends the processes that the agent's tools left behind when their server died. */
export async function endLeftovers({ hosting }: Shell): Promise<void> {
  await (await hosting.look()).endLeftovers();
}

export async function restartServer({ hosting, notices }: Shell): Promise<void> {
  const { url, restartCommand } = readSettings().settings.server;
  const runs = hosting.activeRuns;
  // Connecting anew ends nothing; a command does, also where the server is out of reach and goes on working.
  if (url !== '' && restartCommand === '') sayNotRestarted(notices);
  else if (runs.length > 0 && !(await confirmRestart(runs, url === '' ? undefined : restartCommand))) return;
  if (endsTurnsOfOthers(hosting) && !(await confirmForOthers())) return;
  const host = await hosting.need();
  await host.restartServer();
}

/** A turn of another window ended with the server, if that is gone already. */
function endsTurnsOfOthers({ current }: Shell['hosting']): boolean {
  if (current === undefined) return false;
  const { state } = current.server.state;
  return (state === 'ready' || state === 'unresponsive') && current.server.others.busy;
}

function sayNotRestarted(notices: Notices): void {
  const setting = `${SECTION}.${TEXT_SETTINGS.restartCommand}`;
  notices.info(
    vscode.l10n.t(
      'Holdfast connects anew. It does not restart a server that it did not start, unless "{0}" says how.',
      setting,
    ),
    [commandAction(vscode.l10n.t('Open Settings'), 'workbench.action.openSettings', setting)],
  );
}

/** @param command that is run for it; undefined for a server of ours. */
async function confirmRestart(runs: readonly Run[], command: string | undefined): Promise<boolean> {
  const restart = vscode.l10n.t('Restart Server');
  const kept = vscode.l10n.t(
    'It is cut off with the server. What was said until then is kept, and it goes on afterwards where that is safe.',
  );
  const detail =
    command === undefined
      ? kept
      : `${kept}\n\n${vscode.l10n.t('This runs your command: {0}', command)}\n\n${vscode.l10n.t('Turns of others who use this server end too.')}`;
  const question = vscode.l10n.t(
    '"{0}" is running. Restart the server anyway?',
    runs[0] === undefined ? '' : runTitle(runs[0]),
  );
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, restart)) === restart;
}

async function confirmForOthers(): Promise<boolean> {
  const restart = vscode.l10n.t('Restart Server');
  const detail = vscode.l10n.t('One server serves all windows. The turn there ends with it.');
  const question = vscode.l10n.t('Another window has a turn running on this server. Restart it anyway?');
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, restart)) === restart;
}

export async function showPanel({ panel }: Shell): Promise<void> {
  await panel.showLast();
}

/** Shows a session: the one it is called on, else one to choose. */
export async function openSession(shell: Shell, argument: unknown): Promise<void> {
  const id = runIdOf(argument) ?? (await pickRun(shell, vscode.l10n.t('Open which session?')));
  if (id !== undefined) shell.panel.show(await shell.hosting.openRun(id));
}

/** What a click on the server's state offers. */
export async function serverMenu(): Promise<void> {
  const command = (icon: string, label: string, id: string): vscode.QuickPickItem & { id: string } => ({
    label: `$(${icon}) ${label}`,
    id,
  });
  const picked = await vscode.window.showQuickPick(
    [
      command('checklist', vscode.l10n.t('Run Review'), 'runReview'),
      command('window', vscode.l10n.t('Show Panel'), 'showPanel'),
      command('debug-restart', vscode.l10n.t('Restart Server'), 'restartServer'),
      command('output', vscode.l10n.t('Show Log'), 'showLog'),
      command('gear', vscode.l10n.t('Open Settings'), 'openSettings'),
    ],
    { title: 'Holdfast', placeHolder: vscode.l10n.t('What to do') },
  );
  if (picked !== undefined) await vscode.commands.executeCommand(`holdfast.${picked.id}`);
}
