/** A run that another process does, shown here as it goes on there. */
import type { Clock } from '../../core/clock.ts';
import { explain } from '../../core/errors.ts';
import { Changes } from '../journal/changes.ts';
import type { JournalTail } from '../journal/journal-tail.ts';
import { watchJournal } from '../journal/watch-journal.ts';
import { livesElsewhere, ORPHANED } from './owner.ts';
import type { Run } from './run.ts';

export interface FollowOptions {
  clock: Clock;
  log: { warn(text: string): void };
}

/**
 * Follows a run to its end. It is ours from then on; without an end, once its owner is gone, and then it is settled.
 * @param tail read as far as the run is folded.
 * @returns the function that stops following.
 */
export function followRun(run: Run, tail: JournalTail, { clock, log }: FollowOptions): () => void {
  const changes = new Changes(run.folder, clock);
  run.leaveToOwner();
  const follow = async (): Promise<void> => {
    for await (const look of watchJournal(tail, changes, () => livesElsewhere(run.state.info))) {
      for (const problem of look.problems) log.warn(`run ${run.id}: ${problem}`);
      run.restore(look.records);
      if (!isOver(run) && look.ownerLives) continue;
      run.takeOver();
      settleOrphan(run);
      return;
    }
  };
  void follow()
    // Its owner may go on writing, so it stays theirs.
    .catch((error: unknown) => log.warn(`run ${run.id} is not followed any more: ${explain(error)}`))
    .finally(() => changes.close());
  return () => changes.close();
}

/** Ends what is under way in a run whose owner is gone: nothing is "running" without somebody who runs it. */
export function settleOrphan(run: Run): void {
  const { turn } = run.state;
  if (turn !== undefined && turn.phase !== 'settled') {
    run.append({
      kind: 'turn-settled',
      turnId: turn.turnId,
      outcome: 'interrupted',
      inferred: true,
      message: ORPHANED,
    });
  }
  if (run.active) run.append({ kind: 'run-ended', outcome: 'interrupted', message: ORPHANED });
}

/** Whether a run has come to its end: one of prompts settles its turn, and ends with the record after that. */
export function isOver(run: Run): boolean {
  return run.state.ended !== undefined && !run.active;
}
