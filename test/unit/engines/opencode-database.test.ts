import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { DatabaseError } from '../../../src/core/errors.ts';
import { databaseFile, databaseTrouble } from '../../../src/engines/opencode/database.ts';
import { createSessionStore } from '../../../src/engines/opencode/session-store.ts';
import { databaseHealth, walHealth } from '../../../src/engines/opencode/sqlite-file.ts';
import { Copies } from '../../../src/node/copies.ts';
import type { SessionStore } from '../../../src/node/server/session-store.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';

const PAGE_BYTES = 4096;

/** The file of a database with so many pages. */
function sqlite(pages: number): Buffer {
  const file = Buffer.alloc(pages * PAGE_BYTES);
  file.write('SQLite format 3\0', 'latin1');
  file.writeUInt16BE(PAGE_BYTES, 16);
  file.writeUInt32BE(pages, 28);
  return file;
}

const WAL = Buffer.concat([Buffer.from([0x37, 0x7f, 0x06, 0x82]), Buffer.alloc(1000)]);

describe("opencode's database", () => {
  let root: string;
  let env: Record<string, string>;
  let database: string;
  let sessions: number;
  let store: SessionStore;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-database-'));
    env = { XDG_DATA_HOME: path.join(root, 'data') };
    database = path.join(root, 'data', 'opencode', 'opencode.db');
    fs.mkdirSync(path.dirname(database), { recursive: true });
    sessions = 2;
    const copies = new Copies(
      path.join(root, 'backups'),
      () => Date.now(),
      () => Promise.resolve(2 ** 40),
    );
    store = createSessionStore({ env, copies, clock: new FakeClock(), knownSessions: () => sessions });
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  const put = (bytes: Buffer | undefined, wal: Buffer | undefined): void => {
    for (const [file, content] of [
      [database, bytes],
      [`${database}-wal`, wal],
    ] as const) {
      if (content === undefined) fs.rmSync(file, { force: true });
      else fs.writeFileSync(file, content);
    }
  };
  const backups = (): string[] => fs.readdirSync(path.join(root, 'backups'));

  it('is where the environment says', () => {
    assert.equal(databaseFile(env), database);
    assert.equal(databaseFile({ ...env, OPENCODE_DB: 'x.db' }), path.join(path.dirname(database), 'x.db'));
    assert.equal(databaseFile({ ...env, OPENCODE_DB: path.join(root, 'y.db') }), path.join(root, 'y.db'));
    assert.equal(databaseFile({ ...env, OPENCODE_DB: ':memory:' }), undefined);
  });

  it('is at fault where 1.18.33 says so, in its many words', () => {
    const data = path.dirname(database);
    const error = (words: string): string =>
      `\u001b[91m\u001b[1mError: \u001b[0mUnexpected error\n\n${words}\n\n`;
    const seen: [string, string | undefined][] = [
      [error('file is not a database'), 'damaged'],
      [error('database disk image is malformed'), 'damaged'],
      [error('database is locked'), 'locked'],
      [error('database or disk is full'), 'full'],
      [error('unable to open database file'), 'unusable'],
      [error('Failed query: PRAGMA wal_checkpoint(PASSIVE)\nparams: '), 'read-only'],
      [error(`Unknown: FileSystem.open (${data}/log/opencode.log)`), 'read-only'],
      [error(`PermissionDenied: FileSystem.open (${data}/log/opencode.log)`), 'read-only'],
      [`EROFS: read-only file system, mkdir '${data}'\n    path: "${data}",\n syscall: "mkdir"`, 'read-only'],
      [`EEXIST: file already exists, mkdir '${data}'\n    path: "${data}",\n syscall: "mkdir"`, 'unusable'],
      ["EACCES: permission denied, open '/somewhere/else'", undefined],
      ['Config file at /c/opencode.json is not valid JSON(C)', undefined],
    ];
    for (const [words, trouble] of seen) assert.equal(databaseTrouble(words, env), trouble, words);
  });

  it('is seen to be damaged by its first bytes, or by its length', async () => {
    const looks = async (bytes: Buffer | undefined): Promise<string> => {
      put(bytes, undefined);
      return databaseHealth(database);
    };
    assert.equal(await looks(undefined), 'absent');
    assert.equal(await looks(Buffer.alloc(0)), 'empty');
    assert.equal(await looks(sqlite(3)), 'good');
    assert.equal(await looks(sqlite(3).subarray(0, 2 * PAGE_BYTES)), 'damaged');
    assert.equal(await looks(sqlite(3).subarray(0, 10_000)), 'damaged');
    assert.equal(await looks(Buffer.alloc(PAGE_BYTES, 'garbage ')), 'damaged');
    assert.equal(await looks(Buffer.alloc(10, 'garbage ')), 'damaged');
    put(undefined, WAL);
    assert.equal(await walHealth(`${database}-wal`), 'good');
    put(undefined, Buffer.alloc(1000, 0xff));
    assert.equal(await walHealth(`${database}-wal`), 'damaged');
  });

  it('is copied before a start while it is whole, with nothing to say', async () => {
    put(sqlite(3), WAL);
    assert.deepEqual(await store.beforeStart(), []);
    assert.deepEqual(fs.readdirSync(path.join(root, 'backups', backups().join())), [
      'opencode.db',
      'opencode.db-wal',
    ]);
  });

  it('is put aside as it is before the engine writes into what is damaged of it', async () => {
    const damaged = sqlite(3).subarray(0, 10_000);
    put(damaged, WAL);
    assert.deepEqual(await store.beforeStart(), []);
    assert.deepEqual(fs.readFileSync(path.join(root, 'backups', backups().join(), 'opencode.db')), damaged);
    const error = await store.blame('Error: Unexpected error\n\ndatabase disk image is malformed\n');
    assert.ok(error instanceof DatabaseError);
    assert.equal(error.trouble, 'damaged');
    const [folder] = backups();
    assert.equal(
      error.message,
      `opencode's database is damaged: ${database}. A copy of it as it is now is in ${path.join(root, 'backups', folder ?? '')}. ` +
        'To begin with an empty one, move it and the files named like it away, and try again.',
    );
    assert.equal(backups().length, 1);
  });

  it('names the last copy of when it was whole', async () => {
    put(sqlite(3), WAL);
    await store.beforeStart();
    const [kept] = backups();
    put(Buffer.alloc(PAGE_BYTES, 'garbage '), WAL);
    const error = await store.blame('file is not a database');
    assert.match(
      error?.message ?? '',
      new RegExp(`The last copy from before is in .*${kept}; putting its files in place`),
    );
  });

  it('that is gone is told where runs had sessions in it, and not where it never was', async () => {
    put(undefined, undefined);
    assert.deepEqual(await store.beforeStart(), []);
    const [told, ...more] = await store.beforeStart();
    assert.match(
      told ?? '',
      /^opencode's database is gone or empty, so it begins with a new one: .*\. The sessions of 2 runs are not in it; the runs themselves are kept here\.$/,
    );
    assert.deepEqual(more, []);
    sessions = 0;
    assert.deepEqual(await store.beforeStart(), []);
  });

  it('whose log is left alone, or damaged, is put aside before the engine writes over that', async () => {
    put(Buffer.alloc(0), WAL);
    await store.beforeStart();
    assert.match((await store.beforeStart()).join(), /gone or empty.* A copy of it as it is now is in /);
    put(sqlite(3), Buffer.alloc(1000, 0xff));
    assert.match(
      (await store.beforeStart()).join(),
      /^What opencode wrote last to its database is damaged: .*-wal\. It goes on without that\. A copy of it as it is now is in /,
    );
    assert.equal(backups().length, 2);
  });

  it('in memory is nothing to look after', async () => {
    const copies = new Copies(path.join(root, 'backups'), () => Date.now());
    const none = createSessionStore({
      env: { ...env, OPENCODE_DB: ':memory:' },
      copies,
      clock: new FakeClock(),
      knownSessions: () => 1,
    });
    assert.deepEqual(await none.beforeStart(), []);
    assert.equal(await none.blame('database is locked'), undefined);
  });
});
