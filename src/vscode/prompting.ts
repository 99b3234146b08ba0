import * as vscode from 'vscode';
import type { Answer } from '../core/engine.ts';
import { explain, ForeignRunError } from '../core/errors.ts';
import type { Run } from '../node/run/run.ts';
import { reportFailure } from './failures.ts';
import type { Hosting } from './hosting.ts';
import type { Notices } from './notices.ts';

interface Doors {
  hosting: Hosting;
  notices: Notices;
}

/** Runs whose prompt waits for the server: it is not under way yet, and a second one must not overtake it. */
const waiting = new WeakSet<Run>();

/** What became of a prompt. `refused`: the user was told why, and it is theirs still. */
export type Submitted = 'sent' | 'queued' | 'refused';

/**
 * Takes a prompt: sends it, or queues it where a turn is under way.
 * @param how `queue` where the user was told that it waits for the end of the turn.
 */
export async function submitPrompt(
  { hosting, notices }: Doors,
  run: Run,
  text: string,
  how: 'send' | 'queue',
): Promise<Submitted> {
  if (text.trim() === '') return 'refused';
  if (run.followed) {
    reportFailure(notices, new ForeignRunError());
    return 'refused';
  }
  if (run.active && run.state.info?.type === 'review') {
    notices.info(vscode.l10n.t('A review has no queue. Wait for the turn to end, or stop it.'));
    return 'refused';
  }
  const isFirst = !waiting.has(run);
  waiting.add(run);
  try {
    // What has something on its way is not replaced by a host with other settings.
    const host = await (isFirst && !run.active ? hosting.need() : hosting.look());
    // Another host may have taken over: the run goes on as that one knows it.
    return await host.queue.submit(await hosting.openRun(run.id), text, how);
  } catch (error) {
    const text = vscode.l10n.t('The prompt was not sent: {0}', explain(error));
    if (!run.followed && !run.active) run.append({ kind: 'note', level: 'warning', text });
    reportFailure(notices, error);
    return 'refused';
  } finally {
    if (isFirst) waiting.delete(run);
  }
}

/** Lets the queue of a run go on; a failure is said. */
export async function resumeQueue({ hosting, notices }: Doors, run: Run): Promise<void> {
  try {
    const host = await (run.active ? hosting.look() : hosting.need());
    await host.queue.resume(await hosting.openRun(run.id));
  } catch (error) {
    reportFailure(notices, error);
  }
}

/**
 * Takes prompts out of the queue of a run; a failure is said.
 * @param keep is given each text before it leaves the queue.
 */
export async function takeQueued(
  { hosting, notices }: Doors,
  run: Run,
  ids: readonly string[],
  keep?: (text: string) => void,
): Promise<void> {
  try {
    const { queue } = await hosting.look();
    const own = await hosting.openRun(run.id);
    await queue.take(own, ids, keep === undefined ? 'removed' : 'edited', keep);
  } catch (error) {
    reportFailure(notices, error);
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
