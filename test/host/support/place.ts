import { existsSync, readdirSync, watch } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { JournalRecord, RecordKind, RecordOf } from '../../../src/core/journal/record.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { listRuns, runsFolder } from '../../../src/node/run/run-store.ts';

/** The workspace that the suite has open: a sample repository with uncommitted changes. */
export function workspace(): string {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (folder === undefined) throw new Error('the suite needs an open folder');
  return folder;
}

export const fileUri = (file: string): vscode.Uri => vscode.Uri.file(path.join(workspace(), file));

/** Where the extension keeps what it keeps: beside the HOME of the throw-away profile. */
export function storage(): string {
  const global = path.resolve(process.env['HOME'] ?? '', '../user-data/User/globalStorage');
  const name = existsSync(global)
    ? readdirSync(global).find((entry) => entry.startsWith('holdfast'))
    : undefined;
  return path.join(global, name ?? 'holdfast.holdfast');
}

/** The folder of the newest run. */
export function newestRun(): string {
  const [newest] = listRuns(runsFolder(storage(), workspace()));
  if (newest === undefined) throw new Error('there is no run');
  return newest.folder;
}

/** Resolves with the first record of a kind that fits, in the journal already or written later. */
export function record<K extends RecordKind>(
  folder: string,
  kind: K,
  fits: (found: RecordOf<K>) => boolean = () => true,
): Promise<RecordOf<K>> {
  return new Promise((resolve) => {
    const watcher = watch(folder, () => look());
    const look = (): void => {
      const found = records(folder).find(
        (each): each is RecordOf<K> => each.kind === kind && fits(each as RecordOf<K>),
      );
      if (found === undefined) return;
      watcher.close();
      resolve(found);
    };
    look();
  });
}

function records(folder: string): JournalRecord[] {
  try {
    return readJournal(folder).records;
  } catch {
    // Nothing is written yet.
    return [];
  }
}

/** Resolves once the problems of Holdfast in a file are as wanted. */
export function problems(
  file: string,
  fits: (found: vscode.Diagnostic[]) => boolean,
): Promise<vscode.Diagnostic[]> {
  const uri = fileUri(file);
  const ours = (): vscode.Diagnostic[] =>
    vscode.languages.getDiagnostics(uri).filter(({ source }) => source?.startsWith('Holdfast'));
  return new Promise((resolve) => {
    const listening = vscode.languages.onDidChangeDiagnostics(() => look());
    const look = (): void => {
      const found = ours();
      if (!fits(found)) return;
      listening.dispose();
      resolve(found);
    };
    look();
  });
}
