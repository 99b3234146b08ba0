import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { parseDiff } from '../../../src/core/review/diff.ts';
import type { ReviewTarget } from '../../../src/core/review/finding.ts';
import { resolveTarget, type TargetLimits } from '../../../src/node/git/target.ts';
import { Repository } from './repositories.ts';

describe('the uncommitted changes', () => {
  let repository: Repository;
  const extra: Repository[] = [];

  beforeEach(() => (repository = new Repository()));
  afterEach(() => {
    for (const each of [repository, ...extra.splice(0)]) each.dispose();
  });

  const resolve = (folder = repository.root, limits?: TargetLimits) =>
    resolveTarget({ folder, target: 'uncommitted', ...(limits ? { limits } : {}) });
  const summary = ({ scope }: ReviewTarget) =>
    Object.fromEntries(
      scope.files.map(({ file, status, areas, additions, deletions }) => [
        file,
        `${status} ${areas.join('+')} +${additions} -${deletions}`,
      ]),
    );
  const skipped = ({ scope }: ReviewTarget) =>
    Object.fromEntries(scope.skipped.map(({ file, reason }) => [file, reason]));
  const addedTo = (target: ReviewTarget, file: string) =>
    parseDiff(target.diff)
      .filter((part) => part.file === file)
      .flatMap((part) =>
        part.hunks.flatMap((hunk) => hunk.lines.filter(({ sign }) => sign === '+').map(({ text }) => text)),
      );

  it('are staged, unstaged and untracked ones, each with its areas, measured against the commit of HEAD', async () => {
    const base = repository.commit({
      'a.ts': '1\n2\n3\n',
      'b.ts': 'b\n',
      'c.ts': 'c\n',
      '.gitignore': 'ignored\n',
    });
    repository.write('a.ts', '1\n2\nstaged\n');
    repository.git('add', 'a.ts');
    repository.write('a.ts', 'unstaged\n2\nstaged\n');
    repository.write('b.ts', 'B\n');
    repository.git('add', 'b.ts');
    repository.write('c.ts', 'c\nmore\n');
    repository.write('dir/new.ts', 'x\ny');
    repository.write('ignored', 'x');
    const target = await resolve();
    assert.deepEqual(summary(target), {
      'a.ts': 'modified staged+unstaged +2 -2',
      'b.ts': 'modified staged +1 -1',
      'c.ts': 'modified unstaged +1 -0',
      'dir/new.ts': 'added untracked +2 -0',
    });
    assert.deepEqual(addedTo(target, 'a.ts'), ['unstaged', 'staged']);
    assert.deepEqual(addedTo(target, 'dir/new.ts'), ['x', 'y']);
    const { title, root, branch, base: found, skipped: left } = target.scope;
    assert.deepEqual(
      { title, root, branch, found, left },
      { title: 'Uncommitted changes on main', root: repository.root, branch: 'main', found: base, left: [] },
    );
  });

  it('of an untracked file read as git would show them', async () => {
    repository.commit({ 'x.ts': 'x\n' });
    const files = {
      'no newline.ts': 'a\nb',
      'crlf.ts': 'a\r\nb\r\n',
      'empty.ts': '',
      'one.ts': 'a\n',
      'bom.ts': '\uFEFFa\n',
      'blank.ts': '\n\n',
      'a "q"\t\n.ts': 'q\n',
    };
    for (const [file, text] of Object.entries(files)) repository.write(file, text);
    repository.write('run.sh', 'x\n');
    chmodSync(join(repository.root, 'run.sh'), 0o755);
    const { diff } = await resolve();
    repository.git('-c', 'core.autocrlf=false', 'add', '--all');
    const shown = repository
      .git('-c', 'core.quotepath=off', 'diff', '--cached', '--no-renames')
      .replace(/^index .*\n/gm, '');
    const parts = (text: string) =>
      text
        .split(/^(?=diff --git )/m)
        .map((part) => part.trimEnd())
        .toSorted();
    assert.deepEqual(parts(diff), parts(shown));
  });

  it('name renames and deletions', async () => {
    const text = Array.from({ length: 30 }, (_, n) => `line ${n}\n`).join('');
    repository.commit({ 'old.ts': text, 'gone.ts': 'a\nb\n', 'gone-staged.ts': 'c\n', 'moved.ts': 'm\n' });
    repository.git('mv', 'old.ts', 'new.ts');
    repository.write('new.ts', `${text}more\n`);
    repository.remove('gone.ts');
    repository.git('rm', '--quiet', 'gone-staged.ts');
    renameSync(join(repository.root, 'moved.ts'), join(repository.root, 'there.ts'));
    const target = await resolve();
    assert.deepEqual(summary(target), {
      'gone-staged.ts': 'deleted staged +0 -1',
      'gone.ts': 'deleted unstaged +0 -2',
      'moved.ts': 'deleted unstaged +0 -1',
      'new.ts': 'renamed staged+unstaged +1 -0',
      'there.ts': 'added untracked +1 -0',
    });
    assert.equal(target.scope.files.find(({ file }) => file === 'new.ts')?.oldFile, 'old.ts');
  });

  it('work in a repository without commits: everything is added, there is no base', async () => {
    repository.write('staged.ts', 'a\n');
    repository.git('add', 'staged.ts');
    repository.write('untracked.ts', 'b\n');
    const target = await resolve();
    assert.deepEqual(summary(target), {
      'staged.ts': 'added staged +1 -0',
      'untracked.ts': 'added untracked +1 -0',
    });
    assert.equal(target.scope.title, 'Uncommitted changes on main (no commits yet)');
    assert.ok(!('base' in target.scope));
  });

  it('may be none', async () => {
    repository.commit({ 'a.ts': 'a\n' });
    const target = await resolve();
    assert.deepEqual([target.scope.files, target.scope.skipped, target.diff], [[], [], '']);
  });

  it('skip by name and reason what cannot be reviewed', async () => {
    extra.push(new Repository());
    extra[0]?.commit({ 'x.ts': 'x\n' });
    repository.commit({
      'logo.png': Uint8Array.of(1, 0, 2),
      'latin.txt': 'a\n',
      link: 'was a file\n',
      'marked.ts': 'a\n',
    });
    repository.git('submodule', '--quiet', 'add', extra[0]?.root ?? '', 'sub');
    repository.write('logo.png', Uint8Array.of(1, 0, 3));
    repository.write('new.png', Uint8Array.of(0x89, 0, 1));
    repository.write('latin.txt', Uint8Array.of(0xe9, 0x0a));
    repository.write('new-latin.txt', Uint8Array.of(0xe9, 0x0a));
    repository.write('big.txt', 'x'.repeat(300_000));
    repository.write('.gitattributes', 'marked.ts -diff\n');
    repository.write('marked.ts', 'b\n');
    repository.remove('link');
    symlinkSync('/etc/passwd', join(repository.root, 'link'));
    symlinkSync('a.ts', join(repository.root, 'new-link'));
    mkdirSync(join(repository.root, 'nested'));
    repository.git('init', '--quiet', 'nested');
    repository.write('nested/x.ts', 'x\n');
    const target = await resolve();
    assert.deepEqual(skipped(target), {
      'big.txt': 'larger than 256 KiB (293 KiB)',
      'latin.txt': 'text that is not UTF-8',
      link: 'symbolic link',
      'logo.png': 'binary, or marked as such in .gitattributes',
      'marked.ts': 'binary, or marked as such in .gitattributes',
      'nested/': 'a repository of its own inside of this one',
      'new-latin.txt': 'text that is not UTF-8',
      'new-link': 'symbolic link',
      'new.png': 'binary',
      sub: 'submodule: its changes belong to its own repository',
    });
    assert.deepEqual(Object.keys(summary(target)), ['.gitattributes', '.gitmodules']);
  });

  it('skip by name what does not fit, and still take what does', async () => {
    repository.commit({ 'gone.txt': 'x\n'.repeat(5000) });
    repository.remove('gone.txt');
    repository.write('a.txt', 'a'.repeat(700));
    repository.write('b.txt', 'b'.repeat(700));
    repository.write('c.txt', 'c\n');
    const target = await resolve(repository.root, { fileBytes: 1000, diffBytes: 1200, files: 10 });
    assert.deepEqual(Object.keys(summary(target)), ['a.txt', 'c.txt']);
    assert.deepEqual(skipped(target), {
      'b.txt': 'no room left: all diffs together may be 1.2 KiB',
      'gone.txt': 'its diff is larger than 2 KiB',
    });
    assert.ok(Buffer.byteLength(target.diff) <= 1200);
  });

  it('are refused when there are more files than a list can hold', async () => {
    for (const file of ['a', 'b', 'c']) repository.write(file, 'x\n');
    await assert.rejects(resolve(repository.root, { fileBytes: 1000, diffBytes: 1200, files: 2 }), {
      name: 'TargetError',
      message: /^3 files have changed, more than a review takes in \(2\)/,
    });
  });

  it('keep names with blanks, quotes, letters of all kinds and line breaks', async () => {
    const names = [
      'a b.ts',
      '"q".ts',
      'ünï.ts',
      '日本.ts',
      'new\nline.ts',
      'tab\t.ts',
      '-dash.ts',
      ':(glob)*.ts',
      'back\\slash.ts',
      '{a,b}[c]?.ts',
    ];
    repository.commit(Object.fromEntries(names.map((name) => [name, 'old\n'])));
    for (const name of names) repository.write(name, 'new\n');
    for (const name of names) repository.write(`untracked/${name}`, 'u\n');
    const target = await resolve();
    const all = [...names, ...names.map((name) => `untracked/${name}`)];
    assert.deepEqual(target.scope.files.map(({ file }) => file).toSorted(), all.toSorted());
    for (const name of all) assert.equal(addedTo(target, name).length, 1, name);
  });

  it('are those of the whole repository when a folder of it is opened, and the title says so', async () => {
    repository.commit({ 'a.ts': 'a\n', 'app/b.ts': 'b\n' });
    repository.write('a.ts', 'A\n');
    repository.write('app/b.ts', 'B\n');
    const target = await resolve(join(repository.root, 'app'));
    assert.deepEqual(Object.keys(summary(target)), ['a.ts', 'app/b.ts']);
    assert.match(
      target.scope.title,
      /^Uncommitted changes on main \(the whole repository holdfast-git-\w+\)$/,
    );
    assert.equal(target.scope.root, repository.root);
  });

  it('work on a detached HEAD', async () => {
    const base = repository.commit({ 'a.ts': 'a\n' });
    repository.git('checkout', '--quiet', '--detach');
    repository.write('a.ts', 'A\n');
    const { scope } = await resolve();
    assert.equal(scope.title, `Uncommitted changes on a detached HEAD at ${base.slice(0, 10)}`);
    assert.ok(!('branch' in scope));
  });

  it('show files in conflict as they stand, and the title says that a merge is under way', async () => {
    repository.commit({ 'a.ts': 'base\n' });
    repository.git('checkout', '--quiet', '-b', 'other');
    repository.commit({ 'a.ts': 'theirs\n' });
    repository.git('checkout', '--quiet', 'main');
    repository.commit({ 'a.ts': 'ours\n' });
    assert.throws(() => repository.git('merge', '--quiet', 'other'));
    const target = await resolve();
    assert.equal(target.scope.title, 'Uncommitted changes on main (merge under way, conflicts in 1 file)');
    assert.deepEqual(summary(target), { 'a.ts': 'modified staged+unstaged +4 -0' });
    assert.ok(addedTo(target, 'a.ts').includes('theirs'));
  });

  it('include what is only meant to be added', async () => {
    repository.commit({ 'a.ts': 'a\n' });
    repository.write('later.ts', 'x\n');
    repository.git('add', '--intent-to-add', 'later.ts');
    assert.deepEqual(summary(await resolve()), { 'later.ts': 'added unstaged +1 -0' });
  });

  it('compare a file that was only taken out of the index with what it was', async () => {
    repository.commit({ 'a.ts': 'a\nb\n' });
    repository.git('rm', '--quiet', '--cached', 'a.ts');
    repository.write('a.ts', 'a\nB\n');
    assert.deepEqual(summary(await resolve()), { 'a.ts': 'modified staged+untracked +1 -1' });
  });

  it('name what was staged and then undone', async () => {
    repository.commit({ 'a.ts': 'a\n' });
    repository.write('a.ts', 'A\n');
    repository.write('b.ts', 'b\n');
    repository.git('add', '--all');
    repository.write('a.ts', 'a\n');
    repository.remove('b.ts');
    const target = await resolve();
    assert.deepEqual(target.scope.files, []);
    const reason = 'staged, but the working file is as in the base';
    assert.deepEqual(skipped(target), { 'a.ts': reason, 'b.ts': reason });
  });

  it('tell a file that gave way to a folder of its name from what is in it', async () => {
    repository.commit({ a: 'file\n' });
    repository.remove('a');
    repository.write('a/b.ts', 'b\n');
    repository.git('add', '--all');
    assert.deepEqual(summary(await resolve()), { a: 'deleted staged +0 -1', 'a/b.ts': 'added staged +1 -0' });
  });

  it('keep carriage returns of the file', async () => {
    repository.commit({ 'a.ts': 'a\r\nb\r\n' });
    repository.write('a.ts', 'a\r\nB\r\n');
    assert.deepEqual(addedTo(await resolve(), 'a.ts'), ['B\r']);
  });

  it('read the same whatever the repository has set for diffs, and run none of its programs', async () => {
    const settings = {
      'diff.noprefix': 'true',
      'diff.mnemonicPrefix': 'true',
      'diff.context': '0',
      'diff.external': 'touch ran-external;',
      'diff.suppressBlankEmpty': 'true',
      'diff.renames': 'false',
      'diff.relative': 'true',
      'color.ui': 'always',
      'core.quotepath': 'true',
      'core.fsmonitor': 'touch ran-monitor;',
      'status.showUntrackedFiles': 'no',
      'diff.x.textconv': 'touch ran-textconv; cat',
      'diff.x.command': 'touch ran-command;',
    };
    repository.commit({ 'ü.ts': '1\n2\n\n4\n5\n', '.gitattributes': '*.ts diff=x\n' });
    repository.write('ü.ts', '1\n2\n\nfour\n5\n');
    repository.write('new.ts', 'x\n');
    const plain = await resolve();
    for (const [name, value] of Object.entries(settings)) repository.git('config', name, value);
    const configured = await resolve();
    assert.deepEqual(configured, plain);
    assert.equal(Object.keys(summary(plain)).length, 2);
  });

  it('write nothing to the repository, not even to freshen its index', async () => {
    repository.commit({ 'a.ts': 'a\n', 'b.ts': 'b\n' });
    repository.write('a.ts', 'A\n');
    repository.write('new.ts', 'x\n');
    // A stale time is what makes git want to rewrite the index.
    utimesSync(join(repository.root, 'b.ts'), 1e9, 1e9);
    const before = repository.fingerprint();
    const target = await resolve();
    assert.equal(repository.fingerprint(), before);
    assert.deepEqual(Object.keys(summary(target)), ['a.ts', 'new.ts']);
    assert.deepEqual(target.scope.skipped, []);
  });

  it('are those of the folder, though variables of a hook name another repository', async () => {
    const other = new Repository();
    extra.push(other);
    repository.commit({ 'a.ts': 'a\n' });
    repository.write('a.ts', 'A\n');
    const variables = {
      GIT_DIR: join(other.root, '.git'),
      GIT_WORK_TREE: other.root,
      GIT_INDEX_FILE: join(other.root, 'index'),
    };
    const target = await withEnvironment(variables, () => resolve());
    assert.deepEqual(Object.keys(summary(target)), ['a.ts']);
  });

  describe('cannot be had', () => {
    const refused = (folder: string, message: RegExp) =>
      assert.rejects(resolve(folder), { name: 'TargetError', message });

    it('without git', async () => {
      await withEnvironment({ PATH: repository.root }, () =>
        refused(repository.root, /^git was not found; install it/),
      );
    });

    it('outside of a repository, and where no folder is', async () => {
      repository.git('init', '--quiet', '.');
      repository.dispose();
      mkdirSync(repository.root);
      await refused(repository.root, /is not in a git repository, so there are no changes to review\.$/);
      await refused(join(repository.root, 'none'), /^The folder .* cannot be opened\.$/);
    });

    it('in a bare repository, or inside of git’s own folder', async () => {
      const bare = new Repository('--bare');
      extra.push(bare);
      await refused(bare.root, /is a bare repository: it has no working files to review\.$/);
      await refused(
        join(repository.root, '.git'),
        /is inside of git's own folder; open the working files instead\.$/,
      );
    });

    it('when another user owns the repository', async () => {
      const path = process.env['PATH'] ?? '';
      const script = `#!/bin/sh\nPATH='${path}' GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git "$@"\n`;
      repository.write('.git/bin/git', script);
      const bin = join(repository.root, '.git/bin');
      chmodSync(join(bin, 'git'), 0o755);
      const environment = { PATH: bin, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
      await withEnvironment(environment, () =>
        refused(repository.root, /because it belongs to another user; .* safe\.directory setting\.$/),
      );
    });

    it('when HEAD names nothing', async () => {
      repository.write('.git/HEAD', `${'0'.repeat(39)}1\n`);
      await refused(
        repository.root,
        /^The HEAD of the repository at .* names no commit; the repository seems damaged\.$/,
      );
    });

    it('when the index is damaged, with the words of git', async () => {
      repository.commit({ 'a.ts': 'a\n' });
      repository.write('.git/index', 'nonsense');
      await refused(repository.root, /^The changes cannot be listed; git says: /);
    });

    it('for a target that is not built', async () => {
      await assert.rejects(resolveTarget({ folder: repository.root, target: 'staged' }), {
        name: 'TargetError',
      });
    });
  });
});

async function withEnvironment<T>(variables: Record<string, string>, run: () => Promise<T>): Promise<T> {
  const before = new Map(Object.keys(variables).map((name) => [name, process.env[name]]));
  Object.assign(process.env, variables);
  try {
    return await run();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}
