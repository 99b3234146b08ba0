/** What changed since a turn began, for whoever is asked whether to go on with it. */
import { changedSince } from '../git/changed-since.ts';
import type { Run } from './run.ts';

/** Changed files named; of the others there is a number. */
const MAX_FILES = 8;

/** Appends a record, if the question is still open by then. Never rejects. @param folder absolute path of the workspace folder. */
export async function addEvidence(run: Run, turnId: string, folder: string): Promise<void> {
  const { turn } = run.state;
  if (turn === undefined) return;
  const changed = await changedSince(folder, turn.draftedAt);
  const isAsked = !run.followed && run.state.turn?.turnId === turnId && run.state.turn.phase === 'asking';
  if (changed === undefined || !isAsked) return;
  const files = changed.slice(0, MAX_FILES);
  run.append({ kind: 'workspace-changes', turnId, files, more: changed.length - files.length });
}
