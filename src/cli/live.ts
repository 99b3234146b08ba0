/** A workspace with live runs, from the first line of output to the last process ended. */
import { openWorkspace } from '../engines/open-workspace.ts';
import { explain, JournalError, ModelMissingError, StartError } from '../core/errors.ts';
import type { JournalRecord, StopCause } from '../core/journal/record.ts';
import { exitCode, type Outcome } from '../core/outcome.ts';
import type { Run } from '../node/run/run.ts';
import type { WorkspaceHost } from '../node/workspace-host.ts';
import type { EngineFlags } from './args.ts';
import { AskDesk } from './asks.ts';
import { killDescendants } from './descendants.ts';
import type { Line } from './plain-text.ts';
import { Progress } from './progress.ts';
import { engineEnv, PASSWORD_VARIABLE, readSettings } from './settings.ts';
import type { Shell } from './shell.ts';
import { type Ends, onSignals } from './signals.ts';
import { storageFolder } from './storage.ts';

/**
 * Opens the workspace of the current folder, lets `work` use it, and ends everything that came of it, whatever
 * happens: an error becomes one sentence, a signal an orderly end.
 * @returns the exit code.
 */
export async function withLive(
  flags: EngineFlags,
  shell: Shell,
  work: (live: Live) => Promise<number>,
): Promise<number> {
  const { terminal, env, cwd, version } = shell;
  const { settings, warnings } = readSettings(flags, env);
  for (const text of warnings) terminal.say({ label: 'setting', text, tone: 'warn' });
  const password = env[PASSWORD_VARIABLE];
  let isClosing = false;
  const host = openWorkspace({
    settings,
    folder: cwd,
    storage: storageFolder(flags.journal, shell),
    programs: shell.programs,
    label: 'holdfast command',
    env: engineEnv(env),
    extraPath: [],
    ...(password === undefined || password === '' ? {} : { password }),
    log: {
      info: () => {},
      // Before, what a person should know is a record of the run, and told with it.
      warn: (text) => isClosing && terminal.say({ label: 'note', text, tone: 'warn' }),
    },
    version,
  });
  const live = new Live(host, flags.json, shell);
  const release = onSignals(live);
  terminal.onReaderGone = () => live.stop('close');
  try {
    return await work(live);
  } catch (error) {
    if (live.isStopped) return exitCode('interrupted');
    terminal.complain(explain(error));
    if (error instanceof JournalError) terminal.say(OTHER_STORAGE_HINT);
    return exitCode(outcomeOf(error));
  } finally {
    isClosing = true;
    await live.close();
    release();
  }
}

/** The outcome of a run that an error ended before its first turn. */
export function outcomeOf(error: unknown): Outcome {
  return error instanceof StartError ? 'server-unreachable' : 'error';
}

/** The sentence is the same in every shell; how a model is named is not. */
const NO_MODEL = explain(new ModelMissingError());
const NO_MODEL_HINT: Line = {
  label: 'hint',
  text: 'name a model with --model provider/model, or use --model demo',
};

const OTHER_STORAGE_HINT: Line = { label: 'hint', text: 'name another folder for journals with --journal' };

export class Live implements Ends {
  readonly host: WorkspaceHost;
  readonly #shell: Shell;
  readonly #json: boolean;
  readonly #runs = new Set<Run>();
  #isStopped = false;
  #closing: Promise<void> | undefined;

  constructor(host: WorkspaceHost, json: boolean, shell: Shell) {
    this.host = host;
    this.#json = json;
    this.#shell = shell;
    host.onRun((run) => this.#watch(run));
  }

  /** Whether somebody asked to stop. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  stop(cause: StopCause): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { activeRuns } = this.host;
    for (const run of activeRuns) run.stop(cause);
    if (activeRuns.length > 0) return;
    // Nothing runs yet: what is being started ends unfinished.
    this.#settleRuns(
      'interrupted',
      cause === 'user' ? 'Stopped by you.' : 'Stopped because Holdfast was told to end.',
    );
    void this.close();
  }

  kill(): void {
    try {
      this.#settleRuns('interrupted', 'Stopped by force, before the server had confirmed it.');
    } finally {
      this.#killProcesses();
      this.#shell.exit(exitCode('interrupted'));
    }
  }

  crash(error: unknown): void {
    const message = `Holdfast itself failed: ${explain(error)}`;
    try {
      this.#settleRuns('error', message);
      this.#shell.terminal.complain(message);
    } finally {
      this.#killProcesses();
      this.#shell.exit(exitCode('error'));
    }
  }

  /** A server that somebody else uses too is let go of instead, by our end. */
  #killProcesses(): void {
    const { others, state } = this.host.server;
    if (others.count > 0) return;
    // One that was found is no child of ours.
    killDescendants(state.pid === undefined ? [] : [state.pid]);
  }

  /** Ends all runs and the server. Never throws; all callers share one end. */
  close(): Promise<void> {
    this.#closing ??= this.host.close();
    return this.#closing;
  }

  #watch(run: Run): void {
    const { terminal } = this.#shell;
    this.#runs.add(run);
    const progress = new Progress({ findings: this.#json });
    const desk = new AskDesk(run, terminal);
    const take = (record: JournalRecord) => {
      if (this.#json) terminal.print(JSON.stringify(record));
      for (const line of progress.lines(record, run.state, () => run.header())) terminal.say(line);
      if (record.kind === 'run-ended' && record.message === NO_MODEL) terminal.say(NO_MODEL_HINT);
      desk.take(record);
    };
    // A run is told of once its first record is written.
    if (run.state.info !== undefined) take(run.state.info);
    terminal.say({ label: 'journal', text: run.folder });
    run.listen({ onRecord: take });
    // It began after somebody asked to stop.
    if (this.#isStopped) run.stop('close');
  }

  /** Writes the end of every run that has none: the journal must not say that something runs. */
  #settleRuns(outcome: Outcome, message: string): void {
    for (const run of this.#runs) {
      const { turn } = run.state;
      if (turn !== undefined && turn.phase !== 'settled') {
        run.append({ kind: 'turn-settled', turnId: turn.turnId, outcome, inferred: true, message });
      }
      if (run.active || run.state.ended === undefined) run.append({ kind: 'run-ended', outcome, message });
    }
  }
}
