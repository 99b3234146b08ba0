/** `holdfast replay --follow`: a run watched from outside, while another process does it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { JournalError } from '../core/errors.ts';
import { isActive } from '../core/journal/state.ts';
import { exitCode } from '../core/outcome.ts';
import { systemClock } from '../node/clock.ts';
import { Changes } from '../node/journal/changes.ts';
import { readJournal } from '../node/journal/journal-reader.ts';
import { JournalTail } from '../node/journal/journal-tail.ts';
import { journalFiles } from '../node/journal/journal-writer.ts';
import { watchJournal } from '../node/journal/watch-journal.ts';
import { livesElsewhere, OwnerWatch, runFolder } from '../node/run/owner.ts';
import { isRunId, listRuns } from '../node/run/run-store.ts';
import type { ReplayCommand } from './args.ts';
import { Progress } from './progress.ts';
import { RunFold } from './run-fold.ts';
import type { Shell } from './shell.ts';
import type { Terminal } from './terminal.ts';

/** The folder's name that `run-store.ts` gives; it may be followed before it exists. */
const RUNS = 'runs';

/** Prints progress until the run ends. @returns its exit code. @throws JournalError when there is nothing to follow. */
export async function follow(command: ReplayCommand, { terminal, cwd }: Shell): Promise<number> {
  const where = path.resolve(cwd, command.journal);
  const run = isFolderOfRuns(where) ? await findRun(where, terminal) : where;
  const changes = new Changes(run, systemClock);
  try {
    return await followRun(run, changes, terminal);
  } finally {
    changes.close();
  }
}

async function followRun(run: string, changes: Changes, terminal: Terminal): Promise<number> {
  const fold = new RunFold();
  const progress = new Progress({ findings: true });
  const tail = new JournalTail(run);
  const owner = new OwnerWatch(runFolder(run), systemClock);
  // A run that has not begun has no owner yet.
  const ownerLives = async (): Promise<boolean> =>
    fold.state.info === undefined || owner.livesElsewhere(changes.wasNoticed);
  for await (const { records, problems, ...look } of watchJournal(tail, changes, ownerLives)) {
    for (const record of records) {
      fold.take(record);
      for (const line of progress.lines(record, fold.state, () => fold.header())) terminal.printLine(line);
    }
    for (const text of problems) terminal.printLine({ label: 'problem', text, tone: 'warn' });
    const standing = fold.standing(look.ownerLives);
    if (standing.is === 'ended') {
      // An end that is in the journal has been told with its record.
      if (fold.state.ended === undefined)
        terminal.printLine({ label: 'stopped', text: standing.message ?? '', tone: 'warn' });
      return exitCode(standing.outcome);
    }
  }
  // Nobody closes the changes before the end is seen.
  return exitCode('interrupted');
}

function isFolderOfRuns(where: string): boolean {
  const stat = fs.statSync(where, { throwIfNoEntry: false });
  if (stat === undefined) {
    if (path.basename(where) === RUNS) return true;
    throw new JournalError(`There is no journal at ${where}.`);
  }
  return stat.isDirectory() && !isRunId(path.basename(where)) && journalFiles(where).length === 0;
}

/** The newest unfinished run, or the next one that begins. */
async function findRun(runs: string, terminal: Terminal): Promise<string> {
  const known = listRuns(runs);
  for (const { folder } of known) {
    if ((await livesElsewhere(folder)) && isUnderWay(folder)) return folder;
  }
  terminal.say({ label: 'waiting', text: `for a run in ${runs}` });
  const old = new Set(known.map(({ id }) => id));
  const changes = new Changes(runs, systemClock);
  try {
    for (;;) {
      const begun = listRuns(runs).find(({ id }) => !old.has(id));
      if (begun !== undefined) return begun.folder;
      await changes.next();
    }
  } finally {
    changes.close();
  }
}

/** A session that waits for its next prompt is not: nobody knows whether one will come. */
function isUnderWay(folder: string): boolean {
  const fold = new RunFold();
  for (const record of readJournal(folder).records) fold.take(record);
  return isActive(fold.state);
}
