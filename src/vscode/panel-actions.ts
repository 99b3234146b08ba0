import * as vscode from 'vscode';
import { assertNever } from '../core/errors.ts';
import type { CardAction } from '../core/protocol.ts';
import type { Run } from '../node/run/run.ts';
import type { Hosting } from './hosting.ts';
import { fileInside } from './inside.ts';
import type { Notices } from './notices.ts';
import type { PanelActions } from './panel-messages.ts';
import { answerAsk, resumeQueue, stopRun, submitPrompt, takeQueued } from './prompting.ts';

export function panelActions(hosting: Hosting, notices: Notices): PanelActions {
  return {
    submit: (run, text, how) => submitPrompt({ hosting, notices }, run, text, how),
    resumeQueue: (run) => resumeQueue({ hosting, notices }, run),
    takeQueued: (run, ids, keep) => takeQueued({ hosting, notices }, run, ids, keep),
    stop: (run) => stopRun(notices, run),
    answer: (run, askId, answer) => answerAsk(notices, run, askId, answer),
    openFile: (run, file, line, panel) => openFile(notices, run, file, line, panel),
    openLink,
    perform: async (action) => {
      await vscode.commands.executeCommand(commandOf(action));
    },
  };
}

/** Opens a file of the workspace or of the reviewed repository, and nothing else: the path is the model's. */
async function openFile(
  notices: Notices,
  run: Run,
  file: string,
  line: number | undefined,
  panel: vscode.ViewColumn | undefined,
): Promise<void> {
  const { scope, info } = run.state;
  // Findings are relative to the repository's root, what the agent says to the folder it works in.
  const roots = [scope?.root, info?.workspace].filter((root) => root !== undefined);
  const found = await fileInside(roots, file);
  if (found === undefined) {
    notices.info(vscode.l10n.t('{0} is not a file of this workspace.', file.slice(0, 200)));
    return;
  }
  const at = new vscode.Position(Math.max(0, (line ?? 1) - 1), 0);
  const viewColumn = panel === vscode.ViewColumn.One ? vscode.ViewColumn.Beside : vscode.ViewColumn.One;
  const editor = await vscode.window.showTextDocument(vscode.Uri.file(found), {
    viewColumn,
    preview: true,
    selection: new vscode.Range(at, at),
  });
  editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

async function openLink(url: string): Promise<void> {
  const uri = vscode.Uri.parse(url, true);
  // The schema has looked at the text; what counts is how it is understood.
  if (uri.scheme === 'https') await vscode.env.openExternal(uri);
}

function commandOf(action: CardAction): string {
  switch (action) {
    case 'restart-server':
      return 'holdfast.restartServer';
    case 'end-leftovers':
      return 'holdfast.endLeftovers';
    case 'take-over':
      return 'holdfast.takeOver';
    case 'show-log':
      return 'holdfast.showLog';
    case 'show-transcript':
      return 'holdfast.showTranscript';
    case 'run-review':
      return 'holdfast.runReview';
    case 'open-settings':
      return 'holdfast.openSettings';
    case 'continue':
      return 'holdfast.continueTurn';
    case 'keep-as-is':
      return 'holdfast.keepTurn';
    default:
      return assertNever(action);
  }
}
