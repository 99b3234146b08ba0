/**
 * The port behind which a process is held. `DirectHost` spawns it as a child of this process; a detached holder can
 * take its place without the callers noticing.
 */
import type { ProcessEnd } from '../../core/server/exit-text.ts';

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
}

/** A running process and everything it has started in its own group. */
export interface HostedProcess {
  readonly pid: number;
  /** The first match of the ready line. Stays open for ever when the process ends without one. */
  readonly readyLine: Promise<RegExpExecArray>;
  /** The end of the process itself, at once. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  /** What the process handle says right now, without waiting for an event. */
  isAlive(): boolean;
  /** The last output, at most 64 KiB, secrets removed. */
  tail(): string;
  /**
   * Ends the tree: asks, waits, kills, waits. Shared by all callers, and begun by itself when the process ends alone.
   * @returns `gone` when nothing is left of it; `alive` when the process itself outlived SIGKILL.
   */
  end(): Promise<'gone' | 'alive'>;
}

export interface ProcessHost {
  /** Rejects with `StartError` when there is no process; its message is a sentence that names the cause. */
  spawn(spec: ProcessSpec): Promise<HostedProcess>;
}
