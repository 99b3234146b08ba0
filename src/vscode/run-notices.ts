import * as vscode from 'vscode';
import { outcomeTitle } from '../core/outcome.ts';
import type { RecordOf } from '../core/journal/record.ts';
import type { Run } from '../node/run/run.ts';
import { commandAction, missingEngineActions } from './failures.ts';
import type { Hosting } from './hosting.ts';
import type { Notices, NoticeAction } from './notices.ts';
import type { Panel } from './panel.ts';
import { runTitle } from '../core/journal/run-title.ts';
import { missingReason } from './status-look.ts';

/**
 * What of a run is worth a notification: that it failed, that a review is done and nobody looks, that the agent
 * waits and nobody looks. Sub-agents say nothing: their asks and ends belong to their parent's turn.
 */
export class RunNotices implements vscode.Disposable {
  readonly #hosting: Hosting;
  readonly #notices: Notices;
  readonly #panel: Panel;
  readonly #stop: vscode.Disposable;

  constructor(hosting: Hosting, panel: Panel, notices: Notices) {
    this.#hosting = hosting;
    this.#notices = notices;
    this.#panel = panel;
    this.#stop = hosting.onRecord(({ run, record }) => {
      // Said where it runs, and nothing can be done about it here.
      if (run.followed) return;
      if (record.kind === 'run-ended') this.#onEnded(run, record);
      if (record.kind === 'decision' && isQuestion(record) && !panel.shows(run)) this.#onRecoveryAsk(run);
      if (record.kind === 'event' && record.event.type === 'ask' && !panel.shows(run)) this.#onAsk(run);
    });
  }

  dispose(): void {
    this.#stop.dispose();
  }

  #onEnded(run: Run, { outcome, message }: RecordOf<'run-ended'>): void {
    const title = runTitle(run);
    if (outcome === 'interrupted') return;
    if (outcome !== 'ok') {
      this.#notices.error(
        `${title}: ${message ?? outcomeTitle(outcome)}`,
        this.#failureActions(outcome, message),
      );
      return;
    }
    if (run.state.info?.type !== 'review' || this.#panel.shows(run)) return;
    const demo = run.state.info.demo ? vscode.l10n.t('{0} (demo model)', title) : title;
    this.#notices.info(`${demo}: ${message ?? outcomeTitle(outcome)}`, [
      showAction(run),
      commandAction(vscode.l10n.t('Open Report'), 'holdfast.openReport', { summary: { id: run.id } }),
    ]);
  }

  #failureActions(outcome: RecordOf<'run-ended'>['outcome'], message: string | undefined): NoticeAction[] {
    if (message !== undefined && message === missingReason(this.#hosting.server))
      return missingEngineActions();
    const log = commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog');
    return outcome === 'server-unreachable'
      ? [commandAction(vscode.l10n.t('Restart Server'), 'holdfast.restartServer'), log]
      : [log];
  }

  #onRecoveryAsk(run: Run): void {
    this.#notices.info(vscode.l10n.t('{0}: it was cut off. Continue it?', runTitle(run)), [
      showAction(run),
      commandAction(vscode.l10n.t('Continue'), 'holdfast.continueTurn'),
    ]);
  }

  #onAsk(run: Run): void {
    this.#notices.info(vscode.l10n.t('{0}: the agent waits for your answer.', runTitle(run)), [
      showAction(run),
      commandAction(vscode.l10n.t('Answer'), 'holdfast.answerRequest'),
    ]);
  }
}

function isQuestion({ decision }: RecordOf<'decision'>): boolean {
  return decision === 'ask' || decision === 'offer';
}

function showAction(run: Run): NoticeAction {
  return commandAction(vscode.l10n.t('Show'), 'holdfast.openSession', { summary: { id: run.id } });
}
