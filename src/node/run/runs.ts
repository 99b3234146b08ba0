/**
 * The runs that are open in this process, each of them one of:
 *
 *     ours       its lease is held here: it is written, and steered
 *     followed   another process holds it: its journal is read as it grows
 *     at rest    nobody does it: read once, and taken when a prompt is to be sent in it
 *
 * A run that was left unfinished (a reload, a crash of the window) goes on with whoever opens it first.
 */
import type { Clock } from '../../core/clock.ts';
import { explain, ForeignRunError } from '../../core/errors.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { JournalTail } from '../journal/journal-tail.ts';
import { isUnfinished, Lease } from '../lease.ts';
import { after, followRun } from './follow-run.ts';
import { livesElsewhere } from './owner.ts';
import type { Run } from './run.ts';
import { removeUnbegun, type RunEntry } from './run-store.ts';

export interface Opened {
  run: Run;
  /** Lines of its journal that could not be read, a sentence each. */
  problems: string[];
}

export interface RunsOptions {
  clock: Clock;
  log: { warn(text: string): void };
  /** What this process is, for people: `VS Code window`, `holdfast command`. */
  label: string;
  list(): RunEntry[];
  /** A run to fold a journal into. */
  make(entry: Omit<RunEntry, 'info'> & Partial<Pick<RunEntry, 'info'>>): Run;
  /** Where the journal of a run is that is not in the list. */
  folderOf(id: string): string;
  /** Goes on with what is under way in a run that is ours since just now, or settles it. */
  goOn(run: Run, reason: 'return' | 'take-over'): Promise<void>;
}

export class Runs {
  readonly #options: RunsOptions;
  readonly #runs = new Map<string, Run>();
  /** Opens under way, so that a run has one `Run` however often it is asked for. */
  readonly #opening = new Map<string, Promise<Opened>>();
  /** How to stop following a run of another process. */
  readonly #following = new Map<Run, () => void>();
  #adopting: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  get all(): Run[] {
    return [...this.#runs.values()];
  }

  /** What this process does. Runs of other processes are none of ours, even while they are shown. */
  get active(): Run[] {
    return this.all.filter((run) => run.active && run.isOwned);
  }

  get(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  /** A run that begins here. */
  async begin(id: string, make: () => Run): Promise<Run> {
    const run = make();
    const lease = await this.#takeNew(run);
    if (lease === undefined) throw new ForeignRunError();
    run.own(lease);
    this.#runs.set(id, run);
    return run;
  }

  /** The lease of a run that begins. A disk that has no room for it keeps no trace of the run either. @throws JournalError */
  async #takeNew(run: Run): Promise<Lease | undefined> {
    try {
      return await Lease.take(run.folder, this.#options.label);
    } catch (error) {
      removeUnbegun(run.folder);
      throw error;
    }
  }

  /** Lets go of a run that could not begin. */
  abandon(run: Run): void {
    this.#runs.delete(run.id);
    run.close();
    removeUnbegun(run.folder);
  }

  /**
   * A run by its id. One that another process does is followed; one that was left unfinished goes on here.
   * @throws JournalError when its journal cannot be read.
   */
  open(id: string): Promise<Opened> {
    const opening = this.#opening.get(id);
    if (opening !== undefined) return opening;
    const known = this.#runs.get(id);
    if (known !== undefined) return Promise.resolve({ run: known, problems: [] });
    const begun = this.#open(id).finally(() => this.#opening.delete(id));
    this.#opening.set(id, begun);
    return begun;
  }

  /** Opens whatever was left unfinished. Never throws. */
  adopt(): Promise<void> {
    this.#adopting ??= this.#adopt();
    return this.#adopting;
  }

  /** Takes a run over from the process that does it, because the user asked for it. That one follows it then. */
  async takeOver(run: Run): Promise<void> {
    if (!run.followed) return;
    const lease = await Lease.take(run.folder, this.#options.label, { force: true });
    if (lease === undefined) throw new ForeignRunError();
    await this.#own(run, lease, 'take-over');
  }

  /**
   * Makes sure that a run is this process's before a prompt is sent in it. One that rests may be held by a window that
   * only shows it; that window loses it, and notices when it goes on with it.
   * @throws ForeignRunError
   */
  async claim(run: Run): Promise<void> {
    run.assertOurs();
    if (run.isOwned) return;
    // Another window may have gone on with it since it was read here.
    catchUp(run);
    if (run.active) {
      this.follow(run);
      throw new ForeignRunError();
    }
    const lease = await Lease.take(run.folder, this.#options.label, { force: true });
    if (lease === undefined) throw new ForeignRunError();
    // Somebody may have been quicker by a hair, and has lost it by now: what was begun there goes on here.
    await this.#own(run, lease, 'take-over');
  }

  /** Takes a run that is at rest, if nobody has it. @returns whether it is ours since just now. */
  async takeAtRest(run: Run): Promise<boolean> {
    if (run.isOwned || run.followed || run.active) return false;
    const lease = await Lease.take(run.folder, this.#options.label);
    if (lease === undefined) return false;
    await this.#own(run, lease, 'return');
    return true;
  }

  /** Follows a run that another process has taken. */
  follow(run: Run, tail = new JournalTail(run.folder)): void {
    const { clock, log } = this.#options;
    const onLetGo = (): void => void this.#goOn(run);
    this.#following.set(run, followRun(run, tail, { clock, log, onLetGo }));
  }

  /** Writes what is pending and lets go of all of them. */
  close(): void {
    this.#isClosed = true;
    for (const stop of this.#following.values()) stop();
    for (const run of this.#runs.values()) run.close();
    this.#runs.clear();
  }

  async #adopt(): Promise<void> {
    const { list, log } = this.#options;
    for (const { id, folder } of list()) {
      if (this.#isClosed) return;
      if (!isUnfinished(folder)) continue;
      try {
        const { problems } = await this.open(id);
        for (const problem of problems) log.warn(`run ${id}: ${problem}`);
      } catch (error) {
        log.warn(`run ${id} could not be gone on with: ${explain(error)}`);
      }
    }
  }

  async #open(id: string): Promise<Opened> {
    const { list, make, folderOf } = this.#options;
    const entry = list().find((candidate) => candidate.id === id) ?? { id, folder: folderOf(id) };
    const isElsewhere = await livesElsewhere(entry.folder);
    // Before the read: what an owner that is gone wrote last is read then.
    const tail = isElsewhere ? new JournalTail(entry.folder) : undefined;
    const { records, problems } = tail?.read() ?? readJournal(entry.folder);
    const run = make(entry);
    run.restore(records);
    this.#runs.set(id, run);
    if (tail !== undefined && run.active) this.follow(run, tail);
    else await this.#goOn(run);
    return { run, problems };
  }

  /** Nobody does this run: it is over, or it goes on here, or somebody else was quicker. Never throws. */
  async #goOn(run: Run): Promise<void> {
    this.#following.delete(run);
    const { label, log } = this.#options;
    try {
      if (run.active) {
        const lease = await Lease.take(run.folder, label);
        // Closed meanwhile: somebody else may have it.
        if (this.#isClosed) return lease?.leave();
        if (lease === undefined) this.follow(run);
        else await this.#own(run, lease, 'return');
        return;
      }
      run.letGo();
      // Its owner went away when it was over, without saying so.
      if (isUnfinished(run.folder)) (await Lease.take(run.folder, label))?.done();
    } catch (error) {
      log.warn(`run ${run.id} could not be gone on with: ${explain(error)}`);
    }
  }

  /** The run is ours from here on, whatever its last owner left of it. */
  async #own(run: Run, lease: Lease, reason: 'return' | 'take-over'): Promise<void> {
    this.#following.get(run)?.();
    this.#following.delete(run);
    catchUp(run);
    run.own(lease);
    if (run.active) await this.#options.goOn(run, reason);
  }
}

function catchUp(run: Run): void {
  run.restore(after(readJournal(run.folder).records, run.state.seq));
}
