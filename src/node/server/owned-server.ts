import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Engine, EngineClient, LaunchOptions } from '../../core/engine.ts';
import { CancelledError, explain, RequestError, StartError } from '../../core/errors.ts';
import type { Exit } from '../../core/journal/record.ts';
import { crashSentence } from '../../core/server/exit-text.ts';
import { step } from '../../core/server/lifecycle.ts';
import type { Verdict } from '../../core/server/liveness.ts';
import {
  initialServer,
  type ServerEffect,
  type ServerEvent,
  type ServerLimits,
  type ServerState,
} from '../../core/server/state.ts';
import { type ServerView, viewOwned } from '../../core/server/view.ts';
import type { HostedProcess, ProcessHost } from '../process/process-host.ts';
import { LivenessWatch } from './liveness-watch.ts';
import { Machine, type Settlement, tell } from './machine.ts';
import type { Server, ServerConnection, ServerDown } from './server.ts';

/** How long the engine may take to end its running work before it is signalled, ms. */
const DISPOSE_MS = 2_000;
/** When a request fails because the process died, its exit tells more: how long to wait for that, ms. */
const EXIT_NEWS_MS = 1_000;

/** What may change between two starts. Read at each start, so that a change never touches a running turn. */
export interface LaunchChoices extends Pick<LaunchOptions, 'extraPath' | 'config'> {
  /** Where the binary is; absent to look for it. */
  enginePath?: string;
  limits: ServerLimits;
}

export interface OwnedServerOptions {
  engine: Engine;
  host: ProcessHost;
  clock: Clock;
  /** 0 to 1, for the jitter of a backoff. */
  random(): number;
  /** Absolute path of the workspace folder. */
  directory: string;
  /** The environment of our own process. */
  env: Readonly<Record<string, string | undefined>>;
  choices(): LaunchChoices;
}

/** A process of one generation, or the start of one. */
interface Held {
  generation: number;
  hosted: Promise<HostedProcess>;
}

/** A server process of ours, driven by the machine of `core/server/lifecycle.ts`. */
export class OwnedServer implements Server {
  readonly #options: OwnedServerOptions;
  readonly #machine: Machine<ServerState, ServerEvent, ServerEffect>;
  readonly #downListeners = new Set<(down: ServerDown) => void>();
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

  async stop(): Promise<void> {
    const held = this.#held;
    this.#machine.dispatch({ type: 'stop' });
    await this.#machine.when(stopSettled);
    // The process has ended; what it left behind in its group may take a moment more.
    await held?.hosted.then(
      (process) => process.end(),
      () => undefined,
    );
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.stop();
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
  }

  turnEnded(turnId: string, succeeded: boolean): void {
    this.#watch?.turnEnded(turnId);
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
    const { ending } = state;
    if (ending?.reason === undefined) return new CancelledError('The server was stopped.');
    if (state.name === 'stopped' && this.#startError?.generation === state.generation) return this.#startError.error;
    return new StartError(ending.reason, ending.exit?.stderrTail ?? '');
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
}
