/** Where opencode has its database and its log, and what it says when the database keeps it from working. */
import { join } from 'node:path';
import type { DatabaseTrouble } from '../../core/errors.ts';
import { dataFolder, dataPath, type Env } from './launch.ts';

/** The file with the sessions; undefined when they are kept in memory alone. */
export function databaseFile(env: Env): string | undefined {
  const named = env['OPENCODE_DB'];
  if (named === ':memory:') return undefined;
  return named === undefined || named === '' ? join(dataPath(env), 'opencode.db') : dataPath(env);
}

/** What belongs to a database: it is whole only with what was written last, which is in the log beside it. */
export function databaseFiles(database: string): string[] {
  return [database, `${database}-wal`, `${database}-shm`];
}

/** One file for all servers, appended to for ever. */
export function logFile(env: Env): string {
  return join(dataFolder(env), 'log', 'opencode.log');
}

/**
 * What 1.18.33 says, on stderr before it exits with code 1, or in its log under the reference that an answer 500 gives:
 *
 * | the database is                              | it                                                             |
 * | -------------------------------------------- | -------------------------------------------------------------- |
 * | overwritten with something else              | exits, `file is not a database`                                |
 * | cut short, or overwritten in the middle      | exits, `database disk image is malformed`; where a log lies    |
 * |                                              | beside it, that is written into the damaged file, and removed  |
 * | gone or emptied, with or without its log     | starts with no sessions, and overwrites the log                |
 * | whole, and its log is damaged                | starts without what was in the log, and overwrites it          |
 * | held by an open write of somebody else       | starts; routes that write answer 500 after 5 s, the first one  |
 * |                                              | of a workspace among them. `prompt_async` answers 204 and      |
 * |                                              | loses the prompt, with a `session.error` 5 s later             |
 * | held with `locking_mode=exclusive`           | exits, `database is locked`                                    |
 * | on a full disk, and there is none yet        | exits, `database or disk is full`                              |
 * | on a full disk                               | starts; writes answer 500 once its log has to grow             |
 * | on read-only storage                         | exits, `EROFS: …, mkdir` or `Unknown: FileSystem.open` for its |
 * |                                              | own log; of a folder that is somebody else's `PermissionDenied`|
 * | a file that may not be written               | exits, `Failed query: PRAGMA wal_checkpoint(PASSIVE)`          |
 * | a folder, unreadable, or in no folder        | exits, `unable to open database file`                          |
 * | removed while it runs                        | goes on in the removed file; the next start finds none         |
 */
const WORDS: readonly (readonly [DatabaseTrouble, RegExp])[] = [
  ['damaged', /database disk image is malformed|file is not a database/],
  ['locked', /database (?:table )?is locked/],
  ['full', /database or disk is full|ENOSPC|no space left on device/],
  ['read-only', /readonly database|PRAGMA wal_checkpoint/],
  ['unusable', /unable to open database file/],
];

/** These count only where they are about the engine's own folder. */
const FOLDER_WORDS: readonly (readonly [DatabaseTrouble, RegExp])[] = [
  ['read-only', /EROFS|EACCES|EPERM|PermissionDenied|Unknown: FileSystem\.open/],
  ['unusable', /EEXIST|ENOTDIR/],
];

/** What is wrong with the database, going by what the engine wrote; undefined when that is about something else. */
export function databaseTrouble(words: string, env: Env): DatabaseTrouble | undefined {
  const known = words.includes(dataFolder(env)) ? [...WORDS, ...FOLDER_WORDS] : WORDS;
  return known.find(([, pattern]) => pattern.test(words))?.[0];
}

/** Sentences for people: what is wrong, and what to do. */
export function databaseSentence(trouble: Exclude<DatabaseTrouble, 'damaged'>, file: string): string {
  switch (trouble) {
    case 'locked':
      return `opencode's database is locked by another program: ${file}. End that program, or wait for it, and try again.`;
    case 'full':
      return `opencode cannot write its database, as the disk is full: ${file}. Free some space and try again.`;
    case 'read-only':
      return `opencode cannot write its database: ${file}, or its folder, is read-only or not yours. Change that and try again.`;
    case 'unusable':
      return `opencode cannot open its database: ${file} is no file, or its folder is not there. Put that right and try again.`;
  }
}
