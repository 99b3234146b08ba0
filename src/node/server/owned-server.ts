import type { EngineClient } from '../../core/engine.ts';
import { assertNever, CancelledError, DatabaseError, explain, StartError } from '../../core/errors.ts';
import { crashSentence, type ProcessEnd } from '../../core/server/exit-text.ts';
import { step } from '../../core/server/lifecycle.ts';
import type { Verdict } from '../../core/server/liveness.ts';
import {
  initialServer,
  type ServerEffect,
  type ServerEvent,
  type ServerState,
} from '../../core/server/state.ts';
import { reasonOf, type ServerView, viewOwned } from '../../core/server/view.ts';
import type { HostedProcess, LeftBehind, Others } from '../process/process-host.ts';
import {
  connectWhenReady,
  launch,
  type LaunchChoices,
  type LaunchedServer,
  type LaunchPorts,
} from './launch.ts';
import { LivenessWatch } from './liveness-watch.ts';
import { Machine, type Settlement, tell } from './machine.ts';
import { type Leftovers, OF_BEFORE, type Server, type ServerConnection, type ServerDown } from './server.ts';

export interface OwnedServerOptions extends LaunchPorts {
  /** 0 to 1, for the jitter of a backoff. */
  random(): number;
  choices(): LaunchChoices;
}

/** A process of one generation, or the start of one. */
interface Held {
  generation: number;
  launched: Promise<LaunchedServer>;
  /** Set once there is a process. */
  process?: HostedProcess;
  /** Set once it was ready. */
  client?: EngineClient;
}

const NOBODY: Others = { count: 0, busy: false };

/** A server process that we or another window of ours started, driven by the machine of `core/server/lifecycle.ts`. */
export class OwnedServer implements Server {
  readonly #options: OwnedServerOptions;
  readonly #machine: Machine<ServerState, ServerEvent, ServerEffect>;
  readonly #downListeners = new Set<(down: ServerDown) => void>();
  readonly #leftoverListeners = new Set<(leftovers: Leftovers) => void>();
  /** Turns that run: while there is one, the server is kept longer without us. */
  readonly #turns = new Set<string>();
  /** Servers that are gone and left processes of their tools behind, by generation. */
  readonly #leftBehind = new Map<number, readonly LeftBehind[]>();
  #held: Held | undefined;
  #connection: ServerConnection | undefined;
  #watch: LivenessWatch | undefined;
  #cancelTimer: (() => void) | undefined;
  /** Why the last start did not bring a process, as it was thrown. */
  #startError: { generation: number; error: Error } | undefined;
  #isDisposed = false;

  constructor(options: OwnedServerOptions) {
    this.#options = options;
    const initial = initialServer(options.clock.now(), options.choices().limits);
    this.#machine = new Machine(initial, step, (effect) => this.#perform(effect), options.clock);
    this.#machine.onChange((state, before) => this.#onChange(state, before));
  }

  get state(): ServerView {
    return viewOwned(this.#machine.state, this.#options.clock.now());
  }

  async ensure(): Promise<ServerConnection> {
    return this.#start({ type: 'start', jitter: this.#options.random() });
  }

  async restart(): Promise<ServerConnection> {
    return this.#start({ type: 'restart' });
  }

  giveUp(): void {
    const { generation } = this.#machine.state;
    this.#machine.dispatch({ type: 'given-up', generation });
  }

  async stop(): Promise<void> {
    const held = this.#held;
    this.#machine.dispatch({ type: 'stop' });
    await this.#machine.when(stopSettled);
    // The process has ended; what it left behind in its group may take a moment more.
    await held?.launched.then(
      ({ process }) => process.end(),
      () => undefined,
    );
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    if (this.others.count > 0) await this.leave();
    else await this.stop();
  }

  async leave(): Promise<void> {
    this.#isDisposed = true;
    this.#cancelTimer?.();
    this.#watch?.stop();
    const held = this.#held;
    void held?.client?.close().catch(() => {});
    await Promise.all((this.#leftBehind.get(OF_BEFORE) ?? []).map((left) => left.release()));
    await held?.launched.then(
      ({ process }) => process.release(),
      // It told so itself.
      () => undefined,
    );
  }

  find(): Promise<boolean> {
    return this.#options.host.has(this.#options.key());
  }

  get others(): Others {
    return this.#held?.process?.others ?? NOBODY;
  }

  onLeftovers(listener: (leftovers: Leftovers) => void): () => void {
    this.#leftoverListeners.add(listener);
    return () => this.#leftoverListeners.delete(listener);
  }

  async recall(): Promise<void> {
    const known = this.#leftBehind.get(OF_BEFORE);
    const { host, key } = this.#options;
    await this.#watchOver(OF_BEFORE, known ?? (await host.leftBehind(key())));
  }

  async endLeftovers(generation: number): Promise<void> {
    await Promise.all((this.#leftBehind.get(generation) ?? []).map((left) => left.endLeftovers()));
  }

  onState(listener: (view: ServerView) => void): () => void {
    return this.#machine.onChange(() => listener(this.state));
  }

  onDown(listener: (down: ServerDown) => void): () => void {
    this.#downListeners.add(listener);
    return () => this.#downListeners.delete(listener);
  }

  heard(generation: number): void {
    if (this.#connection?.generation === generation) this.#watch?.heard();
  }

  turnStarted(turnId: string): void {
    this.#watch?.turnStarted(turnId);
    this.#turns.add(turnId);
    this.#held?.process?.setBusy(true);
  }

  turnEnded(turnId: string, succeeded: boolean): void {
    this.#turns.delete(turnId);
    this.#watch?.turnEnded(turnId);
    this.#held?.process?.setBusy(this.#turns.size > 0);
    if (succeeded) this.#machine.dispatch({ type: 'turn-succeeded' });
  }

  #start(event: ServerEvent): Promise<ServerConnection> {
    if (this.#isDisposed) throw new CancelledError();
    this.#machine.dispatch({ type: 'configured', limits: this.#options.choices().limits });
    this.#machine.dispatch(event);
    return this.#machine.when((state) => this.#startSettled(state));
  }

  #startSettled(state: ServerState): Settlement<ServerConnection> | undefined {
    switch (state.name) {
      case 'ready':
      case 'unresponsive':
        return this.#connection && { resolve: this.#connection };
      case 'stopped':
      case 'failed':
        return { reject: this.#errorOf(state) };
      default:
        return undefined;
    }
  }

  #errorOf(state: Extract<ServerState, { name: 'stopped' | 'failed' }>): Error {
    const reason = reasonOf(state);
    if (reason === undefined) return new CancelledError('The server was stopped.');
    if (state.name === 'stopped' && this.#startError?.generation === state.generation)
      return this.#startError.error;
    return new StartError(reason, state.ending?.exit?.stderrTail ?? '');
  }

  #onChange(state: ServerState, before: ServerState): void {
    // A timer is good for as long as the state keeps its name.
    if (state.name !== before.name) this.#cancelTimer?.();
    if (state.name !== 'ready' && state.name !== 'unresponsive') {
      this.#connection = undefined;
      this.#watch?.stop();
      this.#watch = undefined;
    }
  }

  #perform(effect: ServerEffect): void {
    switch (effect.type) {
      case 'spawn':
        this.#spawn(effect.generation);
        return;
      case 'end':
        void this.#end(effect.generation);
        return;
      case 'timer': {
        const { timer, generation, ms } = effect;
        this.#cancelTimer = this.#options.clock.setTimer(ms, () => {
          this.#machine.dispatch({ type: 'timer', timer, generation });
        });
        return;
      }
      case 'down': {
        const { generation, exit } = effect;
        if (this.#held?.generation === generation) void this.#held.client?.close().catch(() => {});
        const reason = exit.expected ? 'The server was stopped.' : crashSentence(exit);
        for (const listener of this.#downListeners) tell(() => listener({ generation, exit, reason }));
        return;
      }
      default:
        assertNever(effect);
    }
  }

  #spawn(generation: number): void {
    const isWanted = () => {
      const { name, generation: current } = this.#machine.state;
      return name === 'starting' && current === generation;
    };
    const launched = launch(this.#options, this.#options.choices(), generation, isWanted);
    const held: Held = { generation, launched };
    this.#held = held;
    void launched.then(
      (server) => this.#supervise(held, server),
      (error: unknown) => {
        if (error instanceof Error) this.#startError = { generation, error };
        this.#machine.dispatch({ type: 'spawn-failed', generation, reason: explain(error) });
      },
    );
  }

  #supervise(held: Held, server: LaunchedServer): void {
    const { generation } = held;
    const { process } = server;
    held.process = process;
    process.setBusy(this.#turns.size > 0);
    void this.#watchOver(generation, [process]);
    this.#machine.dispatch({ type: 'spawned', generation, pid: process.pid });
    void process.exited.then((end) => this.#onExit(generation, end));
    const { readyTimeoutMs } = this.#options.choices().limits;
    void connectWhenReady(this.#options, server, readyTimeoutMs).then(
      ({ client, baseUrl }) => this.#adopt(held, server, client, baseUrl),
      (error: unknown) => {
        if (error instanceof DatabaseError) this.#startError = { generation, error };
        this.#machine.dispatch({ type: 'unfit', generation, reason: explain(error) });
      },
    );
  }

  /** An end before the server was ready may have a reason that the store of its sessions knows. */
  async #onExit(generation: number, end: ProcessEnd): Promise<void> {
    const { state } = this.#machine;
    const { store } = this.#options;
    const isStart = state.name === 'starting' && state.generation === generation;
    const error = isStart && store !== undefined ? await store.blame(end.stderrTail) : undefined;
    if (error !== undefined) this.#startError = { generation, error };
    this.#machine.dispatch({
      type: 'exited',
      generation,
      end,
      ...(error !== undefined && { reason: error.message }),
    });
  }

  /** Tells what is left of servers that are gone, and when nothing is. Resolves when the first is told. */
  async #watchOver(generation: number, left: readonly LeftBehind[]): Promise<void> {
    const processes = (await Promise.all(left.map(({ leftovers }) => leftovers))).flat();
    const isWatched = this.#leftBehind.has(generation);
    if (processes.length > 0) this.#leftBehind.set(generation, left);
    this.#tellLeftovers({ generation, processes });
    if (processes.length === 0 || isWatched) return;
    void Promise.all(left.map(({ leftoversGone }) => leftoversGone)).then(() => {
      this.#leftBehind.delete(generation);
      this.#tellLeftovers({ generation, processes: [] });
    });
  }

  /** What is let go of is not gone. */
  #tellLeftovers(leftovers: Leftovers): void {
    if (this.#isDisposed) return;
    for (const listener of this.#leftoverListeners) tell(() => listener(leftovers));
  }

  /** Takes a ready server into use, if it is still the one that is being started. */
  #adopt(
    held: Held,
    { process, engineVersion, notes }: LaunchedServer,
    client: EngineClient,
    baseUrl: string,
  ): void {
    const { generation } = held;
    const { state } = this.#machine;
    if (state.name !== 'starting' || state.generation !== generation) {
      void client.close().catch(() => {});
      return;
    }
    held.client = client;
    this.#connection = { generation, client, baseUrl, pid: process.pid, engineVersion, notes };
    this.#watch = new LivenessWatch({
      clock: this.#options.clock,
      isAlive: () => process.isAlive(),
      probe: (timeoutMs) => client.health(timeoutMs),
      onVerdict: (verdict) => void this.#judge(generation, verdict, process),
    });
    this.#machine.dispatch({ type: 'ready', generation, engineVersion });
  }

  async #judge(generation: number, verdict: Verdict, process: HostedProcess): Promise<void> {
    // A process that is gone without its exit having been told is gone all the same.
    if (verdict === 'gone') {
      const stderrTail = await process.tail().catch(() => '');
      this.#machine.dispatch({ type: 'exited', generation, end: { stderrTail } });
      return;
    }
    this.#machine.dispatch({ type: 'verdict', generation, verdict });
    // What is under way on it decides for itself; that of another window as that one sees it.
    const isIdle = this.#turns.size === 0 && !this.others.busy;
    if (verdict === 'unresponsive' && isIdle) this.#machine.dispatch({ type: 'given-up', generation });
  }

  /** Ends the process tree. Its holder lets the engine end its work first, so that the signal cuts nothing. */
  async #end(generation: number): Promise<void> {
    const held = this.#held;
    if (held?.generation !== generation) return;
    const process = await held.launched.then(
      (server) => server.process,
      // It told so itself, as `spawn-failed`.
      () => undefined,
    );
    if (process === undefined) return;
    if ((await process.end()) === 'alive') this.#machine.dispatch({ type: 'outlived-kill', generation });
  }
}

/** A stop is over when the process has ended, or when it is plain that it will not. */
function stopSettled(state: ServerState): Settlement<void> | undefined {
  if (state.name === 'stopping') return undefined;
  if (state.name !== 'failed' || state.held === undefined) return { resolve: undefined };
  return { reject: new StartError(state.ending.reason ?? '', '') };
}
