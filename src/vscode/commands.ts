import * as vscode from 'vscode';
import { explain } from '../core/errors.ts';
import { answerRequest } from './answer-request.ts';
import { reportFailure } from './failures.ts';
import { dismissAllFindings, dismissFinding } from './finding-commands.ts';
import { clearQueue, editQueued, removeQueued, resumeQueue } from './queue-commands.ts';
import {
  continueTurn,
  runReview,
  newSession,
  endLeftovers,
  keepTurn,
  openSession,
  promptFromPalette,
  restartServer,
  serverMenu,
  showPanel,
  stopTurn,
  takeOver,
} from './run-commands.ts';
import {
  deleteSession,
  exportIncident,
  exportTranscript,
  openReport,
  showTranscript,
} from './session-commands.ts';
import { installEngine } from './install-engine.ts';
import {
  openSettings,
  selectModel,
  setEnginePath,
  setServerPassword,
  useDemoModel,
} from './setting-commands.ts';
import type { Shell } from './shell.ts';

interface Command {
  /** Without the `holdfast.` in front. */
  id: string;
  /** Graceful where it does not apply: it says why, or does nothing. Errors are reported by the caller. */
  run(shell: Shell, ...args: unknown[]): unknown;
}

/** All commands. Everything the panel can do is in the palette. */
const COMMANDS: readonly Command[] = [
  { id: 'runReview', run: runReview },
  { id: 'newSession', run: newSession },
  { id: 'sendPrompt', run: promptFromPalette },
  { id: 'resumeQueue', run: resumeQueue },
  { id: 'editQueued', run: editQueued },
  { id: 'removeQueued', run: removeQueued },
  { id: 'clearQueue', run: clearQueue },
  { id: 'stopTurn', run: stopTurn },
  { id: 'answerRequest', run: answerRequest },
  { id: 'continueTurn', run: continueTurn },
  { id: 'keepTurn', run: keepTurn },
  { id: 'restartServer', run: restartServer },
  { id: 'takeOver', run: takeOver },
  { id: 'endLeftovers', run: endLeftovers },
  { id: 'showPanel', run: showPanel },
  { id: 'showLog', run: ({ log }) => log.show(true) },
  { id: 'showTranscript', run: showTranscript },
  { id: 'exportTranscript', run: exportTranscript },
  { id: 'exportIncident', run: exportIncident },
  { id: 'openReport', run: openReport },
  { id: 'openSession', run: openSession },
  { id: 'deleteSession', run: deleteSession },
  { id: 'dismissFinding', run: dismissFinding },
  { id: 'dismissAllFindings', run: dismissAllFindings },
  { id: 'selectModel', run: selectModel },
  { id: 'setEnginePath', run: setEnginePath },
  { id: 'setServerPassword', run: setServerPassword },
  { id: 'installEngine', run: installEngine },
  { id: 'faultDrill', run: ({ drill }, given) => drill.run(given) },
  { id: 'openSettings', run: openSettings },
  // Reached from other surfaces alone, which is why the manifest does not have them.
  { id: 'useDemoModel', run: useDemoModel },
  { id: 'serverMenu', run: serverMenu },
];

export function registerCommands(shell: Shell): vscode.Disposable[] {
  return COMMANDS.map(({ id, run }) =>
    vscode.commands.registerCommand(`holdfast.${id}`, async (...args: unknown[]) => {
      try {
        await run(shell, ...args);
      } catch (error) {
        shell.log.debug(
          `command ${id}: ${error instanceof Error ? (error.stack ?? explain(error)) : explain(error)}`,
        );
        reportFailure(shell.notices, error);
      }
    }),
  );
}
