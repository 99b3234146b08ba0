/** Commands on the prompts that wait in the session that is shown. */
import * as vscode from 'vscode';
import type { Run } from '../node/run/run.ts';
import { resumeQueue as resume, takeQueued } from './prompting.ts';
import type { Shell } from './shell.ts';

/** Sends the first one once no turn is under way, and goes on with the others. */
export async function resumeQueue(shell: Shell): Promise<void> {
  const run = runWithQueue(shell);
  if (run === undefined) return;
  shell.panel.show(run);
  await resume(shell, run);
}

/** Takes one back into the prompt box. */
export async function editQueued(shell: Shell): Promise<void> {
  const run = runWithQueue(shell);
  const id = run && (await pick(run, vscode.l10n.t('Edit which queued prompt?')));
  if (run === undefined || id === undefined) return;
  shell.panel.show(run, { focus: true });
  await shell.panel.editQueued(run, id);
}

export async function removeQueued(shell: Shell): Promise<void> {
  const run = runWithQueue(shell);
  const id = run && (await pick(run, vscode.l10n.t('Remove which queued prompt?')));
  if (run !== undefined && id !== undefined) await takeQueued(shell, run, [id]);
}

/** Removes all of them, when the user says so again. */
export async function clearQueue(shell: Shell): Promise<void> {
  const run = runWithQueue(shell);
  if (run === undefined) return;
  const ids = run.state.queue.items.map(({ id }) => id);
  const clear = vscode.l10n.t('Clear Queue');
  const detail = vscode.l10n.t('They are not sent. Their text stays in the transcript.');
  const question =
    ids.length === 1
      ? vscode.l10n.t('Remove the queued prompt?')
      : vscode.l10n.t('Remove {0} queued prompts?', ids.length);
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, clear)) === clear)
    await takeQueued(shell, run, ids);
}

/** The shown run, if prompts wait in it; else it is said that none do. @throws ForeignRunError */
function runWithQueue({ panel, notices }: Shell): Run | undefined {
  const { run } = panel;
  if (run === undefined || run.state.queue.items.length === 0) {
    notices.info(vscode.l10n.t('No prompt is queued in the shown session.'));
    return undefined;
  }
  run.assertOurs();
  return run;
}

async function pick({ state }: Run, title: string): Promise<string | undefined> {
  const items = state.queue.items.map(({ id, text }) => ({ id, label: text.trim().replaceAll(/\s+/g, ' ') }));
  return items.length === 1 ? items[0]?.id : (await vscode.window.showQuickPick(items, { title }))?.id;
}
