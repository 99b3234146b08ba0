import * as vscode from 'vscode';
import type { InstallStep } from '../engines/opencode/install.ts';
import { commandAction } from './failures.ts';
import type { Hosting } from './hosting.ts';
import { type HostModule, loadHost } from './load-host.ts';
import { readSettings, SECTION } from './settings.ts';
import type { Shell } from './shell.ts';
import { missingReason } from './status-look.ts';

/** The installation under way in this window. */
let installing: Promise<void> | undefined;

/**
 * Installs the engine for Holdfast alone, unless there is one. Asked for again meanwhile, it is still done once,
 * and how it went is said once.
 */
export async function installEngine(shell: Shell): Promise<void> {
  if (installing !== undefined) {
    await installing.catch(() => undefined);
    return;
  }
  installing = install(shell);
  try {
    await installing;
  } finally {
    installing = undefined;
  }
}

async function install({ hosting, notices, log }: Shell): Promise<void> {
  const host = loadHost();
  const there = await find(host, hosting);
  if (there !== undefined) {
    notices.info(
      vscode.l10n.t('opencode {0} is there already: {1}', there.version, there.path),
      review(hosting),
    );
    await lookAgain(hosting);
    return;
  }
  const { path, version } = await withProgress(host, hosting, log);
  log.info(`installed opencode ${version} as ${path}`);
  const said = vscode.l10n.t('opencode {0} is installed.', version);
  if (readSettings().settings.engine.path === '') {
    await lookAgain(hosting);
    notices.info(said, review(hosting));
    return;
  }
  // The user's own word stands until they take it back.
  const setting = vscode.l10n.t(
    'The setting "holdfast.engine.path" names another one, which cannot be used.',
  );
  notices.warning(`${said} ${setting}`, [
    { title: vscode.l10n.t('Use the Installed One'), run: () => forgetPath(hosting) },
  ]);
}

/** The engine that would be started now; undefined when there is none. */
async function find(
  host: HostModule,
  { storage }: Hosting,
): Promise<{ path: string; version: string } | undefined> {
  const { path } = readSettings().settings.engine;
  try {
    return await host.locateOpencode({ path, storage, env: process.env });
  } catch (error) {
    if ((error as { kind?: unknown }).kind === 'engine-missing') return undefined;
    throw error;
  }
}

/** The user asked for this and can cancel it, so it is shown whatever notifications are wanted. */
async function withProgress(
  host: HostModule,
  { storage }: Hosting,
  log: vscode.LogOutputChannel,
): Promise<{ path: string; version: string }> {
  const title = vscode.l10n.t('Installing opencode {0}', host.OPENCODE_VERSION);
  const says: Record<InstallStep, string> = {
    downloading: vscode.l10n.t('downloading about {0} MB through npm…', host.OPENCODE_DOWNLOAD_MB),
    checking: vscode.l10n.t('checking that it runs…'),
  };
  const place = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(place, async (progress, token) => {
    const cancel = new AbortController();
    const listening = token.onCancellationRequested(() => cancel.abort());
    try {
      return await host.installOpencode({
        storage,
        env: process.env,
        signal: cancel.signal,
        onProgress: (step) => progress.report({ message: says[step] }),
        log: (line) => log.info(line),
      });
    } finally {
      listening.dispose();
    }
  });
}

async function forgetPath(hosting: Hosting): Promise<void> {
  const target = vscode.ConfigurationTarget.Global;
  await vscode.workspace.getConfiguration(SECTION).update('engine.path', undefined, target);
  await lookAgain(hosting);
}

/** Where an engine was wanted and missing, what is shown says so still: a new host knows nothing of that. */
async function lookAgain(hosting: Hosting): Promise<void> {
  if (missingReason(hosting.server) === undefined) return;
  hosting.outdate();
  await hosting.need();
}

function review({ folder }: Hosting): ReturnType<typeof commandAction>[] {
  return folder === undefined ? [] : [commandAction(vscode.l10n.t('Run Review'), 'holdfast.runReview')];
}
