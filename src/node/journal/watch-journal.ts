/** A journal that another process writes, look by look. */
import type { Changes } from './changes.ts';
import type { Added, JournalTail } from './journal-tail.ts';

export interface Look extends Added {
  /** Whether the process that writes the journal was there before this look. */
  ownerLives: boolean;
}

/** Gives what is there and then what is added, until the caller leaves or closes `changes`. Throws what reading does. */
export async function* watchJournal(
  tail: JournalTail,
  changes: Changes,
  ownerLives: () => Promise<boolean>,
): AsyncGenerator<Look, void> {
  do {
    // Before the read: an owner's last words may come just before its end.
    const lives = await ownerLives();
    yield { ...tail.read(), ownerLives: lives };
  } while (await changes.next());
}
