/** The fold of a journal that somebody else writes, or wrote. */
import type { JournalRecord } from '../core/journal/record.ts';
import { isActive, newRunState, type RunEffect, type RunState, stepRun } from '../core/journal/state.ts';
import { RunViewFold } from '../core/journal/view.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Header } from '../core/protocol.ts';
import { ORPHANED } from '../node/run/owner.ts';

/** How a run stands, as its journal and the process that writes it tell. */
export type Standing = { is: 'running' } | { is: 'ended'; outcome: Outcome; message?: string };

export class RunFold {
  readonly state: RunState = newRunState();
  // Silence is acted on by the run's owner alone, so the limit has no meaning here.
  readonly #view = new RunViewFold(this.state, { stallLimitMs: 0 });

  header(): Header {
    return this.#view.header();
  }

  /** @returns the effects that the record had, none of which is carried out. */
  take(record: JournalRecord): RunEffect[] {
    const effects = stepRun(this.state, record);
    this.#view.apply(record);
    return effects;
  }

  /** @param ownerLives as it was before the last records were read: its last words may come just before its end. */
  standing(ownerLives: boolean): Standing {
    const { ended } = this.state;
    if (ended !== undefined && !isActive(this.state)) {
      return {
        is: 'ended',
        outcome: ended.outcome,
        ...(ended.message === undefined ? {} : { message: ended.message }),
      };
    }
    return ownerLives ? { is: 'running' } : { is: 'ended', outcome: 'interrupted', message: ORPHANED };
  }
}
