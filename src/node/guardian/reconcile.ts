import type { Clock } from '../../core/clock.ts';
import {
  hasEnded,
  identify,
  isSameProcess,
  machineSpace,
  type ProcessIdentity,
} from '../process/identity.ts';
import { endLeftovers, findLeftovers } from '../process/leftovers.ts';
import { endTree, posixSignals, windowsSignals } from '../process/tree.ts';
import { MARK_NAME } from './protocol.ts';
import { type Entry, type Registry, type Verdict, verdict } from './registry.ts';
import { removeSocketPlace } from './socket-place.ts';

/** Between looks at a process that is not our child, ms: nobody tells its end. */
const LOOK_MS = 50;

/** What an entry stands for at this moment. */
export async function judge(entry: Entry): Promise<Verdict> {
  const [here, guardian, server] = await Promise.all([
    machineSpace(),
    identify(entry.guardian.pid),
    entry.server === undefined ? ('gone' as const) : identify(entry.server.pid),
  ]);
  return verdict(entry, here, guardian, server);
}

/**
 * Ends what a dead guardian has left behind: its server if that is beyond doubt the one, its tools by their mark, its
 * files. Does nothing for a guardian that lives or cannot be judged. May be done by several at once. Never rejects.
 * @returns the verdict it acted on, and whether a server was ended.
 */
export async function reconcileEntry(
  entry: Entry,
  registry: Registry,
  clock: Clock,
): Promise<{ verdict: Verdict; ended: boolean }> {
  const found = await judge(entry);
  if (found.type === 'alive' || found.type === 'untouchable') return { verdict: found, ended: false };
  const ended = found.type === 'abandoned' && found.endServer && entry.server !== undefined;
  if (found.type === 'abandoned') {
    if (ended && entry.server !== undefined) await endAbandoned(entry.server, clock);
    const mark = { name: MARK_NAME, value: entry.id };
    await endLeftovers(await findLeftovers(mark), mark, clock).catch(() => {});
  }
  await removeSocketPlace(entry.socket);
  await registry.remove(entry.id).catch(() => {});
  return { verdict: found, ended };
}

/** Waits until a guardian that seems to be dying is dead, at most `ms`. @returns whether it is. */
export async function guardianEnded(guardian: ProcessIdentity, ms: number, clock: Clock): Promise<boolean> {
  for (let waited = 0; ; waited += LOOK_MS) {
    if (hasEnded(guardian, await identify(guardian.pid))) return true;
    if (waited >= ms) return false;
    await pause(LOOK_MS, clock);
  }
}

async function endAbandoned(server: ProcessIdentity, clock: Clock): Promise<void> {
  let isOver = false;
  const exited = (async () => {
    while (!isOver && isSameProcess(server, await identify(server.pid))) await pause(LOOK_MS, clock);
  })();
  const signals = process.platform === 'win32' ? windowsSignals() : posixSignals;
  await endTree({ pid: server.pid, exited, signals, clock });
  isOver = true;
}

function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(ms, resolve));
}
