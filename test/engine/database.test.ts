import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseError } from '../../src/core/errors.ts';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { says, text } from '../fakes/model/steps.ts';
import { engineBinary } from './support/engine-process.ts';
import { type ProductBench, recordsOf, startProduct } from './support/product-bench.ts';

describe("the engine's database", function () {
  this.timeout(60_000);
  let bench: ProductBench;
  let database: string;
  /** Of the copies of this database. */
  let backups: string;
  /** A run with one turn in a session of its own. */
  let runId: string;
  /** The files of the database that has it. */
  let whole: { file: string; bytes: Buffer }[];

  const open: WorkspaceHost[] = [];
  const openHost = (): WorkspaceHost => {
    const host = bench.open();
    open.push(host);
    return host;
  };

  before(async () => {
    bench = await startProduct();
    bench.model.script(() => says(text('Done.')));
    database = join(bench.env['XDG_DATA_HOME']!, 'opencode', 'opencode.db');
    const host = bench.open();
    const run = await host.startSession();
    await host.prompt(run, 'Go');
    await run.ended();
    assert.equal(lastOutcome(run), 'ok: ');
    runId = run.id;
    await bench.close(host);
    const all = join(dirname(bench.folder), 'storage', 'backups');
    backups = join(all, readdirSync(all).join());
    whole = ['', '-wal', '-shm']
      .map((end) => database + end)
      .map((file) => ({ file, bytes: readFileSync(file) }));
  });
  beforeEach(() => {
    for (const { file, bytes } of whole) writeFileSync(file, bytes);
    for (const name of readdirSync(backups)) rmSync(join(backups, name), { recursive: true });
  });
  afterEach(() => Promise.all(open.splice(0).map((host) => bench.close(host))));
  after(() => bench.stop());

  /** Of all copies, by name. */
  const copies = (): Record<string, Buffer> =>
    Object.fromEntries(
      readdirSync(backups).flatMap((folder) =>
        readdirSync(join(backups, folder)).map((name) => [name, readFileSync(join(backups, folder, name))]),
      ),
    );
  const sessionsOf = (run: Run): string[] =>
    recordsOf(run, 'session-ready').map(({ sessionId }) => sessionId);
  const notes = (run: Run): string[] => recordsOf(run, 'note').map((note) => note.text);
  const lastOutcome = (run: Run): string => {
    const settled = recordsOf(run, 'turn-settled').at(-1);
    return `${settled?.outcome}: ${settled?.message ?? ''}`;
  };
  async function refusal(host: WorkspaceHost, run: Run): Promise<DatabaseError> {
    const error = await host.prompt(run, 'Again').then(
      () => assert.fail('it was sent'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof DatabaseError, String(error));
    return error;
  }

  it('damaged: is named, a copy is kept aside, and nothing of it is touched', async () => {
    const garbage = Buffer.alloc(64 * 1024, 'garbage ');
    // With its log beside it, the engine itself would write into the damaged file (1.18.33).
    for (const file of ['-wal', '-shm']) rmSync(database + file);
    writeFileSync(database, garbage);
    const host = openHost();
    const run = await host.startSession();
    const error = await refusal(host, run);
    assert.equal(error.trouble, 'damaged');
    assert.match(
      error.message,
      /^opencode's database is damaged: .*opencode\.db\. A copy of it as it is now is in .*\./,
    );
    assert.equal(host.server.state.reason, error.message);
    assert.deepEqual(readFileSync(database), garbage);
    assert.deepEqual(copies(), { 'opencode.db': garbage });
    // Trying again makes no more of them, and what it says to do helps.
    await refusal(host, run);
    assert.equal(readdirSync(backups).length, 1);
    rmSync(database);
    await host.prompt(run, 'Again');
    await run.ended();
    assert.equal(lastOutcome(run), 'ok: ');
  });

  it('gone: is told, with its log put aside; no other session takes the place of one that it held', async () => {
    rmSync(database);
    const host = openHost();
    const { run } = await host.open(runId);
    const before = sessionsOf(run);
    await host.prompt(run, 'Again');
    await run.ended();
    assert.match(
      notes(run).at(-1) ?? '',
      /^opencode's database is gone or empty, .*The sessions? of \d runs? (?:is|are) not in it; /,
    );
    assert.deepEqual(copies()['opencode.db-wal'], whole[1]?.bytes);
    assert.match(lastOutcome(run), /^error: .*does not know this session any more/);
    assert.deepEqual(sessionsOf(run), before);
    // It is told once, and a new session works.
    const next = await host.startSession();
    await host.prompt(next, 'Again');
    await next.ended();
    assert.equal(lastOutcome(next), 'ok: ');
    assert.deepEqual(notes(next), []);
  });

  it('locked by another program: is named, and all is well when that has ended', async () => {
    const host = openHost();
    const { run } = await host.open(runId);
    const script = `const { Database } = require('bun:sqlite');
      globalThis.held = new Database(${JSON.stringify(database)});
      held.run('BEGIN IMMEDIATE');
      console.log('locked');
      setInterval(() => {}, 1000);`;
    // The engine is Bun, and Bun has SQLite.
    const other = spawn(engineBinary(), ['-e', script], {
      env: { ...bench.env, BUN_BE_BUN: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(other.stdout, 'data');
      const error = await refusal(host, run);
      assert.equal(error.trouble, 'locked');
      assert.match(
        error.message,
        /^opencode's database is locked by another program: .*opencode\.db\. End that program/,
      );
    } finally {
      const ended = once(other, 'exit');
      other.kill('SIGKILL');
      await ended;
    }
    await host.prompt(run, 'Again');
    await run.ended();
    assert.equal(lastOutcome(run), 'ok: ');
    assert.equal(sessionsOf(run).length, 1);
  });

  it('whole: is copied before a server starts, once a day; the copy is the database', async () => {
    for (const prompt of ['First', 'Second']) {
      const host = bench.open();
      const { run } = await host.open(runId);
      await host.prompt(run, prompt);
      await run.ended();
      await bench.close(host);
    }
    const kept = copies();
    assert.deepEqual([kept['opencode.db'], kept['opencode.db-wal']], [whole[0]?.bytes, whole[1]?.bytes]);
    assert.equal(readdirSync(backups).length, 1);
  });
});
