/**
 * Everything Holdfast does for one workspace folder, without a user interface: its server, its runs, its
 * reviews. The extension and the command line are two shells around this.
 */
import type { Clock } from '../core/clock.ts';
import { explain, ModelMissingError } from '../core/errors.ts';
import type { Engine } from '../core/engine.ts';
import { nextQueued } from '../core/journal/queue.ts';
import { RECORD_VERSION } from '../core/journal/record.ts';
import { canContinue, type Standing, standingOf } from '../core/journal/state.ts';
import { asksUser } from '../core/recovery/incident.ts';
import { repairsOf } from '../core/recovery/repair.ts';
import type { ReviewTarget } from '../core/review/finding.ts';
import { type Opened, Runs } from './run/runs.ts';
import { stallLimits } from '../core/turn/clocks.ts';
import type { Settings } from '../core/settings.ts';
import { DEFAULT_LIMITS, resolveTarget } from './git/target.ts';
import { JournalWriter } from './journal/journal-writer.ts';
import { addEvidence } from './run/evidence.ts';
import { settleOrphan } from './run/follow-run.ts';
import { LeftoverWork } from './run/leftover-work.ts';
import { RecoveryWork } from './run/recovery-work.ts';
import { QueueWork } from './run/queue-work.ts';
import { ReviewWork } from './run/review-work.ts';
import { Run } from './run/run.ts';
import { RunLinks } from './run/run-links.ts';
import { listRuns, newRunId, pruneRuns, type RunEntry, runsFolder } from './run/run-store.ts';
import type { Server, ServerConnection } from './server/server.ts';
import type { HubLog } from './stream/event-hub.ts';

/** The prompt of a turn that goes on with the one before; what was cut off there is told in the session itself. */
const CONTINUE = 'Continue where you were cut off.';

export interface WorkspaceHostOptions {
  engine: Engine;
  server: Server;
  /** Absolute path of the workspace folder. */
  folder: string;
  /** Holdfast's own storage folder. */
  storage: string;
  settings: Settings;
  /** The model for prompts as `provider/model`; undefined for the engine's own default. */
  model: string | undefined;
  /** True when `model` is the embedded demo. */
  demo: boolean;
  clock: Clock;
  log: HubLog;
  /** Holdfast's own version. */
  version: string;
  /** When this process began, epoch ms: with the pid it names the owner of a run. */
  processStartedAt: number;
  /** What this process is, for people: `VS Code window`, `holdfast command`. */
  label: string;
  /** What the server cannot do without, e.g. the demo model: it is held, let go and ended along with it. */
  companions: readonly Companion[];
  /** Ends servers whose holder is gone, over all workspaces. */
  reconcile(): Promise<unknown>;
}

export interface Companion {
  setBusy(isBusy: boolean): void;
  /** Ends it, unless others use it. */
  close(): Promise<void>;
  /** Lets go of it without ending it. */
  leave(): Promise<void>;
}

export class WorkspaceHost {
  readonly server: Server;
  /** Prompts that wait for the end of a turn. */
  readonly queue: QueueWork;
  readonly #options: WorkspaceHostOptions;
  readonly #runs: Runs;
  readonly #links: RunLinks;
  readonly #recovery: RecoveryWork;
  readonly #leftovers: LeftoverWork;
  readonly #stopHearing: () => void;
  readonly #turns = new Set<string>();
  /** Runs whose turns the server hears of. */
  readonly #told = new WeakSet<Run>();
  /** Asked for a second time while the server starts, a turn goes on once. */
  readonly #continuing = new WeakSet<Run>();
  readonly #runListeners = new Set<(run: Run) => void>();
  constructor(options: WorkspaceHostOptions) {
    this.#options = options;
    this.server = options.server;
    this.#links = new RunLinks({
      server: this.server,
      clock: options.clock,
      log: options.log,
      heartbeatGapMs: options.settings.heartbeatGapTimeoutMs,
      runs: () => this.#runs.all,
      active: () => this.activeRuns,
      onUse: (run) => this.#onUse(run),
    });
    this.#recovery = new RecoveryWork({
      server: this.server,
      join: (run, connection) => this.#links.join(run, connection),
    });
    this.#leftovers = new LeftoverWork({ server: this.server, runs: () => this.#runs.all });
    this.#runs = new Runs({
      clock: options.clock,
      log: options.log,
      label: options.label,
      list: () => this.list(),
      make: ({ id, folder, info }) =>
        this.#makeRun(id, folder, info?.type === 'review' ? this.#reviewWork(undefined) : undefined),
      folderOf: (id) => `${this.runsFolder}/${id}`,
      goOn: (run, reason) => this.#goOn(run, reason),
    });
    this.queue = new QueueWork({
      claim: (run) => this.#runs.claim(run),
      prompt: (run, text, queuedId) => this.prompt(run, text, queuedId),
    });
    this.#stopHearing = this.server.onLeftovers((leftovers) => this.#leftovers.onLeftovers(leftovers));
  }

  /** Where the journals of this workspace are. */
  get runsFolder(): string {
    return runsFolder(this.#options.storage, this.#options.folder);
  }

  /** Tells of every run that begins or goes on in this process. Returns the function that stops it. */
  onRun(listener: (run: Run) => void): () => void {
    this.#runListeners.add(listener);
    return () => this.#runListeners.delete(listener);
  }

  /** All runs of this workspace, newest first, those of the past included. */
  list(): RunEntry[] {
    return listRuns(this.runsFolder);
  }

  /** What this process does. Runs of other processes are none of ours, even while they are shown. */
  get activeRuns(): Run[] {
    return this.#runs.active;
  }

  /** How a run that is open here stands, in this process or in another one. */
  standing(id: string): Standing {
    const run = this.#runs.get(id);
    return run === undefined ? 'at-rest' : standingOf(run.state);
  }

  /**
   * Starts a review. What is to be reviewed is resolved first: nothing is started for a target that is none.
   * The run goes on by itself; a failure after this returns ends the run with a sentence.
   * @throws TargetError, JournalError
   */
  async startReview(target: string): Promise<Run> {
    const resolved = await this.#resolve(target);
    const work = this.#reviewWork(resolved);
    const run = await this.#newRun('review', 'Review', work);
    run.append({ kind: 'scope', scope: resolved.scope });
    return run;
  }

  /** Starts an empty run for prompts. Nothing is sent and no server started yet. @throws JournalError */
  startSession(title = 'New session'): Promise<Run> {
    return this.#newRun('prompt', title);
  }

  /**
   * Sends a prompt in a run: a first one, or a further one in its session. Resolves once the turn is under way.
   * @param queuedId of a queued prompt: nothing is sent when it is not, or no longer, the next one.
   * @throws EngineMissingError, StartError, ModelMissingError, RequestError, ForeignRunError, JournalError; nothing was sent then.
   */
  async prompt(run: Run, text: string, queuedId?: string): Promise<void> {
    await this.#runs.claim(run);
    if (run.active) throw new Error('A turn is under way. Wait for its end, or stop it.');
    run.assertRecorded();
    const model = await this.connect(run);
    const sessionId = run.state.sessionId ?? (await run.createSession(titleOf(text)));
    await this.#mendCut(run, sessionId);
    // It may have been taken back while the server started.
    if (queuedId !== undefined && nextQueued(run.state.queue)?.id !== queuedId) return;
    run.startTurn(sessionId, { ...this.#options.engine.newPromptIds(), text, model }, '', queuedId);
  }

  /**
   * Goes on with a turn that ended before its answer, in a turn of its own, because the user said so.
   * @returns false where there is no such turn.
   * @throws as `prompt` does
   */
  async continueTurn(run: Run): Promise<boolean> {
    if (!canContinue(run.state)) return false;
    if (this.#continuing.has(run)) return true;
    this.#continuing.add(run);
    try {
      // Its budget is spent; the user is the way out.
      if (this.server.state.state === 'failed') await this.server.restart();
      await this.#leftovers.end();
      await this.prompt(run, CONTINUE);
      return true;
    } finally {
      this.#continuing.delete(run);
    }
  }

  /** What a dead server cut off in the turn before is put in order: the model is to have what was shown of it. */
  async #mendCut(run: Run, sessionId: string): Promise<void> {
    const { turn, conversation } = run.state;
    const repairs = turn === undefined ? [] : repairsOf(turn, conversation);
    if (repairs.length === 0) return;
    try {
      await run.connection?.client.repair(sessionId, repairs);
    } catch (error) {
      // The prompt is the user's, and worth more than the order of what was before it.
      this.#options.log.warn(`run ${run.id}: what was cut off stays as it is: ${explain(error)}`);
    }
  }

  /**
   * A run by its id: one of this process, or one folded from its journal. A run that another process does is
   * followed; one that nobody does any more goes on here if its server still lives, and is settled if not.
   * @throws JournalError when its journal cannot be read.
   */
  async open(id: string): Promise<Opened> {
    const opened = await this.#runs.open(id);
    // Whether they are still there is for whoever has the run to write down.
    if (opened.run.state.leftovers !== undefined && (await this.#runs.takeAtRest(opened.run)))
      await this.#leftovers.inherit(opened.run);
    return opened;
  }

  /**
   * Goes on with what a process before this one left unfinished in this workspace: after a reload of the window, an
   * update of the extension, a crash of either. Starts no server. Never throws.
   */
  adoptRuns(): Promise<void> {
    return this.#runs.adopt();
  }

  /** Ends servers whose holder is gone, and whatever else nobody will come back to. Touches nothing else. */
  async reconcile(): Promise<void> {
    await this.#runs.adopt();
    await this.#options.reconcile();
  }

  /** Takes a run over from the window that does it, because the user asked for it. That window follows it then. */
  takeOver(run: Run): Promise<void> {
    return this.#runs.takeOver(run);
  }

  /** Goes on with a run of another process where that stood, if its server still lives. */
  async #goOn(run: Run, reason: 'return' | 'take-over'): Promise<void> {
    const connection = await this.#findServer();
    for (const listener of this.#runListeners) listener(run);
    // A server that is only out of reach may still work on it: it is gone on with when that is back.
    const serverGone = connection === undefined && this.server.state.state !== 'unreachable';
    if (serverGone && !canBeOffered(run)) {
      settleOrphan(run);
      run.release();
      return;
    }
    this.#heed(run);
    if (connection !== undefined) this.#links.use(run, connection);
    const owner = { pid: process.pid, startedAt: this.#options.processStartedAt };
    run.append({ kind: 'owner', owner, reason, ...(serverGone && { serverGone }) });
    if (serverGone || run.state.leftovers !== undefined) await this.#leftovers.inherit(run);
    if (serverGone) return;
    this.#links.tellServer(run);
    if (connection !== undefined) await this.#links.joinStream(run, connection);
  }

  /** A server that lives already; none is started for a run that nobody asked to go on. */
  async #findServer(): Promise<ServerConnection | undefined> {
    try {
      return (await this.server.find()) ? await this.server.ensure() : undefined;
    } catch (error) {
      this.#options.log.warn(`the server that was found cannot be used: ${explain(error)}`);
      return undefined;
    }
  }

  /**
   * Starts the server if need be and connects a run to it.
   * @returns the model that its prompts go to, as `provider/model`.
   * @throws EngineMissingError, StartError, ModelMissingError, RequestError
   */
  async connect(run: Run): Promise<string> {
    const connection = await this.server.ensure();
    if (run.connection?.generation !== connection.generation) await this.#links.join(run, connection);
    const model = this.#options.model ?? (await connection.client.defaultModel());
    if (model === undefined) throw new ModelMissingError();
    return model;
  }

  #onUse(run: Run): void {
    this.#heed(run);
    const { turn } = run.state;
    if (turn !== undefined && turn.phase !== 'settled') this.#onTurn(run, turn.turnId, 'begun');
  }

  /** Restarts the server (owned) or connects anew (attached), because the user asked for it. */
  async restartServer(): Promise<void> {
    await this.server.restart();
  }

  /**
   * For a window that goes away, and may come back: nobody knows whether it reloads or closes for good. What runs is
   * left running on its server, which lives on for its grace; what is on the way to disk gets there. Never throws.
   */
  async leave(): Promise<void> {
    this.#runs.close();
    await this.#end([this.server.leave(), ...this.#options.companions.map((one) => one.leave())]);
  }

  /** A deliberate end: running turns are stopped, the server is stopped, everything is on disk. Never throws. */
  async close(): Promise<void> {
    const active = this.activeRuns;
    for (const run of active) run.stop('close');
    await Promise.all(active.map((run) => run.ended()));
    this.#runs.close();
    await this.#end([this.server.dispose(), ...this.#options.companions.map((one) => one.close())]);
  }

  async #end(endings: readonly Promise<void>[]): Promise<void> {
    this.#links.close();
    this.#stopHearing();
    for (const ending of await Promise.allSettled(endings)) {
      if (ending.status === 'rejected') this.#options.log.warn(`while closing: ${explain(ending.reason)}`);
    }
  }

  #resolve(target: string): Promise<ReviewTarget> {
    const { folder, settings } = this.#options;
    const { maxFileKiB, maxDiffKiB } = settings.review;
    const limits = { ...DEFAULT_LIMITS, fileBytes: maxFileKiB * 1024, diffBytes: maxDiffKiB * 1024 };
    return resolveTarget({ folder, target, limits });
  }

  /** @param target absent for a review that is read back: it is resolved again if its model has not seen it yet. */
  #reviewWork(target: ReviewTarget | undefined): ReviewWork {
    const { engine, clock } = this.#options;
    return new ReviewWork({
      target,
      resolve: (name) => this.#resolve(name),
      engine,
      connect: (run) => this.connect(run),
      now: () => clock.now(),
    });
  }

  async #newRun(type: 'review' | 'prompt', title: string, work?: ReviewWork): Promise<Run> {
    const { engine, folder, clock, model, demo, version, processStartedAt } = this.#options;
    const id = newRunId(clock.now());
    pruneRuns(this.runsFolder, (candidate) => this.#runs.get(candidate)?.active === true);
    const run = await this.#runs.begin(id, () => this.#makeRun(id, `${this.runsFolder}/${id}`, work));
    const { engineVersion } = this.server.state;
    run.append({
      kind: 'run-started',
      version: RECORD_VERSION,
      runId: id,
      type,
      title,
      workspace: folder,
      engine: engine.kind,
      ...(engineVersion === undefined ? {} : { engineVersion }),
      ...(model === undefined ? {} : { model }),
      demo,
      owner: { pid: process.pid, startedAt: processStartedAt },
      holdfast: version,
    });
    try {
      run.assertRecorded();
    } catch (error) {
      this.#runs.abandon(run);
      throw error;
    }
    for (const listener of this.#runListeners) listener(run);
    return run;
  }

  #makeRun(id: string, folder: string, work?: ReviewWork): Run {
    const { clock, settings, log } = this.#options;
    return new Run({
      id,
      writer: new JournalWriter(folder),
      clock,
      stallLimitMs: settings.stallTimeoutMs,
      stall: { limits: stallLimits(settings), giveUpServer: () => this.server.giveUp() },
      onJournalError: (error) => log.warn(explain(error)),
      onLeaseLost: (run) => this.#runs.follow(run),
      recovery: settings.recovery.mode,
      onRecover: (run) => this.#recovery.recover(run),
      endLeftovers: (run) => this.#leftovers.endFor(run),
      onReviewEffect: async (run, effect) => work?.perform(run, effect),
    });
  }

  /**
   * What a run's records mean outside of it: a busy server gets more patience, a turn that ended well gives its restarts
   * back, and who is asked about a turn gets evidence.
   */
  #heed(run: Run): void {
    if (this.#told.has(run)) return;
    this.#told.add(run);
    run.listen({
      onRecord: (record) => {
        this.queue.onRecord(run, record);
        if (record.kind === 'turn-drafted') this.#onTurn(run, record.turnId, 'begun');
        if (record.kind === 'decision' && asksUser(record))
          void addEvidence(run, record.turnId, this.#options.folder);
        if (record.kind === 'turn-settled')
          this.#onTurn(run, record.turnId, record.outcome === 'ok' ? 'succeeded' : 'failed');
      },
    });
  }

  #onTurn(run: Run, turnId: string, how: 'begun' | 'succeeded' | 'failed'): void {
    const name = `${run.id} ${turnId}`;
    if (how === 'begun') this.server.turnStarted(name);
    else this.server.turnEnded(name, how === 'succeeded');
    if (how === 'begun') this.#turns.add(name);
    else this.#turns.delete(name);
    for (const companion of this.#options.companions) companion.setBusy(this.#turns.size > 0);
  }

  /** Ends what the tools of dead servers left running, because the user said so. Resolves when it is gone. */
  endLeftovers(): Promise<void> {
    return this.#leftovers.end();
  }
}

/** Whether a run that was left has a turn which the user can go on with. */
function canBeOffered({ state: { turn } }: Run): boolean {
  return turn !== undefined && turn.phase !== 'settled' && turn.recovery !== 'off';
}

/** A session's title from its first prompt: its first line, at most 60 characters. */
function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
