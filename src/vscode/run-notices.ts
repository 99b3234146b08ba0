import * as vscode from 'vscode';
import { asksUser } from '../core/recovery/incident.ts';
import { QUEUE_PAUSED } from '../core/journal/queue.ts';
import { outcomeTitle } from '../core/outcome.ts';
import type { JournalRecord, RecordOf } from '../core/journal/record.ts';
import type { Row } from '../core/protocol.ts';
import type { Run } from '../node/run/run.ts';
import { commandAction, missingEngineActions } from './failures.ts';
import type { Hosting } from './hosting.ts';
import type { Notices, NoticeAction } from './notices.ts';
import type { Panel } from './panel.ts';
import { runTitle } from '../core/journal/run-title.ts';
import { missingReason } from './status-look.ts';

/** What the user has been told of in the running turn: that the agent asks, that recovery does. */
type Told = Set<'ask' | 'recovery'>;

/**
 * What of a run is worth a notification: that it failed, that a review is done, that the agent or recovery waits; each
 * only while nobody looks, and once a turn until the user has answered. Sub-agents say nothing: their asks and ends
 * belong to their parent's turn.
 */
export class RunNotices implements vscode.Disposable {
  readonly #hosting: Hosting;
  readonly #notices: Notices;
  readonly #panel: Panel;
  readonly #told = new WeakMap<Run, Told>();
  readonly #stop: vscode.Disposable;

  constructor(hosting: Hosting, panel: Panel, notices: Notices) {
    this.#hosting = hosting;
    this.#notices = notices;
    this.#panel = panel;
    this.#stop = hosting.onRecord(({ run, record }) => this.#onRecord(run, record));
  }

  dispose(): void {
    this.#stop.dispose();
  }

  #onRecord(run: Run, record: JournalRecord): void {
    switch (record.kind) {
      case 'turn-drafted':
        this.#told.delete(run);
        return;
      case 'owner':
        // What was open when the window before this one went away was told there, though it is read again now.
        if (run.snapshot().rows.some(isOpenAsk)) this.#toldOf(run).add('ask');
        if (run.state.turn?.phase === 'asking') this.#toldOf(run).add('recovery');
        return;
      case 'answered':
        this.#toldOf(run).delete('ask');
        return;
      case 'recovery-answered':
        this.#toldOf(run).delete('recovery');
        return;
      case 'event':
        if (record.event.type === 'ask' && this.#isNews(run, 'ask')) this.#onAsk(run);
        return;
      case 'decision':
        if (asksUser(record) && this.#isNews(run, 'recovery')) this.#onRecoveryAsk(run, record);
        return;
      case 'queue':
        if (record.state === 'paused' && isDoneHere(run)) this.#onQueuePaused(run, record.reason);
        return;
      case 'run-ended':
        if (isDoneHere(run)) this.#onEnded(run, record);
        return;
      default:
        return;
    }
  }

  #toldOf(run: Run): Told {
    const told = this.#told.get(run) ?? new Set();
    this.#told.set(run, told);
    return told;
  }

  /** Whether the user does not know yet. What the panel shows they know. */
  #isNews(run: Run, what: 'ask' | 'recovery'): boolean {
    const told = this.#toldOf(run);
    if (told.has(what) || !isDoneHere(run)) return false;
    told.add(what);
    return !this.#panel.shows(run);
  }

  /** The next prompt could not be sent. Other reasons are the user's own doing, or told with that. */
  #onQueuePaused(run: Run, reason: string | undefined): void {
    const isTold = reason === QUEUE_PAUSED.left || reason === QUEUE_PAUSED.notSent;
    if (reason === undefined || isTold || this.#panel.shows(run)) return;
    this.#notices.error(
      vscode.l10n.t('{0}: the next queued prompt was not sent: {1}.', runTitle(run), reason),
      [showAction(run)],
    );
  }

  #onEnded(run: Run, { outcome, message }: RecordOf<'run-ended'>): void {
    const title = runTitle(run);
    if (outcome === 'interrupted') return;
    // The way to an engine is on no card.
    if (this.#panel.shows(run) && !this.#isMissingEngine(message)) return;
    if (outcome !== 'ok') {
      this.#notices.error(
        `${title}: ${message ?? outcomeTitle(outcome)}`,
        this.#failureActions(outcome, message),
      );
      return;
    }
    if (run.state.info?.type !== 'review') return;
    const demo = run.state.info.demo ? vscode.l10n.t('{0} (demo model)', title) : title;
    this.#notices.info(`${demo}: ${message ?? outcomeTitle(outcome)}`, [
      showAction(run),
      commandAction(vscode.l10n.t('Open Report'), 'holdfast.openReport', { summary: { id: run.id } }),
    ]);
  }

  #isMissingEngine(message: string | undefined): boolean {
    return message !== undefined && message === missingReason(this.#hosting.server);
  }

  #failureActions(outcome: RecordOf<'run-ended'>['outcome'], message: string | undefined): NoticeAction[] {
    if (this.#isMissingEngine(message)) return missingEngineActions();
    const log = commandAction(vscode.l10n.t('Show Log'), 'holdfast.showLog');
    return outcome === 'server-unreachable'
      ? [commandAction(vscode.l10n.t('Restart Server'), 'holdfast.restartServer'), log]
      : [log];
  }

  #onRecoveryAsk(run: Run, { decision }: RecordOf<'decision'>): void {
    // What may have been done already is named in the panel, and decided upon there: a model's words could hold a link here.
    const goOn = { title: vscode.l10n.t('Continue'), run: () => run.followed || run.answerRecovery('go-on') };
    this.#notices.info(
      vscode.l10n.t('{0}: the turn was cut off and waits for your decision.', runTitle(run)),
      decision === 'offer' ? [showAction(run), goOn] : [showAction(run)],
    );
  }

  #onAsk(run: Run): void {
    this.#notices.info(vscode.l10n.t('{0}: the agent waits for your answer.', runTitle(run)), [
      showAction(run),
      commandAction(vscode.l10n.t('Answer'), 'holdfast.answerRequest'),
    ]);
  }
}

/** A run that another window does is said there; what it did while it rested here is no news. */
function isDoneHere(run: Run): boolean {
  return !run.followed && run.isOwned;
}

function isOpenAsk(row: Row): boolean {
  return (row.kind === 'permission' || row.kind === 'question') && row.state === 'open';
}

function showAction(run: Run): NoticeAction {
  return commandAction(vscode.l10n.t('Show'), 'holdfast.openSession', { summary: { id: run.id } });
}
