import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileInside } from '../../../src/vscode/inside.ts';

describe('A file that the panel asks for', () => {
  let base: string;
  let root: string;
  beforeEach(() => {
    base = realpathSync(mkdtempSync(path.join(tmpdir(), 'inside-')));
    root = path.join(base, 'work');
    mkdirSync(path.join(root, 'src'), { recursive: true });
    writeFileSync(path.join(root, 'src/pay.ts'), '');
    writeFileSync(path.join(root, '..secret.ts'), '');
    mkdirSync(path.join(base, 'work-other'));
    writeFileSync(path.join(base, 'work-other/a.ts'), '');
    writeFileSync(path.join(base, 'outside.ts'), '');
  });
  afterEach(() => rmSync(base, { recursive: true }));

  it('is opened inside the workspace', async () => {
    assert.equal(await fileInside([root], 'src/pay.ts'), path.join(root, 'src/pay.ts'));
    assert.equal(await fileInside([root], 'src/../src/pay.ts'), path.join(root, 'src/pay.ts'));
    assert.equal(await fileInside([root], '..secret.ts'), path.join(root, '..secret.ts'));
  });

  it('is looked for in each root in turn', async () => {
    assert.equal(
      await fileInside([path.join(root, 'src'), root], 'src/pay.ts'),
      path.join(root, 'src/pay.ts'),
    );
    assert.equal(
      await fileInside([path.join(base, 'gone'), root], 'src/pay.ts'),
      path.join(root, 'src/pay.ts'),
    );
  });

  it('is refused outside: by dots, by an absolute path, in a folder with a like name', async () => {
    for (const file of [
      '../outside.ts',
      'src/../../outside.ts',
      path.join(base, 'outside.ts'),
      path.join(root, 'src/pay.ts'),
      '../work-other/a.ts',
      '',
    ]) {
      assert.equal(await fileInside([root], file), undefined, file);
    }
  });

  it('is refused behind a symbolic link that leads out, and opened behind one that stays in', async () => {
    symlinkSync(path.join(base, 'outside.ts'), path.join(root, 'link.ts'));
    symlinkSync(base, path.join(root, 'up'));
    symlinkSync(path.join(root, 'src'), path.join(root, 'code'));
    assert.equal(await fileInside([root], 'link.ts'), undefined);
    assert.equal(await fileInside([root], 'up/outside.ts'), undefined);
    assert.equal(await fileInside([root], 'code/pay.ts'), path.join(root, 'src/pay.ts'));
  });

  it('is no folder, and has to be there', async () => {
    assert.equal(await fileInside([root], 'src'), undefined);
    assert.equal(await fileInside([root], '.'), undefined);
    assert.equal(await fileInside([root], 'src/gone.ts'), undefined);
  });
});
