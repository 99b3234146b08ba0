import * as vscode from 'vscode';
import { DEMO_MODEL, modelProblem } from '../core/settings.ts';
import { passwordKey } from './hosting.ts';
import { readSettings, SECTION, setModel } from './settings.ts';
import type { Shell } from './shell.ts';

export async function openSettings(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.openSettings', SECTION);
}

export async function setEnginePath(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.openSettings', `${SECTION}.engine.path`);
}

export async function useDemoModel({ notices }: Shell): Promise<void> {
  await setModel(DEMO_MODEL);
  notices.info(vscode.l10n.t('The demo model answers from now on: simple rules, no AI.'));
}

/** Chooses the model for reviews and prompts, and keeps it in the user's settings. */
export async function selectModel(): Promise<void> {
  const now = readSettings().settings.model;
  const item = (
    label: string,
    value: string | undefined,
    detail: string,
  ): vscode.QuickPickItem & { value: string | undefined } => ({
    label,
    value,
    detail,
    ...(value === now ? { description: vscode.l10n.t('chosen now') } : {}),
  });
  const own = now === '' || now === DEMO_MODEL ? [] : [item(now, now, vscode.l10n.t('From the settings'))];
  const picked = await vscode.window.showQuickPick(
    [
      ...own,
      item(
        vscode.l10n.t("The engine's own default"),
        '',
        vscode.l10n.t('What opencode is configured to use'),
      ),
      item(
        vscode.l10n.t('Demo model'),
        DEMO_MODEL,
        vscode.l10n.t('Simple rules, no AI: shows how everything works, without an account'),
      ),
      item(vscode.l10n.t('Another model…'), undefined, vscode.l10n.t('Written as provider/model')),
    ],
    { title: vscode.l10n.t('Which model should answer?') },
  );
  if (picked === undefined) return;
  const model = picked.value ?? (await askModel(now === DEMO_MODEL ? '' : now));
  if (model !== undefined) await setModel(model.trim());
}

async function askModel(value: string): Promise<string | undefined> {
  return vscode.window.showInputBox({
    title: vscode.l10n.t('Model'),
    prompt: vscode.l10n.t('Written as provider/model, as the engine knows it'),
    value,
    validateInput: (text) => modelProblem(text.trim()),
  });
}

/** Keeps the password of the server that `holdfast.server.url` names, or forgets it when left empty. */
export async function setServerPassword({ hosting, notices, secrets }: Shell): Promise<void> {
  const { url } = readSettings().settings.server;
  if (url === '') {
    notices.info(
      vscode.l10n.t(
        'Set "holdfast.server.url" first: a server that Holdfast starts has a password of its own.',
      ),
    );
    return;
  }
  const password = await vscode.window.showInputBox({
    title: vscode.l10n.t('Password of {0}', url),
    prompt: vscode.l10n.t('Kept by the editor in its secret storage. Empty to forget it.'),
    password: true,
    ignoreFocusOut: true,
  });
  if (password === undefined) return;
  if (password === '') await secrets.delete(passwordKey(url));
  else await secrets.store(passwordKey(url), password);
  hosting.outdate();
}
