import type { EngineClient } from '../../core/engine.ts';
import type { Exit } from '../../core/journal/record.ts';
import type { ServerView } from '../../core/server/view.ts';
import type { Leftover, Others } from '../process/process-host.ts';

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
  /** What the user has to know of its start, a sentence each; absent where it was not started here. */
  notes?: readonly string[];
}

/** A server that was ready is gone, or does not answer any more. */
export interface ServerDown {
  generation: number;
  /** How its process ended; absent for an attached server. `expected` tells a stop from a crash. */
  exit?: Exit;
  /** A sentence for people. */
  reason: string;
}

/** Stands for the servers of before this process: our own count from 1. */
export const OF_BEFORE = 0;

/** Processes of the agent's tools that outlived their server. */
export interface Leftovers {
  /** Of the server that they outlived. */
  generation: number;
  /** Empty once they are gone. */
  processes: readonly Leftover[];
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
  /**
   * Ends an owned server that does not answer any more; the next `ensure` pays for another one. What somebody else runs is
   * not ours to end.
   */
  giveUp(): void;
  /** Whether there is a server that `ensure` would take without starting one. */
  find(): Promise<boolean>;
  /** Resolves when nothing is left of the server (owned), or when it is let go (attached). */
  stop(): Promise<void>;
  /** For shutting down: stops, unless others use the server, and starts nothing ever again. */
  dispose(): Promise<void>;
  /**
   * For going away while others, or we after a reload, go on: lets go of the server without ending it. An owned one
   * lives on for its grace. Starts nothing ever again.
   */
  leave(): Promise<void>;
  /** The other windows that use the server. */
  readonly others: Others;
  onState(listener: (view: ServerView) => void): () => void;
  /** Called once for each death of a server that was ready, whoever caused it. */
  onDown(listener: (down: ServerDown) => void): () => void;
  /** Called when a server is gone that left processes of its tools behind, and again when these are gone. */
  onLeftovers(listener: (leftovers: Leftovers) => void): () => void;
  /**
   * Looks for what servers of before this process left behind: told to the listeners as that of `OF_BEFORE`, also
   * when it is nothing.
   */
  recall(): Promise<void>;
  /** Ends those processes. */
  endLeftovers(generation: number): Promise<void>;
  /** Bytes of any kind came from the server of that generation: the sign of life that spares it probes. */
  heard(generation: number): void;
  /** A turn runs: a busy server gets more patience. */
  turnStarted(turnId: string): void;
  /** A successful turn gives the restart budget back. */
  turnEnded(turnId: string, succeeded: boolean): void;
}
