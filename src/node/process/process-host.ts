/**
 * The port behind which a process is held. `GuardianHost` has a detached guardian hold it, so that it survives its
 * client; `DirectHost` holds it as a child of this process, which is what a guardian does.
 */
import type { ProcessEnd } from '../../core/server/exit-text.ts';

/** A request that asks a server to end its work, sent before it is signalled. Its path is on the ready line's URL. */
export interface DisposeRequest {
  path: string;
  headers: Readonly<Record<string, string>>;
}

export interface ProcessSpec {
  /** Absolute path. */
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Matched against whole lines of stdout. */
  readyLine: RegExp;
  /** Replaced wherever the process writes them. */
  secrets: readonly string[];
  /** Names the process in the log, e.g. `opencode server 3`. */
  label: string;
  /** Absent where a signal cuts nothing. */
  dispose?: DisposeRequest;
  /** What the next client needs to use the process: secret, opaque here, never on disk. */
  handover: string;
}

/** Which process is wanted, over all clients on this machine. */
export interface ProcessKey {
  /** There is at most one living process of a name. */
  name: string;
  /** A process of another flavour is of no use: it is ended when nobody uses it, and refused otherwise. */
  flavour: string;
}

/** A process that a tool of the agent started, and that is still there after its server is gone. */
export interface Leftover {
  pid: number;
  /** Its command line, secrets removed, cut to what a person reads. */
  command: string;
  /** Epoch ms. */
  startedAt: number;
}

/** The other clients of a process. */
export interface Others {
  count: number;
  /** Whether one of them has a turn running. */
  busy: boolean;
}

/** What a process left behind when it ended, watched over by its holder. */
export interface LeftBehind {
  /** Processes of its tools that outlived it, told at its end. Empty as a rule. */
  readonly leftovers: Promise<readonly Leftover[]>;
  /** Resolves when none of them is left, whoever ended them. */
  readonly leftoversGone: Promise<void>;
  /** Ends the processes that outlived it. */
  endLeftovers(): Promise<void>;
  /** Lets go of it without ending anything: from here on a grace counts, unless others use it. */
  release(): Promise<void>;
}

/** A running process and everything it has started in its own group. */
export interface HostedProcess extends LeftBehind {
  readonly pid: number;
  /** The first match of the ready line. Stays open for ever when the process ends without one. */
  readonly readyLine: Promise<RegExpExecArray>;
  /** The end of the process itself, at once. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  readonly others: Others;
  /** What the process handle says right now, without waiting for an event. */
  isAlive(): boolean;
  /** The last output, at most 64 KiB, secrets removed. */
  tail(): Promise<string>;
  /**
   * Ends the tree for all clients: asks, waits, kills, waits. Shared by all callers, and begun by itself when the
   * process ends alone.
   * @returns `gone` when nothing is left of it; `alive` when the process itself outlived SIGKILL.
   */
  end(): Promise<'gone' | 'alive'>;
  /** Whether this client has a turn running: decides how long the process is kept once its last client is gone. */
  setBusy(busy: boolean): void;
}

export interface Held {
  process: HostedProcess;
  /** As given in the spec that started it. */
  handover: string;
  /** False when it was started just now. */
  found: boolean;
}

export interface ProcessHost {
  /**
   * The living process of this key, or a new one. Starts are serialised over all clients on this machine.
   * @param make called only when a process has to be started; what it throws is thrown.
   * @throws StartError when there is no process; its message is a sentence that names the cause.
   */
  hold(key: ProcessKey, make: () => Promise<ProcessSpec>): Promise<Held>;
  /** Whether a process of this key is there to be held, without starting one. */
  has(key: ProcessKey): Promise<boolean>;
  /** What processes of this name left behind that have ended, as far as somebody still watches over it. */
  leftBehind(key: ProcessKey): Promise<LeftBehind[]>;
}
