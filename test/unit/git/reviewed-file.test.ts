import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readReviewedFile } from '../../../src/node/git/reviewed-file.ts';
import { Repository } from './repositories.ts';

describe('a file under review', () => {
  let repository: Repository;
  let root: string;
  before(() => {
    repository = new Repository();
    root = join(repository.root, 'root');
    repository.write('root/src/ü a.ts', 'text\n');
    repository.write('root/..odd.ts', 'odd\n');
    repository.write('secret.txt', 'secret\n');
    repository.write('root-twin/x.ts', 'secret\n');
    repository.write('root/large.txt', 'x'.repeat(1024 * 1024 + 1));
    symlinkSync('../secret.txt', join(root, 'out'));
    symlinkSync('..', join(root, 'up'));
    symlinkSync('src/ü a.ts', join(root, 'inside'));
    symlinkSync('nowhere', join(root, 'dangling'));
    mkdirSync(join(root, 'folder'));
  });
  after(() => repository.dispose());

  for (const [file, text] of [
    ['src/ü a.ts', 'text\n'],
    ['..odd.ts', 'odd\n'],
    ['inside', 'text\n'],
  ] as const) {
    it(`is read: ${file}`, async () => assert.equal(await readReviewedFile(root, file), text));
  }

  for (const file of [
    '',
    '.',
    '..',
    '../secret.txt',
    'src/../../secret.txt',
    '../root-twin/x.ts',
    '/etc/hostname',
    'out',
    'up/secret.txt',
    'dangling',
    'none.ts',
    'folder',
    'large.txt',
    'a\0b',
  ]) {
    it(`is not read: ${JSON.stringify(file)}`, async () =>
      assert.equal(await readReviewedFile(root, file), undefined));
  }

  it('is read through a link that leads to the root itself', async () => {
    symlinkSync(root, join(repository.root, 'alias'));
    assert.equal(await readReviewedFile(join(repository.root, 'alias'), 'src/ü a.ts'), 'text\n');
  });
});
