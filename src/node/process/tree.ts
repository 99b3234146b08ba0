/** Ending a process together with what it has started. Only ever by a pid of our own child, never by name or port. */
import { execFile } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';

/** From the request to end until SIGKILL, ms. opencode 1.18.33 ends within 85 ms of a SIGTERM. */
export const END_GRACE_MS = 5_000;
/** How long a killed process may take to be gone, ms: a dump or a slow disk, not more. */
export const KILL_GRACE_MS = 5_000;
/** Between looks at the rest of a group, ms: the system tells the end of a child, not that of its children. */
const LOOK_MS = 50;

/** The signals of one family of systems. */
export interface TreeSignals {
  /** Asks the tree to end. */
  ask(pid: number): void;
  /** Ends the tree without asking. */
  kill(pid: number): void;
  /** Whether something of the tree is left, the first process included. */
  isLeft(pid: number): boolean;
}

/** Whether a process exists. A process that we may not signal (EPERM) exists. */
export function isAlive(pid: number): boolean {
  return canSignal(pid);
}

/** Groups: `pid` leads one, and members that it has left behind keep the number from being given to others. */
export const posixSignals: TreeSignals = {
  ask: (pid) => signal(-pid, 'SIGTERM'),
  kill: (pid) => signal(-pid, 'SIGKILL'),
  isLeft: (pid) => canSignal(-pid),
};

/**
 * Windows has no signals and no groups: `taskkill` walks the tree by parent, and without `/F` it only reaches
 * windows, which the engine has none of. Not run here: tested against a recorded call.
 */
export function windowsSignals(run: (file: string, args: string[]) => void = runQuietly): TreeSignals {
  const kill = (pid: number) => run('taskkill', ['/PID', String(pid), '/T', '/F']);
  return { ask: kill, kill, isLeft: isAlive };
}

export interface Ending {
  pid: number;
  /** Resolves when the first process has ended. */
  exited: Promise<unknown>;
  signals: TreeSignals;
  clock: Clock;
}

/**
 * Asks, waits, kills, waits. That a signal was sent proves nothing: only the exit does.
 * @returns `alive` when the first process itself is still there; what remains of its children after SIGKILL can
 *   only be a zombie that nobody collects.
 */
export async function endTree({ pid, exited, signals, clock }: Ending): Promise<'gone' | 'alive'> {
  let isOut = false;
  const out = exited.then(() => {
    isOut = true;
  });
  signals.ask(pid);
  if (await emptied(pid, out, END_GRACE_MS, signals, clock)) return 'gone';
  signals.kill(pid);
  await emptied(pid, out, KILL_GRACE_MS, signals, clock);
  return isOut ? 'gone' : 'alive';
}

/** Whether the tree is gone within `ms`: first the exit of its first process, then looks at the rest. */
function emptied(
  pid: number,
  out: Promise<void>,
  ms: number,
  signals: TreeSignals,
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    let stopLooking = () => {};
    const stopWaiting = clock.setTimer(ms, () => {
      stopLooking();
      settle(false);
    });
    let isSettled = false;
    const settle = (isGone: boolean) => {
      isSettled = true;
      resolve(isGone);
    };
    const look = () => {
      if (isSettled) return;
      if (signals.isLeft(pid)) {
        stopLooking = clock.setTimer(LOOK_MS, look);
        return;
      }
      stopWaiting();
      settle(true);
    };
    void out.then(look);
  });
}

function canSignal(target: number): boolean {
  try {
    process.kill(target, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // ESRCH: nobody left. EPERM (macOS, for a group of zombies): nobody left who could act. The exit decides.
  }
}

function runQuietly(file: string, args: string[]): void {
  execFile(file, args, { windowsHide: true }, () => {});
}
