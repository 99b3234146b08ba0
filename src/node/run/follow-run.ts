/** A run that another process does, shown here as it goes on there. */
import type { Clock } from '../../core/clock.ts';
import { explain } from '../../core/errors.ts';
import type { JournalRecord } from '../../core/journal/record.ts';
import { Changes } from '../journal/changes.ts';
import type { JournalTail } from '../journal/journal-tail.ts';
import { watchJournal } from '../journal/watch-journal.ts';
import { ORPHANED, OwnerWatch } from './owner.ts';
import type { Run } from './run.ts';

export interface FollowOptions {
  clock: Clock;
  log: { warn(text: string): void };
  /** Told once when nobody does the run any more: it has ended, or its owner is gone. */
  onLetGo(run: Run): void;
}

/**
 * Follows a run until its owner has let it go.
 * @param tail of the run's journal; what the run has folded already is not taken again.
 * @returns the function that stops following.
 */
export function followRun(run: Run, tail: JournalTail, { clock, log, onLetGo }: FollowOptions): () => void {
  const changes = new Changes(run.folder, clock);
  const owner = new OwnerWatch(run.folder, clock);
  run.leaveToOwner();
  let isStopped = false;
  const follow = async (): Promise<void> => {
    const ownerLives = (): Promise<boolean> => owner.livesElsewhere(changes.wasNoticed);
    for await (const look of watchJournal(tail, changes, ownerLives)) {
      if (isStopped) return;
      for (const problem of look.problems) log.warn(`run ${run.id}: ${problem}`);
      run.restore(after(look.records, run.state.seq));
      if (look.ownerLives && run.active) continue;
      onLetGo(run);
      return;
    }
  };
  void follow()
    // Its owner may go on writing, so it stays theirs.
    .catch((error: unknown) => log.warn(`run ${run.id} is not followed any more: ${explain(error)}`))
    .finally(() => changes.close());
  return () => {
    isStopped = true;
    changes.close();
  };
}

/** The records that a run which has folded `seq` of them does not know. */
export function after(records: readonly JournalRecord[], seq: number): JournalRecord[] {
  return records.filter((record) => record.seq > seq);
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
