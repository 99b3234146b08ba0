import type { Clock } from '../../core/clock.ts';
import type { ConnectOptions, Engine, EngineClient } from '../../core/engine.ts';
import { assertNever, CancelledError, explain, RequestError, StartError } from '../../core/errors.ts';
import {
  type AttachedEffect,
  type AttachedEvent,
  type AttachedState,
  initialAttached,
  stepAttached,
} from '../../core/server/attached.ts';
import { type ServerView, viewAttached } from '../../core/server/view.ts';
import type { Others } from '../process/process-host.ts';
import { Machine, type Settlement, tell } from './machine.ts';
import type { Leftovers, Server, ServerConnection, ServerDown } from './server.ts';

/** Nobody else can be seen: who uses such a server is not told. */
const NOBODY: Others = { count: 0, busy: false };

export interface AttachedServerOptions {
  engine: Engine;
  clock: Clock;
  /** `http://` or `https://`, as the user gave it. */
  url: string;
  /** Absolute path of the workspace folder, as the server knows it. */
  directory: string;
  /** Read at each try to connect. Whether such a server asks for a password is its owner's choice. */
  credentials(): Promise<Pick<ConnectOptions, 'password' | 'username'>>;
  /** Runs the user's own command for it; absent where there is none. Rejects with a sentence. */
  restart?: () => Promise<void>;
  /** 0 to 1, for the jitter of a backoff. */
  random?: () => number;
}

/**
 * A server at a URL that the user gave, driven by the machine of `core/server/attached.ts`. All that is ever done to
 * it are requests, and the user's own restart command when a person asks for it.
 */
export class AttachedServer implements Server {
  readonly #options: AttachedServerOptions;
  readonly #machine: Machine<AttachedState, AttachedEvent, AttachedEffect>;
  readonly #stateListeners = new Set<(view: ServerView) => void>();
  readonly #downListeners = new Set<(down: ServerDown) => void>();
  #told: ServerView['state'];
  /** Of the connection, or of the try to get one. */
  #client: EngineClient | undefined;
  #connection: ServerConnection | undefined;
  /** When bytes came last, epoch ms. */
  #heardAt = 0;
  #cancelTimer: (() => void) | undefined;
  #restarting: Promise<ServerConnection> | undefined;
  #isDisposed = false;

  constructor(options: AttachedServerOptions) {
    this.#options = options;
    const initial = initialAttached(options.clock.now());
    this.#machine = new Machine(initial, stepAttached, (effect) => this.#perform(effect), options.clock);
    this.#machine.onChange(() => this.#tellState());
    this.#told = this.state.state;
  }

  get state(): ServerView {
    return viewAttached(this.#machine.state);
  }

  async ensure(): Promise<ServerConnection> {
    return this.#connect({ type: 'connect' });
  }

  restart(): Promise<ServerConnection> {
    const { restart } = this.#options;
    if (restart === undefined) return this.#connect({ type: 'reconnect' });
    this.#restarting ??= this.#restart(restart).finally(() => (this.#restarting = undefined));
    return this.#restarting;
  }

  giveUp(): void {
    // Whoever runs it decides.
  }

  /** Always: whoever runs it decides whether it is there. */
  find(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async stop(): Promise<void> {
    this.#machine.dispatch({ type: 'leave' });
    this.#cancelTimer?.();
    await this.#letGo();
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.stop();
  }

  /** The same as `dispose`: nothing of it is ours to end. */
  leave(): Promise<void> {
    return this.dispose();
  }

  get others(): Others {
    return NOBODY;
  }

  /** Tells of what people can see, not of each try to reach a server that is away. */
  onState(listener: (view: ServerView) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  onDown(listener: (down: ServerDown) => void): () => void {
    this.#downListeners.add(listener);
    return () => this.#downListeners.delete(listener);
  }

  /** Never called: the processes of such a server are another program's. */
  onLeftovers(_listener: (leftovers: Leftovers) => void): () => void {
    return () => {};
  }

  async recall(): Promise<void> {}

  async endLeftovers(_generation: number): Promise<void> {}

  heard(generation: number): void {
    if (this.#connection?.generation === generation) this.#heardAt = this.#options.clock.now();
  }

  /** Nothing: such a server is never restarted for being slow, so a busy one needs no more patience. */
  turnStarted(_turnId: string): void {}

  turnEnded(_turnId: string, _succeeded: boolean): void {}

  async #connect(event: AttachedEvent): Promise<ServerConnection> {
    if (this.#isDisposed) throw new CancelledError();
    this.#machine.dispatch(event);
    return this.#machine.when((state) => this.#connectSettled(state));
  }

  #connectSettled(state: AttachedState): Settlement<ServerConnection> | undefined {
    switch (state.name) {
      case 'connecting':
      case 'restarting':
        return undefined;
      case 'ready':
        return this.#connection && { resolve: this.#connection };
      case 'unreachable':
      case 'failed':
        return { reject: new StartError(state.reason, '') };
      case 'stopped':
        return { reject: new CancelledError('Disconnected from the server.') };
      default:
        return assertNever(state);
    }
  }

  /** A command that fails leaves open how things stand, so that is found out, and its own words are told. */
  async #restart(command: () => Promise<void>): Promise<ServerConnection> {
    if (this.#isDisposed) throw new CancelledError();
    this.#machine.dispatch({ type: 'restart' });
    try {
      await command();
    } catch (error) {
      this.#machine.dispatch({ type: 'restarted', isDone: false });
      throw error;
    }
    return this.#connect({ type: 'restarted', isDone: true });
  }

  #tellState(): void {
    const view = this.state;
    if (view.state === this.#told) return;
    this.#told = view.state;
    for (const listener of this.#stateListeners) tell(() => listener(view));
  }

  #perform(effect: AttachedEffect): void {
    switch (effect.type) {
      case 'connect':
        this.#cancelTimer?.();
        void this.#tryConnect(effect.generation, effect.timeoutMs);
        return;
      case 'probe':
        void this.#probe(effect.generation, effect.timeoutMs);
        return;
      case 'timer': {
        const { generation, ms } = effect;
        this.#cancelTimer?.();
        this.#cancelTimer = this.#options.clock.setTimer(ms, () => {
          this.#machine.dispatch({ type: 'timer', generation, heardAt: this.#heardAt });
        });
        return;
      }
      case 'down':
        void this.#letGo();
        for (const listener of this.#downListeners) {
          tell(() => listener({ generation: effect.generation, reason: effect.reason }));
        }
        return;
      default:
        assertNever(effect);
    }
  }

  async #tryConnect(generation: number, timeoutMs: number): Promise<void> {
    const { engine, clock, url, directory, credentials } = this.#options;
    void this.#letGo();
    let hasPassword = false;
    try {
      const given = await credentials();
      hasPassword = given.password !== undefined;
      if (!this.#isTrying(generation)) return;
      const client = engine.connect({ baseUrl: url, directory, ...given });
      this.#client = client;
      await client.ready(timeoutMs);
      if (!this.#isTrying(generation)) return;
      this.#connection = { generation, client, baseUrl: url };
      this.#heardAt = clock.now();
      this.#machine.dispatch({ type: 'answered', generation });
    } catch (error) {
      if (!this.#isTrying(generation)) return;
      void this.#letGo();
      const reason = sentence(error, this.#options, hasPassword);
      const isAway = error instanceof RequestError && error.retriable;
      this.#machine.dispatch(
        isAway
          ? { type: 'away', generation, reason, chance: this.#chance() }
          : { type: 'refused', generation, reason },
      );
    }
  }

  #isTrying(generation: number): boolean {
    const { state } = this.#machine;
    const isTrying = state.name === 'connecting' || state.name === 'unreachable';
    return isTrying && state.generation === generation;
  }

  async #probe(generation: number, timeoutMs: number): Promise<void> {
    const client = this.#connection?.generation === generation ? this.#connection.client : undefined;
    const isAnswered = (await client?.health(timeoutMs).catch(() => false)) ?? false;
    const [heardAt, chance] = [this.#heardAt, this.#chance()];
    this.#machine.dispatch({ type: 'probed', generation, isAnswered, heardAt, chance });
  }

  #chance(): number {
    return (this.#options.random ?? Math.random)();
  }

  /** Drops the connection, or the try to get one: nothing keeps talking to a server that was let go. */
  async #letGo(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#connection = undefined;
    await client?.close().catch(() => {});
  }
}

/** Why a server cannot be used, and what to do where it is the user's turn. */
function sentence(error: unknown, { url, engine }: AttachedServerOptions, hasPassword: boolean): string {
  const server = `The server at ${address(url)}`;
  if (!(error instanceof RequestError)) return `${server} cannot be used: ${explain(error)}`;
  if (error.retriable) return `${server} cannot be reached: ${explain(error)}`;
  const { status } = error;
  if (status === 401) {
    const what = hasPassword ? 'refused the password' : 'wants a password';
    return `${server} ${what}. Set the right one: Holdfast: Set Server Password in the editor, HOLDFAST_SERVER_PASSWORD on the command line.`;
  }
  if (status === undefined || status < 400 || status === 404) {
    return `What answers at ${address(url)} is no ${engine.kind} server: ${explain(error)} Check the address: holdfast.server.url in the editor, --attach on the command line.`;
  }
  return `${server} cannot be used: ${explain(error)}`;
}

/** A server's address for people and logs: without a name and a password in it. */
function address(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/\/$/, '');
}
