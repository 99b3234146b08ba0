/**
 * One process of the fake engine: what it has in memory and loses with its death, its event streams, and the ways in
 * which it can stop to answer. Sections are those of OPENCODE.md, seen on 1.18.33.
 */
import type { StoredMessage, StoredPart, StoredSession } from './store.ts';
import { infoOf } from './store.ts';
import type { TurnLoop } from './turn-loop.ts';
import type { FakeWorld } from './world.ts';

/** Thrown where a process has died in the middle of what it did. */
export class Gone extends Error {}

/** A connection to this process: its client is told when the process is gone. */
export interface Connection {
  lost(code: string): void;
}

export interface Stream extends Connection {
  open(): void;
  data(frames: string[]): void;
  end(): void;
}

interface StreamState {
  stream: Stream;
  queue: string[];
  /** It stays open and says nothing any more. */
  isDeaf: boolean;
}

export interface WireAsk {
  id: string;
  sessionID: string;
  permission: string;
  patterns: string[];
  always: string[];
  tool: { messageID: string; callID: string };
}

/** Every 10 s, busy or not (3). */
const HEARTBEAT_MS = 10_000;
/** Frames told once more to a stream that connects again, where a point wants that. */
const TOLD_AGAIN = 6;

export class FakeServer {
  readonly world: FakeWorld;
  readonly pid: number;
  readonly statuses = new Map<string, Record<string, unknown>>();
  /** Asks live in memory alone (4.1); an abort leaves its own behind (6). */
  readonly asks = new Map<string, { ask: WireAsk; reply: (how: string) => void }>();
  readonly loops = new Map<string, TurnLoop>();
  /** The first prompt of an instance blocks the event loop for seconds (0.8). */
  isWarm = false;
  isDead = false;
  readonly #timers = new Set<() => void>();
  readonly #connections = new Set<Connection>();
  readonly #streams = new Set<StreamState>();
  readonly #later: (() => void)[] = [];
  /** Durable frames of late, to be told again. */
  readonly #recent: string[] = [];
  #isAsleep = false;

  constructor(world: FakeWorld, pid: number) {
    this.world = world;
    this.pid = pid;
    this.#beat();
  }

  /** Does something after a while, later if it sleeps then, never if it is dead. */
  after(ms: number, fn: () => void): void {
    if (this.isDead) return;
    const disarm = this.world.time.after(ms, () => {
      this.#timers.delete(disarm);
      if (this.#isAsleep) this.#later.push(fn);
      else this.#do(fn);
    });
    this.#timers.add(disarm);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Something of note happens here; whoever waits for it may strike. @throws Gone when this process did not live on. */
  moment(name: string): void {
    this.world.onMoment(name, this);
    if (this.isDead) throw new Gone();
  }

  /**
   * Neither answers nor says anything for so long: SIGSTOP (7), or an event loop that is blocked (0.8). What comes in
   * meanwhile is taken and done afterwards, also what its sender has given up on.
   */
  freeze(ms: number): void {
    if (this.isDead || this.#isAsleep) return;
    this.#isAsleep = true;
    this.world.notAbleUntil(this.world.time.now() + ms);
    const wake = this.world.time.after(ms, () => {
      this.#timers.delete(wake);
      this.#isAsleep = false;
      for (const fn of this.#later.splice(0)) if (!this.isDead) this.#do(fn);
    });
    this.#timers.add(wake);
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** All that it had in memory is gone, and nothing says so to anybody (0.3). */
  die(): void {
    if (this.isDead) return;
    this.isDead = true;
    for (const disarm of this.#timers) disarm();
    for (const connection of this.#connections) {
      this.world.time.after(this.world.between(0, 20), () => connection.lost('ECONNRESET'));
    }
    for (const { stream, queue } of this.#streams) {
      // What the system has taken already arrives as a rule.
      const frames = this.world.chance(0.8) ? queue.splice(0) : [];
      this.world.time.after(this.world.between(0, 20), () => {
        if (frames.length > 0) stream.data(frames);
        stream.lost('ECONNRESET');
      });
    }
  }

  connect(connection: Connection): () => void {
    this.#connections.add(connection);
    return () => void this.#connections.delete(connection);
  }

  openStream(stream: Stream): () => void {
    const state: StreamState = { stream, queue: [], isDeaf: false };
    this.after(this.world.between(2, 20), () => {
      this.#streams.add(state);
      stream.open();
      const again = this.world.tellsAgain && this.#recent.length > 0 ? this.#recent.slice(-TOLD_AGAIN) : [];
      this.#push(state, this.#frame('server.connected', {}));
      for (const frame of again) this.#push(state, frame);
      this.moment('stream');
    });
    return () => void this.#streams.delete(state);
  }

  /** The connections of its streams break (`reset`), are closed (`end`), or say nothing any more (`deaf`). */
  cutStreams(how: 'reset' | 'end' | 'deaf'): void {
    for (const state of this.#streams) {
      if (how === 'deaf') state.isDeaf = true;
      else {
        this.#streams.delete(state);
        this.world.time.after(1, () =>
          how === 'reset' ? state.stream.lost('ECONNRESET') : state.stream.end(),
        );
      }
    }
  }

  emit(type: string, properties: Record<string, unknown>): void {
    const frame = this.#frame(type, properties);
    if (type === 'message.updated' || type === 'message.part.updated') {
      this.#recent.push(frame);
      if (this.#recent.length > TOLD_AGAIN) this.#recent.shift();
    }
    for (const state of this.#streams) this.#push(state, frame);
  }

  emitMessage({ info }: StoredMessage): void {
    this.emit('message.updated', { sessionID: info.sessionID, info });
  }

  emitPart(part: StoredPart): void {
    this.emit('message.part.updated', {
      sessionID: part.sessionID,
      part,
      time: this.world.time.now(),
    });
  }

  emitSession(type: 'session.created' | 'session.updated', session: StoredSession): void {
    this.emit(type, { sessionID: session.id, info: infoOf(session) });
  }

  /** Idle is told twice each time: as a status and as an event of its own (3.2). */
  setStatus(sessionID: string, status: { type: string; [more: string]: unknown }): void {
    if (status.type === 'idle') this.statuses.delete(sessionID);
    else this.statuses.set(sessionID, status);
    this.emit('session.status', { sessionID, status });
    if (status.type === 'idle') this.emit('session.idle', { sessionID });
  }

  #frame(type: string, properties: Record<string, unknown>): string {
    const payload = { id: this.world.store.newId('evt').replace('_', ''), type, properties };
    return type === 'server.heartbeat'
      ? JSON.stringify({ payload })
      : JSON.stringify({ directory: this.world.folder, project: 'p', payload });
  }

  #push(state: StreamState, frame: string): void {
    if (state.isDeaf) return;
    state.queue.push(frame);
    if (state.queue.length > 1) return;
    // One read of the socket brings what has gathered by then.
    const flush = this.world.time.after(1 + this.world.streamLagMs, () => {
      this.#timers.delete(flush);
      const frames = state.queue.splice(0);
      if (frames.length > 0 && this.#streams.has(state)) state.stream.data(frames);
    });
    this.#timers.add(flush);
  }

  #beat(): void {
    this.after(HEARTBEAT_MS, () => {
      this.emit('server.heartbeat', {});
      this.#beat();
    });
  }

  #do(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
    }
  }
}
