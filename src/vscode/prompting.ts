import * as vscode from 'vscode';
import type { Answer } from '../core/engine.ts';
import { explain, ForeignRunError } from '../core/errors.ts';
import type { Run } from '../node/run/run.ts';
import { reportFailure } from './failures.ts';
import type { Hosting } from './hosting.ts';
import type { Notices } from './notices.ts';

/** Runs whose prompt waits for the server: it is not under way yet, and a second one must not overtake it. */
const waiting = new WeakSet<Run>();

/** Sends a prompt. True when it is under way; otherwise the user was told why not, and nothing was sent. */
export async function sendPrompt(
  hosting: Hosting,
  notices: Notices,
  run: Run,
  text: string,
): Promise<boolean> {
  if (text.trim() === '') return false;
  if (run.followed) {
    reportFailure(notices, new ForeignRunError());
    return false;
  }
  if (run.active || waiting.has(run)) {
    notices.info(vscode.l10n.t('A turn is under way. Wait for its end, or stop it.'));
    return false;
  }
  waiting.add(run);
  try {
    const host = await hosting.need();
    // Another host may have taken over: the run goes on as that one knows it.
    await host.prompt(await hosting.openRun(run.id), text);
    return true;
  } catch (error) {
    const text = vscode.l10n.t('The prompt was not sent: {0}', explain(error));
    if (!run.followed) run.append({ kind: 'note', level: 'warning', text });
    reportFailure(notices, error);
    return false;
  } finally {
    waiting.delete(run);
  }
}

/** Stops what is under way in a run; a refusal is said. */
export function stopRun(notices: Notices, run: Run): void {
  try {
    run.stop('user');
  } catch (error) {
    reportFailure(notices, error);
  }
}

/** Answers an ask of the agent; a failure is said. */
export async function answerAsk(notices: Notices, run: Run, askId: string, answer: Answer): Promise<void> {
  try {
    await run.answer(askId, answer);
  } catch (error) {
    reportFailure(notices, error);
  }
}
