import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changedSince } from '../../../src/node/git/changed-since.ts';
import { Repository } from './repositories.ts';

describe('what has changed since a turn began', () => {
  let repository: Repository;
  /** Sets the time of a file, s since the epoch. */
  const touch = (file: string, seconds: number): void =>
    utimesSync(join(repository.root, file), seconds, seconds);

  beforeEach(() => {
    repository = new Repository();
    repository.commit({ 'a.ts': 'a', 'b.ts': 'b', 'c.ts': 'c' });
  });
  afterEach(() => rmSync(repository.root, { recursive: true, force: true }));

  it('is what was written after, the latest first; neither what was changed before nor what is as committed', async () => {
    for (const file of ['a.ts', 'b.ts', 'new.ts']) repository.write(file, 'changed');
    touch('a.ts', 1000);
    touch('b.ts', 2000);
    touch('new.ts', 3000);
    touch('c.ts', 4000);
    repository.remove('c.ts');
    assert.deepEqual(await changedSince(repository.root, 2_000_000), ['new.ts', 'b.ts']);
    assert.deepEqual(await changedSince(repository.root, 3_000_001), []);
  });

  it('is not known outside of a repository', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-none-'));
    try {
      assert.equal(await changedSince(folder, 0), undefined);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
