/** The composition root: puts the parts together and starts nothing. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { registerCommands } from './commands.ts';
import { setContext } from './context-keys.ts';
import { Drafts } from './drafts.ts';
import { FaultDrill } from './fault-drill.ts';
import { FindingActions } from './finding-actions.ts';
import { Findings } from './findings.ts';
import { GhostTab } from './ghost-tab.ts';
import { Hosting, workspaceFolder } from './hosting.ts';
import { Notices } from './notices.ts';
import { panelActions } from './panel-actions.ts';
import { Panel } from './panel.ts';
import { RunNotices } from './run-notices.ts';
import { SessionsTree } from './sessions-tree.ts';
import { missingReason } from './status-look.ts';
import { StatusBar } from './status-bar.ts';
import { TranscriptChannel } from './transcript-channel.ts';

/** What outlives `subscriptions`: VS Code disposes those as soon as `deactivate()` first waits. */
let life: { hosting: Hosting; drill: FaultDrill; log: vscode.LogOutputChannel } | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Holdfast', { log: true });
  const notices = new Notices(log);
  const { secrets, extensionUri } = context;
  const storage = context.globalStorageUri.fsPath;
  const version = String((context.extension.packageJSON as { version: unknown }).version);
  const programs = path.join(extensionUri.fsPath, 'dist');
  const hosting = new Hosting({
    folder: workspaceFolder(),
    storage,
    programs,
    version,
    log,
    notices,
    secrets,
  });
  const drill = new FaultDrill({ storage, programs, version, log, notices });
  life = { hosting, drill, log };
  const drafts = new Drafts(hosting, notices, log);
  const panel = new Panel(extensionUri, hosting, drafts, panelActions(hosting, notices), log);
  const findings = new Findings(hosting, log);
  const sessions = new SessionsTree(hosting);
  const transcript = new TranscriptChannel(hosting);
  context.subscriptions.push(
    hosting,
    panel,
    findings,
    sessions,
    transcript,
    new StatusBar(hosting),
    new RunNotices(hosting, panel, notices),
    new GhostTab({ hasPage: () => panel.hasPage, reopen: () => panel.reopen() }),
    vscode.languages.registerCodeActionsProvider(
      { scheme: 'file' },
      new FindingActions(findings),
      FindingActions.metadata,
    ),
    ...registerCommands({
      hosting,
      drafts,
      panel,
      findings,
      sessions,
      transcript,
      drill,
      notices,
      log,
      secrets,
    }),
    followContext(hosting),
  );
  // Findings of before a reload; where nothing was ever run there is nothing to load for.
  if (fs.existsSync(path.join(storage, 'workspaces'))) void findings.restore();
  if (hosting.folder !== undefined) void hosting.resume();
}

/**
 * Lets go of what runs, in bounded time: a reload finds it again, and after a close its grace ends it. A drill is not
 * gone on with.
 */
export async function deactivate(): Promise<void> {
  await Promise.all([life?.hosting.leave(), life?.drill.end()]);
  life?.log.dispose();
  life = undefined;
}

/** Keeps the context keys of the manifest true. */
function followContext(of: Hosting): vscode.Disposable {
  const update = (): void => {
    setContext('running', of.activeRuns.length > 0);
    setContext(
      'asking',
      of.activeRuns.some((run) => run.state.conversation.asks.size > 0),
    );
    setContext('noEngine', missingReason(of.server) !== undefined);
  };
  return vscode.Disposable.from(of.onRecord(update), of.onServer(update));
}
