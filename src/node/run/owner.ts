/** The process that does a run, and alone writes its journal. */
import type { RecordOf } from '../../core/journal/record.ts';
import { isAlive } from '../process/tree.ts';

/** What is said of a run whose owner is gone; nobody writes its end any more. */
export const ORPHANED = 'Holdfast itself ended while this ran. What was seen until then is kept.';

/**
 * Whether a run belongs to another process that is still there. Our own pid in a journal that we did not begin is
 * that of a process before us.
 */
export function livesElsewhere(info: RecordOf<'run-started'> | undefined): boolean {
  return info !== undefined && info.owner.pid !== process.pid && isAlive(info.owner.pid);
}
