/** Commands that start, steer and show what runs. */
import * as vscode from 'vscode';
import type { RecoveryChoice } from '../core/recovery/incident.ts';
import type { Run } from '../node/run/run.ts';
import { commandAction } from './failures.ts';
import type { Notices } from './notices.ts';
import { pickRun } from './pick-run.ts';
import { sendPrompt } from './prompting.ts';
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
 * Asks for a prompt and sends it in the run that is shown, or in a new session when none is.
 * @param given the prompt, from a keybinding's `args`; it is then not asked for.
 */
export async function promptFromPalette({ hosting, panel, notices }: Shell, given: unknown): Promise<void> {
  const shown = panel.run;
  shown?.assertOurs();
  if (shown?.active === true) {
    panel.show(shown);
    notices.info(vscode.l10n.t('A turn is under way. Wait for its end, or stop it.'));
    return;
  }
  const text = typeof given === 'string' ? given : await askPrompt(shown);
  if (text === undefined || text.trim() === '') return;
  const run = shown ?? (await (await hosting.need()).startSession());
  panel.show(run);
  if (!(await sendPrompt(hosting, notices, run, text))) panel.keepDraft(run, text);
}

async function askPrompt(shown: Run | undefined): Promise<string | undefined> {
  return vscode.window.showInputBox({
    title:
      shown === undefined
        ? vscode.l10n.t('Prompt for a new session')
        : vscode.l10n.t('Prompt for "{0}"', runTitle(shown)),
    placeHolder: vscode.l10n.t('What the agent should do'),
    ignoreFocusOut: true,
  });
}

/** Stops the shown run if it runs, else the one that does. */
export function stopTurn({ hosting, panel, notices }: Shell): void {
  const run = panel.run?.active === true ? panel.run : hosting.activeRuns[0];
  if (run === undefined) notices.info(vscode.l10n.t('Nothing is running.'));
  else run.stop('user');
}

/** Answers what recovery asks of the shown run, or of the one that waits. */
export function answerRecovery({ hosting, panel, notices }: Shell, choice: RecoveryChoice): void {
  const isAsking = (run: Run | undefined): run is Run => run?.state.turn?.phase === 'asking' && !run.followed;
  const run = [panel.run, ...hosting.activeRuns].find(isAsking);
  if (run === undefined) notices.info(vscode.l10n.t('No turn waits for your decision.'));
  else run.answerRecovery(choice);
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
