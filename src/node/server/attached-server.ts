import type { Clock } from '../../core/clock.ts';
import type { ConnectOptions, Engine } from '../../core/engine.ts';
import { assertNever, CancelledError, explain, StartError } from '../../core/errors.ts';
import {
  type AttachedEffect,
  type AttachedEvent,
  type AttachedState,
  initialAttached,
  stepAttached,
} from '../../core/server/attached.ts';
import { type ServerView, viewAttached } from '../../core/server/view.ts';
import { LivenessWatch } from './liveness-watch.ts';
import { Machine, type Settlement, tell } from './machine.ts';
import type { Server, ServerConnection, ServerDown } from './server.ts';

/** How long a route of the workspace may take to answer, ms: a server elsewhere may have to load it first. */
const CONNECT_TIMEOUT_MS = 30_000;

export interface AttachedServerOptions {
  engine: Engine;
  clock: Clock;
  /** `http://` or `https://`, as the user gave it. */
  url: string;
  /** Absolute path of the workspace folder, as the server knows it. */
  directory: string;
  /** Read at each connect. Whether such a server asks for a password is its owner's choice. */
  credentials(): Promise<Pick<ConnectOptions, 'password' | 'username'>>;
}

/** A server at a URL that the user gave, driven by the machine of `core/server/attached.ts`. */
export class AttachedServer implements Server {
  readonly #options: AttachedServerOptions;
  readonly #machine: Machine<AttachedState, AttachedEvent, AttachedEffect>;
  readonly #downListeners = new Set<(down: ServerDown) => void>();
  #connection: ServerConnection | undefined;
  /** Goes on while the server is unreachable: that is how its return is noticed. */
  #watch: LivenessWatch | undefined;
  #isDisposed = false;

  constructor(options: AttachedServerOptions) {
    this.#options = options;
    const initial = initialAttached(options.clock.now());
    this.#machine = new Machine(initial, stepAttached, (effect) => this.#perform(effect), options.clock);
  }

  get state(): ServerView {
    return viewAttached(this.#machine.state);
  }

  async ensure(): Promise<ServerConnection> {
    return this.#connect({ type: 'connect' });
  }

  async restart(): Promise<ServerConnection> {
    return this.#connect({ type: 'reconnect' });
  }

  async stop(): Promise<void> {
    this.#machine.dispatch({ type: 'leave' });
    await this.#letGo();
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

  turnEnded(turnId: string): void {
    this.#watch?.turnEnded(turnId);
  }

  #connect(event: AttachedEvent): Promise<ServerConnection> {
    if (this.#isDisposed) throw new CancelledError();
    this.#machine.dispatch(event);
    return this.#machine.when((state) => this.#connectSettled(state));
  }

  #connectSettled(state: AttachedState): Settlement<ServerConnection> | undefined {
    switch (state.name) {
      case 'connecting':
        return undefined;
      case 'ready':
        return this.#connection && { resolve: this.#connection };
      case 'unreachable':
        return { reject: new StartError(state.reason, '') };
      case 'stopped':
        return { reject: new CancelledError('Disconnected from the server.') };
      default:
        return assertNever(state);
    }
  }

  #perform(effect: AttachedEffect): void {
    switch (effect.type) {
      case 'connect':
        void this.#tryConnect(effect.generation);
        return;
      case 'down':
        for (const listener of this.#downListeners) {
          tell(() => listener({ generation: effect.generation, reason: effect.reason }));
        }
        return;
      default:
        assertNever(effect);
    }
  }

  async #tryConnect(generation: number): Promise<void> {
    const { engine, clock, url, directory, credentials } = this.#options;
    void this.#letGo();
    const isCurrent = () => {
      const { state } = this.#machine;
      return state.name === 'connecting' && state.generation === generation;
    };
    try {
      const client = engine.connect({ baseUrl: url, directory, ...(await credentials()) });
      if (!isCurrent()) return await client.close();
      this.#connection = { generation, client, baseUrl: url };
      await client.ready(CONNECT_TIMEOUT_MS);
      if (!isCurrent()) return;
      this.#watch = new LivenessWatch({
        clock,
        isAlive: () => true,
        probe: (timeoutMs) => client.health(timeoutMs),
        onVerdict: (verdict) => this.#machine.dispatch({ type: 'verdict', generation, verdict }),
      });
      this.#machine.dispatch({ type: 'answered', generation });
    } catch (error) {
      if (!isCurrent()) return;
      void this.#letGo();
      const reason = `The server at ${url} cannot be used: ${explain(error)}`;
      this.#machine.dispatch({ type: 'refused', generation, reason });
    }
  }

  /** Drops the connection: nothing keeps talking to a server that was let go. */
  async #letGo(): Promise<void> {
    this.#watch?.stop();
    this.#watch = undefined;
    const client = this.#connection?.client;
    this.#connection = undefined;
    await client?.close().catch(() => {});
  }
}
