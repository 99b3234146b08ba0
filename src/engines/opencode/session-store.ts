/** The database of opencode's sessions, looked after around the starts of servers of ours. */
import { dirname } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { DatabaseError } from '../../core/errors.ts';
import { type Aside, type Copies, freeBytesAt } from '../../node/copies.ts';
import type { SessionStore } from '../../node/server/session-store.ts';
import { databaseFile, databaseFiles, databaseSentence, databaseTrouble } from './database.ts';
import type { Env } from './launch.ts';
import { databaseHealth, walHealth } from './sqlite-file.ts';

/** A start waits this long for a copy, ms. One that takes longer is given up as soon as the server writes. */
const COPY_WAIT_MS = 2_000;
/** What opencode 1.18.33 needs for a database that is not there yet, bytes: the file and its log, 250 KB each. */
const FULL_BYTES = 512 * 1024;

export interface OpencodeStoreOptions {
  /** What its servers are started with. */
  env: Env;
  /** Of the files of this database. */
  copies: Copies;
  clock: Clock;
  /** How many runs of this workspace have a session in it, as far as we know. */
  knownSessions(): number;
}

export function createSessionStore(options: OpencodeStoreOptions): SessionStore {
  const { env, copies } = options;
  const database = databaseFile(env);
  // Nothing of it is on disk.
  if (database === undefined)
    return { beforeStart: () => Promise.resolve([]), blame: () => Promise.resolve(undefined) };
  return {
    beforeStart: () => beforeStart(database, options).catch(() => []),
    async blame(words) {
      const told = databaseTrouble(words, env);
      if (told === undefined) return undefined;
      // A disk that is all but full keeps a log from being begun, which it tells like a file that may not be written.
      const trouble = told === 'read-only' && (await isFull(database)) ? 'full' : told;
      const sentence =
        trouble === 'damaged' ? await damagedSentence(database, copies) : databaseSentence(trouble, database);
      return new DatabaseError(trouble, sentence, words);
    },
  };
}

/** @throws the error of the system when the database cannot be looked at: the engine will say so itself. */
async function beforeStart(
  database: string,
  { copies, clock, knownSessions }: OpencodeStoreOptions,
): Promise<string[]> {
  const files = databaseFiles(database);
  const wal = `${database}-wal`;
  const isKnown = await copies.begin();
  const health = await databaseHealth(database);
  const walIs = await walHealth(wal);
  switch (health) {
    case 'good': {
      if (walIs !== 'damaged') {
        await atMost(COPY_WAIT_MS, copies.keep(files), clock);
        return [];
      }
      const aside = await copies.putAside(files);
      const lost = `What opencode wrote last to its database is damaged: ${wal}. It goes on without that.`;
      return [`${lost} ${asideSentence(aside)}`];
    }
    case 'damaged':
      // It says so itself, but by then it may have written into it.
      await copies.putAside(files);
      return [];
    case 'absent':
    case 'empty': {
      // It writes over what a log without its database holds.
      const aside = walIs === 'good' || walIs === 'damaged' ? await copies.putAside(files) : undefined;
      const sessions = isKnown ? knownSessions() : 0;
      if (sessions === 0) return [];
      return [await goneSentence(database, sessions, copies, aside)];
    }
  }
}

async function goneSentence(
  database: string,
  sessions: number,
  copies: Copies,
  aside: Aside | undefined,
): Promise<string> {
  const whose = sessions === 1 ? 'The session of 1 run is' : `The sessions of ${sessions} runs are`;
  const sentences = [
    `opencode's database is gone or empty, so it begins with a new one: ${database}.`,
    `${whose} not in it; the runs themselves are kept here.`,
    ...(aside === undefined ? [] : [asideSentence(aside)]),
    ...(await newestSentence(copies)),
  ];
  return sentences.join(' ');
}

async function damagedSentence(database: string, copies: Copies): Promise<string> {
  const sentences = [
    `opencode's database is damaged: ${database}.`,
    asideSentence(await copies.putAside(databaseFiles(database))),
    'To begin with an empty one, move it and the files named like it away, and try again.',
    ...(await newestSentence(copies)),
  ];
  return sentences.join(' ');
}

function asideSentence(aside: Aside): string {
  return 'folder' in aside
    ? `A copy of it as it is now is in ${aside.folder}.`
    : `No copy of it was made: ${aside.problem}.`;
}

async function newestSentence(copies: Copies): Promise<string[]> {
  const folder = await copies.newest();
  return folder === undefined
    ? []
    : [`The last copy from before is in ${folder}; putting its files in place brings that back.`];
}

async function isFull(database: string): Promise<boolean> {
  try {
    return (await freeBytesAt(dirname(database))) < FULL_BYTES;
  } catch {
    return false;
  }
}

function atMost(ms: number, work: Promise<void>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(ms, resolve);
    void work.then(() => {
      cancel();
      resolve();
    });
  });
}
