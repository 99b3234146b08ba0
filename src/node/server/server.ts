import type { EngineClient } from '../../core/engine.ts';
import type { Exit } from '../../core/journal/record.ts';
import type { ServerView } from '../../core/server/view.ts';

/** A way to talk to one running server. It dies with it: the next server has another one. */
export interface ServerConnection {
  /** Which process (or connection) of the server this is. */
  generation: number;
  /** Closed as soon as the server is gone. */
  client: EngineClient;
  baseUrl: string;
  /** Absent for an attached server. */
  pid?: number;
  engineVersion?: string;
}

/** A server that was ready is gone, or does not answer any more. */
export interface ServerDown {
  generation: number;
  /** How its process ended; absent for an attached server. `expected` tells a stop from a crash. */
  exit?: Exit;
  /** A sentence for people. */
  reason: string;
}

/** A server, owned or attached, as runs and surfaces use it. */
export interface Server {
  readonly state: ServerView;
  /**
   * A connection to a ready server, started if need be. All callers share one start. A server that is only
   * silent (`unresponsive`) is still the server.
   * Rejects with `EngineMissingError`, `StartError`, or `CancelledError` when it was stopped meanwhile.
   */
  ensure(): Promise<ServerConnection>;
  /** A new process (owned) or a new connection (attached), asked for by a person. Rejects like `ensure`. */
  restart(): Promise<ServerConnection>;
  /** Resolves when nothing is left of the server (owned), or when it is let go (attached). */
  stop(): Promise<void>;
  /** Stops, and starts nothing ever again: for shutting down. */
  dispose(): Promise<void>;
  onState(listener: (view: ServerView) => void): () => void;
  /** Called once for each death of a server that was ready, whoever caused it. */
  onDown(listener: (down: ServerDown) => void): () => void;
  /** Bytes of any kind came from the server of that generation: the sign of life that spares it probes. */
  heard(generation: number): void;
  /** A turn runs: a busy server gets more patience. */
  turnStarted(turnId: string): void;
  /** A successful turn gives the restart budget back. */
  turnEnded(turnId: string, succeeded: boolean): void;
}
