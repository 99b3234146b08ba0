import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Copies, MAX_ASIDE, MAX_KEPT } from '../../src/node/copies.ts';

const DAY_MS = 24 * 3_600_000;
const MUCH = 2 ** 40;

describe('copies', () => {
  let root: string;
  let files: string[];
  let now: number;
  let free: number;
  let copies: Copies;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-copies-'));
    files = ['a.db', 'a.db-wal', 'a.db-shm'].map((name) => path.join(root, name));
    now = Date.now();
    write('one', 'two');
    free = MUCH;
    copies = new Copies(
      path.join(root, 'copies'),
      () => now,
      () => Promise.resolve(free),
    );
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  /** The last of them need not be there. */
  function write(...texts: string[]): void {
    for (const [index, text] of texts.entries()) {
      fs.writeFileSync(files[index]!, text);
      fs.utimesSync(files[index]!, now / 1000, now / 1000);
    }
  }
  const folders = (): string[] => fs.readdirSync(path.join(root, 'copies'));
  const contents = (folder: string | undefined): Record<string, string> =>
    Object.fromEntries(
      fs
        .readdirSync(folder ?? '')
        .map((name) => [name, fs.readFileSync(path.join(folder ?? '', name), 'utf8')]),
    );

  it('knows whether it was begun before', async () => {
    assert.deepEqual([await copies.begin(), await copies.begin()], [false, true]);
  });

  it('keeps what is there, together, at most once a day, and only what has changed', async () => {
    await copies.keep(files);
    assert.deepEqual(contents(await copies.newest()), { 'a.db': 'one', 'a.db-wal': 'two' });
    now += 1000;
    write('three');
    await copies.keep(files);
    assert.equal(folders().length, 1);
    now += 2 * DAY_MS;
    await copies.keep(files);
    assert.deepEqual(contents(await copies.newest()), { 'a.db': 'three', 'a.db-wal': 'two' });
    now += 2 * DAY_MS;
    await copies.keep(files);
    assert.equal(folders().length, 2);
  });

  it('keeps the newest of them', async () => {
    for (let day = 0; day < MAX_KEPT + 2; day++) {
      write(`day ${day}`);
      await copies.keep(files);
      now += 2 * DAY_MS;
    }
    assert.equal(folders().length, MAX_KEPT);
    assert.equal(contents(await copies.newest())['a.db'], `day ${MAX_KEPT + 1}`);
  });

  it('leaves the disk its room', async () => {
    free = 1024;
    await copies.keep(files);
    assert.equal(await copies.newest(), undefined);
    assert.deepEqual(await copies.putAside(files), { problem: 'there is too little room on the disk' });
    assert.deepEqual(folders(), []);
  });

  it('puts what is damaged aside once, and touches nothing of it', async () => {
    const first = await copies.putAside(files);
    assert.deepEqual(await copies.putAside(files), first);
    assert.deepEqual(contents('folder' in first ? first.folder : undefined), {
      'a.db': 'one',
      'a.db-wal': 'two',
    });
    assert.deepEqual(
      files.slice(0, 2).map((file) => fs.readFileSync(file, 'utf8')),
      ['one', 'two'],
    );
    assert.equal(folders().length, 1);
    // What is damaged is no copy to go back to.
    assert.equal(await copies.newest(), undefined);
  });

  it('removes nothing that was put aside: beyond a bound it says that there is no copy', async () => {
    for (let count = 0; count < MAX_ASIDE; count++) {
      write(`damage ${'x'.repeat(count)}`);
      await copies.putAside(files);
      now += 1000;
    }
    write('damage of another kind');
    const last = await copies.putAside(files);
    assert.match('problem' in last ? last.problem : '', /^3 are kept in .*copies already$/);
    assert.equal(folders().length, MAX_ASIDE);
  });

  it('clears away what a process left that died over it', async () => {
    await copies.keep(files);
    fs.mkdirSync(path.join(root, 'copies', '.partial-00'));
    write('three');
    now += 2 * DAY_MS;
    await copies.keep(files);
    assert.equal(folders().filter((name) => name.startsWith('.')).length, 0);
  });

  it('hinders nobody where its folder cannot be made', async () => {
    fs.writeFileSync(path.join(root, 'copies'), '');
    assert.equal(await copies.begin(), false);
    await copies.keep(files);
    assert.deepEqual(await copies.putAside(files), {
      problem: 'something else is in its place. Move that away and try again',
    });
  });
});
