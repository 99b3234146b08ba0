/** Work that only one process of this machine does at a time. A lock is a lease whose work is short. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { Lease, lookAtLease } from '../lease.ts';
import { machineSpace } from './identity.ts';

/** Between looks at a lock that somebody else has, ms: the system does not tell when it is free. */
const LOOK_MS = 100;

/**
 * Does `work` while nobody else does work under the same lock, in this process or another one of this machine. A
 * holder that died does not block the next one. Each pid space has a lock of its own: elsewhere nobody could tell
 * whether a holder lives, and would wait for a dead one for ever.
 * @param file absolute path, where folders `<file>-<pid space>` are made.
 * @param options `timeoutMs`: how long to wait for the lock; the work itself takes its time.
 * @throws Error with a sentence when the lock was not free in time, JournalError when it cannot be read or written;
 *   and what `work` throws.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  { clock, timeoutMs }: { clock: Clock; timeoutMs: number },
): Promise<T> {
  const { pidSpace } = await machineSpace();
  const folder = `${file}-${createHash('sha256').update(pidSpace).digest('hex').slice(0, 12)}`;
  const lease = await wait(folder, clock, timeoutMs);
  try {
    return await work();
  } finally {
    lease.done();
  }
}

async function wait(folder: string, clock: Clock, timeoutMs: number): Promise<Lease> {
  let isLate = false;
  const stop = clock.setTimer(timeoutMs, () => (isLate = true));
  try {
    for (;;) {
      const lease = await Lease.take(folder, 'lock');
      if (lease !== undefined) return lease;
      if (isLate) throw await late(folder, timeoutMs);
      await new Promise<void>((resolve) => clock.setTimer(LOOK_MS, resolve));
    }
  } finally {
    stop();
  }
}

async function late(folder: string, timeoutMs: number): Promise<Error> {
  const lease = await lookAtLease(folder);
  const who = lease.state === 'held' ? ` Process ${lease.owner.process.pid} has it.` : '';
  return new Error(`The lock ${folder} was not free within ${timeoutMs / 1000} s.${who}`);
}
