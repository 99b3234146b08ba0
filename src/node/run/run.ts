/**
 * One run: the imperative shell around the fold. It stamps records, writes them to the journal, folds them,
 * and carries out the effects that come back. Everything else about a run is derived from its records.
 *
 * Order is the point: a record is on disk before it is folded, and folded before anybody is told.
 */
import * as fs from 'node:fs';
import type { Clock } from '../../core/clock.ts';
import { assertNever, explain, ForeignRunError, RequestError } from '../../core/errors.ts';
import type { Answer, EngineClient, EngineEvent, PermissionRule, Prompt } from '../../core/engine.ts';
import { QUEUE_PAUSED } from '../../core/journal/queue.ts';
import type { JournalRecord, RecordBody, StallLimits, StopCause } from '../../core/journal/record.ts';
import {
  isActive,
  isOvertaken,
  newRunState,
  type RunEffect,
  type RunState,
  stepRun,
} from '../../core/journal/state.ts';
import { RunViewFold } from '../../core/journal/view.ts';
import type { Header, PatchOp, RunView } from '../../core/protocol.ts';
import type { RecoveryChoice, RecoveryMode } from '../../core/recovery/incident.ts';
import type { ReviewEffect } from '../../core/review/review.ts';
import type { TurnTimer } from '../../core/turn/state.ts';
import type { JournalWriter } from '../journal/journal-writer.ts';
import { PatientJournal } from '../journal/patient-journal.ts';
import type { Lease } from '../lease.ts';
import { BATCH_MS, EventIntake } from './event-intake.ts';
import { TurnWork } from './turn-work.ts';

/** Why no prompt can be sent in a run that is followed. */
const BELONGS_ELSEWHERE = 'This run belongs to another window.';

/** What a run needs of the server while one is there. A new server brings a new one. */
export interface RunConnection {
  generation: number;
  client: EngineClient;
}

const ENDS_BATCH: ReadonlySet<RecordBody['kind']> = new Set([
  'turn-settled',
  'incident',
  'decision',
  'attempt-started',
]);

export interface RunOptions {
  id: string;
  writer: JournalWriter;
  clock: Clock;
  stallLimitMs: number;
  recovery: RecoveryMode;
  /** What is done about silence; absent where nothing is. */
  stall?: { limits: StallLimits; giveUpServer(): void };
  /** Told once when the journal can no longer be written. */
  onJournalError(error: unknown): void;
  /** Told when another process has taken the run over: from here on it is followed. */
  onLeaseLost(run: Run): void;
  /** Brings a server for a turn that goes on, and reads its session back. Never rejects. */
  onRecover(run: Run): Promise<void>;
  /** Ends what the tools of dead servers left running. Never rejects. */
  endLeftovers(run: Run): Promise<void>;
  /** Carries out the effects of a review. */
  onReviewEffect(run: Run, effect: ReviewEffect): Promise<void>;
}

export interface RunListener {
  onRecord?(record: JournalRecord): void;
  onOps?(ops: PatchOp[]): void;
}

export class Run {
  readonly id: string;
  readonly state: RunState = newRunState();
  readonly #options: RunOptions;
  readonly #journal: PatientJournal;
  readonly #view: RunViewFold;
  readonly #listeners = new Set<RunListener>();
  readonly #timers = new Map<TurnTimer, () => void>();
  readonly #queue: RecordBody[] = [];
  readonly #intake: EventIntake;
  readonly #work: TurnWork;
  #connection: RunConnection | undefined;
  #leaveStream: () => void = () => undefined;
  #opsTimer: (() => void) | undefined;
  #draining = false;
  #closed = false;
  #followed = false;
  /** The right to write this journal. A run that was only opened has none. */
  #lease: Lease | undefined;

  constructor(options: RunOptions) {
    this.id = options.id;
    this.#options = options;
    this.#journal = new PatientJournal({
      writer: options.writer,
      clock: options.clock,
      isOurs: () => !this.#hasLostLease(),
      // What is under way goes on, in memory: losing the record of what happens is better than losing the work itself.
      onBehind: (error) => options.onJournalError(error),
      onNote: (level, text) => {
        this.#queue.push({ kind: 'note', level, text });
        this.#drain();
      },
    });
    this.#intake = new EventIntake(options.clock, () => this.#flush());
    this.#work = new TurnWork({
      turn: () => this.state.turn,
      connection: () => this.#connection,
      intake: this.#intake,
      endLeftovers: () => options.endLeftovers(this),
      // What was under way here ends here, where another process has the run by now.
      tell: (body) => {
        if (!this.#followed) this.append(body);
      },
      assertRecorded: () => this.assertRecorded(),
    });
    this.#view = new RunViewFold(this.state, { stallLimitMs: options.stallLimitMs });
  }

  get folder(): string {
    return this.#journal.folder;
  }

  get active(): boolean {
    return isActive(this.state);
  }

  get connection(): RunConnection | undefined {
    return this.#connection;
  }

  /** Another live process does this run: it is shown here, and neither written nor steered. */
  get followed(): boolean {
    return this.#followed;
  }

  header(): Header {
    const header = this.#view.header();
    if (this.#followed) {
      const closed = { canSend: false, canQueue: false, canStop: false, canTakeOver: true };
      return { ...header, ...closed, promptHint: BELONGS_ELSEWHERE };
    }
    // Nobody sends what is queued in a run that nobody has.
    const isAtRest = !this.isOwned && header.queue.items.length > 0;
    return isAtRest ? { ...header, queue: { paused: QUEUE_PAUSED.left, ...header.queue } } : header;
  }

  /** The whole view now. A listener that has it gets every later change, and only those, through `onOps`. */
  snapshot(): RunView {
    this.#emitOps();
    return { ...this.#view.snapshot(), header: this.header() };
  }

  listen(listener: RunListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Folds and tells what a journal holds, or what its owner adds to it, without carrying out anything: that was, or
   * is done by whoever wrote it.
   */
  restore(records: readonly JournalRecord[]): void {
    if (this.#closed) return;
    for (const record of records) this.#take(record);
    for (const sessionId of this.state.conversation.sessions.keys()) this.#intake.addSession(sessionId);
    this.#emitSoon();
  }

  /** From here on the run is another process's, until it is let go or `own`. */
  leaveToOwner(): void {
    this.#followed = true;
    this.#lease = undefined;
    this.#connection = undefined;
    this.hears(() => undefined);
    this.#queue.length = 0;
    this.#intake.take();
    this.#journal.forget();
    for (const name of [...this.#timers.keys()]) this.#cancelTimer(name);
    this.#view.touchHeader();
    this.#emitSoon();
  }

  /** Its owner has let it go, or is gone. */
  letGo(): void {
    this.#followed = false;
    this.#view.touchHeader();
    this.#emitSoon();
  }

  /** This process does the run from here on. */
  own(lease: Lease): void {
    this.#lease = lease;
    this.letGo();
  }

  /** Nothing of it is unfinished: the next one to write it need not ask. */
  release(): void {
    this.#lease?.done();
    this.#lease = undefined;
  }

  get isOwned(): boolean {
    return this.#lease?.isHeld === true;
  }

  /** False while the journal cannot be written: what happens is known in memory alone, and nothing new is sent. */
  get isRecorded(): boolean {
    return this.#journal.isWhole;
  }

  /** Makes sure that everything so far is in the journal. @throws JournalError: nothing new may be sent then. */
  assertRecorded(): void {
    this.#journal.assertWhole();
  }

  /** @throws ForeignRunError when another process does this run. */
  assertOurs(): void {
    if (this.#followed) throw new ForeignRunError();
  }

  /** Appends a record: journal, fold, listeners, effects. Pending events come first. @throws ForeignRunError */
  append(body: RecordBody): void {
    if (this.#closed) return;
    this.assertOurs();
    this.#takePending();
    this.#queue.push(body);
    this.#drain();
  }

  /** Takes events of the stream. Those of other sessions are left out. */
  onEvents(events: readonly EngineEvent[]): void {
    if (this.#closed || this.state.sessionId === undefined) return;
    this.#intake.add(events);
  }

  /** Uses a server. The connection of a server that is gone is dropped with `undefined`. */
  connect(connection: RunConnection | undefined): void {
    this.#connection = connection;
  }

  /** Hears a stream from here on, and no other one. @param leave ends that, when the run is another's or closed. */
  hears(leave: () => void): void {
    this.#leaveStream();
    this.#leaveStream = leave;
  }

  /** Creates the run's session on the server. @throws RequestError */
  async createSession(title: string, permission?: readonly PermissionRule[]): Promise<string> {
    const { client } = this.#need();
    const session = await client.createSession({
      title,
      ...(permission === undefined ? {} : { permission }),
    });
    this.#intake.addSession(session.id);
    this.append({ kind: 'session-ready', sessionId: session.id, title });
    return session.id;
  }

  /**
   * Drafts a turn and starts its first attempt. The ids are in the journal before anything is sent.
   * @param queuedId of the queued prompt that this is.
   * @throws JournalError when the draft cannot be written: its turn has ended then, and nothing was sent.
   */
  startTurn(sessionId: string, prompt: Prompt, label: string, queuedId?: string): void {
    const turnId = `t${this.state.turnsSettled + 1}`;
    const { recovery, stall } = this.#options;
    const limits = stall === undefined ? {} : { limits: stall.limits };
    const queued = queuedId === undefined ? {} : { queuedId };
    this.append({ kind: 'turn-drafted', turnId, sessionId, prompt, label, recovery, ...limits, ...queued });
    try {
      this.assertRecorded();
    } catch (error) {
      const message = `It was not sent: ${explain(error)}`;
      this.append({ kind: 'turn-settled', turnId, outcome: 'error', inferred: true, message });
      throw error;
    }
    this.append({ kind: 'attempt-started', turnId, attempt: 1 });
  }

  /** Asks the running turn, or the review between its turns, to stop. It ends in bounded time. @throws ForeignRunError */
  stop(cause: StopCause): void {
    if (!this.active) return;
    const { turn } = this.state;
    this.append({
      kind: 'stop-requested',
      cause,
      ...(turn === undefined || turn.phase === 'settled' ? {} : { turnId: turn.turnId }),
    });
  }

  /**
   * Answers a permission or a question.
   * @throws RequestError when the server does not take it: it is asked again then. ForeignRunError.
   */
  async answer(askId: string, answer: Answer): Promise<void> {
    this.assertOurs();
    const ask = this.state.conversation.asks.get(askId);
    if (ask === undefined) return;
    const { client } = this.#need();
    this.append({ kind: 'answered', askId, answer });
    try {
      await client.answer(ask, answer);
    } catch (error) {
      // Unless it was closed meanwhile, by the engine or with its turn.
      if (this.state.conversation.asks.has(askId))
        this.append({ kind: 'event', event: { type: 'ask', sessionId: ask.sessionId, ask } });
      throw error;
    }
  }

  /** Says what is to become of a turn that recovery asks about. @throws ForeignRunError */
  answerRecovery(choice: RecoveryChoice): void {
    const { turn } = this.state;
    if (turn?.phase === 'asking') this.append({ kind: 'recovery-answered', turnId: turn.turnId, choice });
  }

  /** Reads the running turn's session from the server. */
  async readBack(): Promise<void> {
    const { turn } = this.state;
    if (turn !== undefined) await this.#work.perform({ type: 'sync', turnId: turn.turnId });
  }

  /** Resolves when nothing is under way any more. */
  ended(): Promise<void> {
    if (!this.active) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.listen({
        onRecord: () => {
          if (this.active) return;
          stop();
          resolve();
        },
      });
    });
  }

  /** Writes what is pending and lets go of everything. What is unfinished is left to whoever comes. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#emitOps();
    this.#closed = true;
    // Before the lease goes: the next one may write at once.
    this.#journal.close();
    this.#leaveStream();
    if (this.active) this.#lease?.leave();
    else this.#lease?.done();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#opsTimer?.();
    this.#listeners.clear();
  }

  /** Writes and tells what is pending. After a close that is the next owner's to hear. */
  #flush(): void {
    if (this.#closed) return;
    this.#takePending();
    this.#drain();
  }

  #takePending(): void {
    const events = this.#intake.take();
    // What was asked of the server for a run that is another's by now is its owner's to write.
    if (!this.#followed) for (const event of events) this.#queue.push({ kind: 'event', event });
  }

  /** Works the queue off in batches: effects may append more, which goes to its end. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (this.#queue.length > 0) {
        if (this.#hasLostLease()) {
          this.leaveToOwner();
          this.#options.onLeaseLost(this);
          return;
        }
        const at = this.#options.clock.now();
        const seq = this.state.seq + 1;
        const records = this.#takeQueue().map((body, index): JournalRecord => ({
          seq: seq + index,
          at,
          ...body,
        }));
        this.#journal.write(records);
        for (const record of records) this.#fold(record);
      }
    } finally {
      this.#draining = false;
    }
    this.#emitSoon();
  }

  /** The next batch. It ends with a decision, so that what came after that is seen in its light. */
  #takeQueue(): RecordBody[] {
    const pending = this.#queue.splice(0).filter((body) => !isOvertaken(this.state, body));
    const end = pending.findIndex(({ kind }) => ENDS_BATCH.has(kind)) + 1;
    if (end > 0) this.#queue.push(...pending.splice(end));
    return pending;
  }

  /** A folder that is gone has been taken by nobody: its run goes on, unrecorded. */
  #hasLostLease(): boolean {
    return this.#lease?.isHeld === false && fs.existsSync(this.folder);
  }

  #fold(record: JournalRecord): void {
    for (const effect of this.#take(record)) this.#perform(effect);
  }

  /** Folds a record and tells of it. @returns what follows from it. */
  #take(record: JournalRecord): RunEffect[] {
    const effects = stepRun(this.state, record);
    this.#view.apply(record);
    for (const listener of [...this.#listeners]) listener.onRecord?.(record);
    return effects;
  }

  #emitSoon(): void {
    this.#opsTimer ??= this.#options.clock.setTimer(BATCH_MS, () => this.#emitOps());
  }

  #emitOps(): void {
    this.#opsTimer?.();
    this.#opsTimer = undefined;
    const watchers = [...this.#listeners].filter((listener) => listener.onOps !== undefined);
    if (watchers.length === 0) return;
    const ops = this.#view
      .takeOps()
      .map((op) => (op.op === 'header' ? { ...op, header: this.header() } : op));
    if (ops.length > 0) for (const watcher of watchers) watcher.onOps?.(ops);
  }

  #perform(effect: RunEffect): void {
    switch (effect.type) {
      case 'record':
        this.#queue.push(effect.body);
        return;
      case 'timer': {
        this.#cancelTimer(effect.name);
        const cancel = this.#options.clock.setTimer(effect.ms, () => {
          this.#timers.delete(effect.name);
          this.append({ kind: 'timer', turnId: effect.turnId, name: effect.name });
        });
        this.#timers.set(effect.name, cancel);
        return;
      }
      case 'cancel-timer':
        return this.#cancelTimer(effect.name);
      case 'send':
      case 'resend':
      case 'sync':
      case 'abort':
      case 'mend':
        void this.#work.perform(effect);
        return;
      case 'give-up-server':
        this.#options.stall?.giveUpServer();
        return;
      case 'recover':
        void this.#options.onRecover(this);
        return;
      case 'inspect':
      case 'repair':
      case 'check':
      case 'report':
        void this.#options.onReviewEffect(this, effect);
        return;
      default:
        assertNever(effect);
    }
  }

  #cancelTimer(name: TurnTimer): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }

  #need(): RunConnection {
    if (this.#connection === undefined) throw new RequestError('connect', true, 'There is no server to ask');
    return this.#connection;
  }
}
