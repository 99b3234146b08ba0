/**
 * Everything Holdfast does for one workspace folder, without a user interface: its server, its runs, its
 * reviews. The extension and the command line are two shells around this.
 */
import type { Clock } from '../core/clock.ts';
import { explain, ModelMissingError } from '../core/errors.ts';
import type { Engine } from '../core/engine.ts';
import { RECORD_VERSION, type RecordBody } from '../core/journal/record.ts';
import type { ServerView } from '../core/server/view.ts';
import type { Settings } from '../core/settings.ts';
import { DEFAULT_LIMITS, resolveTarget } from './git/target.ts';
import { readJournal } from './journal/journal-reader.ts';
import { JournalTail } from './journal/journal-tail.ts';
import { JournalWriter } from './journal/journal-writer.ts';
import { followRun, isOver, settleOrphan } from './run/follow-run.ts';
import { livesElsewhere } from './run/owner.ts';
import { ReviewWork } from './run/review-work.ts';
import { Run } from './run/run.ts';
import { listRuns, newRunId, pruneRuns, type RunEntry, runsFolder } from './run/run-store.ts';
import type { Server, ServerConnection } from './server/server.ts';
import { EventHub, type HubLog } from './stream/event-hub.ts';

/** How long a fresh event stream may take to open before a prompt is sent without it, ms. What it misses is re-read. */
const STREAM_OPEN_MS = 5000;

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
  /** What else ends with this host. */
  alsoClose: readonly { close(): Promise<void> }[];
}

export class WorkspaceHost {
  readonly server: Server;
  readonly #options: WorkspaceHostOptions;
  readonly #runs = new Map<string, Run>();
  readonly #disposables: (() => void)[] = [];
  /** Runs whose turns the server hears of. */
  readonly #told = new WeakSet<Run>();
  readonly #runListeners = new Set<(run: Run) => void>();
  #hub: { generation: number; hub: EventHub } | undefined;

  constructor(options: WorkspaceHostOptions) {
    this.#options = options;
    this.server = options.server;
    this.#disposables.push(this.server.onState((view) => this.#onServer(view)));
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
    return [...this.#runs.values()].filter((run) => run.active && !run.followed);
  }

  /** Whether a run that is open here is under way, in this process or in another one. */
  isUnderWay(id: string): boolean {
    return this.#runs.get(id)?.active === true;
  }

  /**
   * Starts a review. What is to be reviewed is resolved first: nothing is started for a target that is none.
   * The run goes on by itself; a failure after this returns ends the run with a sentence.
   * @throws TargetError, JournalError
   */
  async startReview(target: string): Promise<Run> {
    const { folder, settings, engine, clock } = this.#options;
    const { maxFileKiB, maxDiffKiB } = settings.review;
    const limits = { ...DEFAULT_LIMITS, fileBytes: maxFileKiB * 1024, diffBytes: maxDiffKiB * 1024 };
    const resolved = await resolveTarget({ folder, target, limits });
    const work = new ReviewWork({
      target: resolved,
      engine,
      connect: (run) => this.connect(run),
      now: () => clock.now(),
    });
    const run = this.#newRun('review', 'Review', work);
    run.append({ kind: 'scope', scope: resolved.scope });
    return run;
  }

  /** Starts an empty run for prompts. Nothing is sent and no server started yet. @throws JournalError */
  startSession(title = 'New session'): Run {
    return this.#newRun('prompt', title);
  }

  /**
   * Sends a prompt in a run: a first one, or a further one in its session. Resolves once the turn is under way.
   * @throws EngineMissingError, StartError, ModelMissingError, RequestError, ForeignRunError; nothing was sent then.
   */
  async prompt(run: Run, text: string): Promise<void> {
    run.assertOurs();
    if (run.active) throw new Error('A turn is under way. Wait for its end, or stop it.');
    const model = await this.connect(run);
    const sessionId = run.state.sessionId ?? (await run.createSession(titleOf(text)));
    run.startTurn(sessionId, { ...this.#options.engine.newPromptIds(), text, model }, '');
  }

  /**
   * A run by its id: a live one of this process, or one folded from its journal. A run that another process does
   * is followed; one whose owner is gone is settled first.
   * @throws JournalError when its journal cannot be read.
   */
  open(id: string): { run: Run; problems: string[] } {
    const live = this.#runs.get(id);
    if (live !== undefined) return { run: live, problems: [] };
    const entry = this.list().find((candidate) => candidate.id === id);
    const folder = entry?.folder ?? `${this.runsFolder}/${id}`;
    // Before the read: what an owner that is gone wrote last is read then.
    const tail = livesElsewhere(entry?.info) ? new JournalTail(folder) : undefined;
    const { records, problems } = tail?.read() ?? readJournal(folder);
    const run = this.#makeRun(id, folder);
    run.restore(records);
    this.#runs.set(id, run);
    if (tail !== undefined && !isOver(run)) this.#disposables.push(followRun(run, tail, this.#options));
    else settleOrphan(run);
    return { run, problems };
  }

  /**
   * Starts the server if need be and connects a run to it.
   * @returns the model that its prompts go to, as `provider/model`.
   * @throws EngineMissingError, StartError, ModelMissingError, RequestError
   */
  async connect(run: Run): Promise<string> {
    const connection = await this.server.ensure();
    if (run.connection?.generation !== connection.generation) {
      run.connect(connection);
      this.#tellServerOf(run);
      run.append(serverRecord(this.server.state));
      await this.#joinStream(run, connection);
    }
    const model = this.#options.model ?? (await connection.client.defaultModel());
    if (model === undefined) throw new ModelMissingError();
    return model;
  }

  /** Feeds the server's events to a run from here on; resolves when the stream is open, or late. */
  #joinStream(run: Run, connection: ServerConnection): Promise<void> {
    const hub = this.#hubOf(connection);
    return new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimer(STREAM_OPEN_MS, resolve);
      hub.listen({
        onEvents: (events) => run.onEvents(events),
        onState: (state, reason) => {
          cancel();
          resolve();
          if (run.active)
            run.append({
              kind: 'stream',
              generation: connection.generation,
              state,
              ...(reason === undefined ? {} : { reason }),
            });
        },
      });
    });
  }

  /** Restarts the server (owned) or connects anew (attached), because the user asked for it. */
  async restartServer(): Promise<void> {
    await this.server.restart();
  }

  /** A deliberate end: running turns are stopped, the server is stopped, everything is on disk. Never throws. */
  async close(): Promise<void> {
    const active = this.activeRuns;
    for (const run of active) run.stop('close');
    await Promise.all(active.map((run) => run.ended()));
    for (const run of this.#runs.values()) run.close();
    this.#runs.clear();
    this.#hub?.hub.close();
    for (const dispose of this.#disposables) dispose();
    const endings = await Promise.allSettled([
      this.server.dispose(),
      ...this.#options.alsoClose.map((one) => one.close()),
    ]);
    for (const ending of endings) {
      if (ending.status === 'rejected') this.#options.log.warn(`while closing: ${explain(ending.reason)}`);
    }
  }

  #newRun(type: 'review' | 'prompt', title: string, work?: ReviewWork): Run {
    const { engine, folder, clock, model, demo, version, processStartedAt } = this.#options;
    const id = newRunId(clock.now());
    pruneRuns(this.runsFolder, (candidate) => this.#runs.get(candidate)?.active === true);
    const run = this.#makeRun(id, `${this.runsFolder}/${id}`, work);
    this.#runs.set(id, run);
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
      onJournalError: (error) => log.warn(explain(error)),
      ...(work === undefined ? {} : { onReviewEffect: (run, effect) => work.perform(run, effect) }),
    });
  }

  #hubOf(connection: ServerConnection): EventHub {
    if (this.#hub?.generation === connection.generation) return this.#hub.hub;
    this.#hub?.hub.close();
    const { clock, log } = this.#options;
    const hub = new EventHub(connection.client, clock, log, () => this.server.heard(connection.generation));
    this.#hub = { generation: connection.generation, hub };
    return hub;
  }

  #onServer(view: ServerView): void {
    if (
      view.state !== 'ready' &&
      view.state !== 'unresponsive' &&
      this.#hub !== undefined &&
      view.state !== 'stopping'
    ) {
      this.#hub.hub.close();
      this.#hub = undefined;
      for (const run of this.#runs.values()) run.connect(undefined);
    }
    for (const run of this.activeRuns) run.append(serverRecord(view));
  }

  /** A busy server gets more patience, and a turn that ended well gives its restarts back. */
  #tellServerOf(run: Run): void {
    if (this.#told.has(run)) return;
    this.#told.add(run);
    run.listen({
      onRecord: (record) => {
        if (record.kind === 'turn-drafted') this.server.turnStarted(`${run.id} ${record.turnId}`);
        if (record.kind === 'turn-settled')
          this.server.turnEnded(`${run.id} ${record.turnId}`, record.outcome === 'ok');
      },
    });
  }
}

function serverRecord(view: ServerView): RecordBody {
  return {
    kind: 'server',
    generation: view.generation,
    state: view.state,
    ...(view.exit === undefined ? {} : { exit: view.exit }),
    ...(view.reason === undefined ? {} : { reason: view.reason }),
    ...(view.engineVersion === undefined ? {} : { engineVersion: view.engineVersion }),
  };
}

/** A session's title from its first prompt: its first line, at most 60 characters. */
function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
