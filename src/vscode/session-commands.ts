/** Commands on one session: the one they are called on, else the one that is shown, else one to choose. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { commandAction } from './failures.ts';
import { loadHost } from './load-host.ts';
import { pickRun } from './pick-run.ts';
import { type RunItem, runIdOf } from './sessions-tree.ts';
import type { Shell } from './shell.ts';

export async function showTranscript(shell: Shell, argument: unknown): Promise<void> {
  const id = await chosenRun(shell, argument, vscode.l10n.t('Show the transcript of which session?'));
  if (id !== undefined) shell.transcript.show(await shell.hosting.openRun(id));
}

export async function exportTranscript(shell: Shell, argument: unknown): Promise<void> {
  const id = await chosenRun(shell, argument, vscode.l10n.t('Export the transcript of which session?'));
  if (id === undefined) return;
  const { readJournal, transcriptMarkdown } = loadHost();
  const text = transcriptMarkdown(readJournal(folderOf(shell, id)).records);
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t('Export Transcript'),
    defaultUri: vscode.Uri.file(path.join(shell.hosting.folder ?? '', `holdfast-${id}.md`)),
    filters: { Markdown: ['md'] },
  });
  if (target === undefined) return;
  await vscode.workspace.fs.writeFile(target, Buffer.from(text, 'utf8'));
  shell.notices.info(vscode.l10n.t('The transcript is in {0}.', target.fsPath), [
    commandAction(vscode.l10n.t('Open'), 'vscode.open', target),
  ]);
}

/** Writes what went wrong in a session, without what was said in it, so that it can be shown to others. */
export async function exportIncident(shell: Shell, argument: unknown): Promise<void> {
  const id = await chosenRun(shell, argument, vscode.l10n.t('Export the incidents of which session?'));
  if (id === undefined) return;
  const { incidentReport, readJournal } = loadHost();
  const records = incidentReport(readJournal(folderOf(shell, id)).records);
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t('Export Incident Report'),
    defaultUri: vscode.Uri.file(path.join(shell.hosting.folder ?? '', `holdfast-incident-${id}.jsonl`)),
    filters: { JSONL: ['jsonl'] },
  });
  if (target === undefined) return;
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  await vscode.workspace.fs.writeFile(target, Buffer.from(lines, 'utf8'));
  shell.notices.info(
    vscode.l10n.t('The incident report is in {0}. What was said and done is masked in it.', target.fsPath),
    [commandAction(vscode.l10n.t('Open'), 'vscode.open', target)],
  );
}

/** Opens the report of a review: the shown one if it has one, else one to choose. */
export async function openReport(shell: Shell, argument: unknown): Promise<void> {
  const { REPORT_FILE } = loadHost();
  const reportOf = (id: string): string => path.join(folderOf(shell, id), REPORT_FILE);
  const shown = shell.panel.run?.id;
  const id =
    runIdOf(argument) ??
    (shown !== undefined && fs.existsSync(reportOf(shown)) ? shown : undefined) ??
    (await pickRun(shell, vscode.l10n.t('Open the report of which review?'), ({ summary }) =>
      fs.existsSync(reportOf(summary.id)),
    ));
  if (id === undefined) return;
  if (!fs.existsSync(reportOf(id))) {
    shell.notices.info(
      vscode.l10n.t('This session has no report: only a review that came to its end writes one.'),
    );
    return;
  }
  await vscode.commands.executeCommand('markdown.showPreview', vscode.Uri.file(reportOf(id)));
}

/** Deletes a session with all that Holdfast keeps of it, when the user says so again. */
export async function deleteSession(shell: Shell, argument: unknown): Promise<void> {
  const ended = ({ summary }: RunItem): boolean => shell.hosting.standing(summary.id) === 'at-rest';
  const id = runIdOf(argument) ?? (await pickRun(shell, vscode.l10n.t('Delete which session?'), ended));
  if (id === undefined) return;
  if (shell.hosting.standing(id) !== 'at-rest') {
    shell.notices.info(vscode.l10n.t('This session is running. Stop it first.'));
    return;
  }
  const remove = vscode.l10n.t('Delete');
  const detail = vscode.l10n.t(
    'Its transcript, report and findings are deleted from this machine. The code stays as it is.',
  );
  const answer = await vscode.window.showWarningMessage(
    vscode.l10n.t('Delete this session?'),
    { modal: true, detail },
    remove,
  );
  if (answer !== remove || shell.hosting.standing(id) !== 'at-rest') return;
  shell.panel.clear(id);
  shell.findings.clear(id);
  fs.rmSync(folderOf(shell, id), { recursive: true, force: true });
  shell.sessions.refresh();
}

async function chosenRun(shell: Shell, argument: unknown, title: string): Promise<string | undefined> {
  return runIdOf(argument) ?? shell.panel.run?.id ?? pickRun(shell, title);
}

function folderOf({ hosting }: Shell, id: string): string {
  return path.join(loadHost().runsFolder(hosting.storage, hosting.folder ?? ''), id);
}
