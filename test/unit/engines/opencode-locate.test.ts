import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EngineMissingError } from '../../../src/core/errors.ts';
import { locateOpencode } from '../../../src/engines/opencode/locate.ts';
import { isOlder } from '../../../src/engines/opencode/versions.ts';

const script = (says: string): string => `#!/bin/sh\necho "${says}"\n`;

describe('finding opencode', function () {
  if (process.platform === 'win32') return;
  let root: string;
  let env: Record<string, string>;

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-locate-')));
    await mkdir(join(root, 'home'));
    env = { HOME: join(root, 'home'), PATH: `${join(root, 'bin')}:/usr/bin:/bin` };
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function put(path: string, content: string, mode = 0o755): Promise<string> {
    const whole = join(root, path);
    await mkdir(dirname(whole), { recursive: true });
    await writeFile(whole, content);
    await chmod(whole, mode);
    return whole;
  }

  const refusal = async (path?: string): Promise<string> => {
    const error: unknown = await locateOpencode(path === undefined ? { env } : { path, env }).then(
      (found) => assert.fail(`found ${found.path}`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof EngineMissingError);
    return error.message;
  };

  it('takes the path of the setting and says so', async () => {
    const path = await put('tools/oc', script('1.18.33'));
    assert.deepEqual(await locateOpencode({ path, env }), { path, version: '1.18.33', source: 'setting' });
    await put('home/oc', script('1.19.0'));
    assert.equal((await locateOpencode({ path: '~/oc', env })).version, '1.19.0');
  });

  it('S-05: names what is wrong with the path of the setting, and looks nowhere else', async () => {
    await put('bin/opencode', script('1.18.33'));
    const here = (path: string): string => join(root, path);
    await put('plain', script('1.18.33'), 0o644);
    await put('other', script('hello'));
    await put('broken', '#!/bin/sh\nexit 3\n');
    await put('old', script('1.17.9'));
    assert.match(await refusal(here('nowhere')), /nowhere does not exist\. Install it/);
    assert.match(await refusal(here('home')), /home is a folder/);
    assert.match(await refusal(here('plain')), /plain is not executable/);
    assert.match(await refusal(here('other')), /other does not answer "--version" as opencode does/);
    assert.match(await refusal(here('broken')), /broken cannot run/);
    assert.match(await refusal(here('old')), /old is version 1\.17\.9, older than 1\.18\.0/);
    assert.match(await refusal('opencode'), /not an absolute path/);
  });

  it('finds it on PATH, and passes over one that is too old', async () => {
    const good = await put('more/opencode', script('1.20.1'));
    await put('bin/opencode', script('1.4.0'));
    env['PATH'] = `${join(root, 'bin')}:relative:${join(root, 'more')}:/usr/bin:/bin`;
    assert.deepEqual(await locateOpencode({ env }), { path: good, version: '1.20.1', source: 'PATH' });
  });

  it("finds it where its installer puts it, when the desktop's PATH lacks that", async () => {
    const path = await put('home/.opencode/bin/opencode', script('1.18.33'));
    const found = await locateOpencode({ env });
    assert.deepEqual(found, { path, version: '1.18.33', source: dirname(path) });
  });

  it('takes the newest that Holdfast has installed, and only where there is none of the user', async () => {
    const storage = join(root, 'storage');
    assert.match(await refusal(), /^opencode was not found/);
    await put('storage/engines/opencode-1.18.9/bin/opencode', script('1.18.9'));
    const newest = await put('storage/engines/opencode-1.18.33/bin/opencode', script('1.18.33'));
    await put('storage/engines/.installing-1-x/bin/opencode', script('1.99.0'));
    const installed = { path: newest, version: '1.18.33', source: 'Holdfast' };
    assert.deepEqual(await locateOpencode({ storage, env }), installed);
    await put('bin/opencode', script('1.4.0'));
    assert.deepEqual(await locateOpencode({ storage, env }), installed);
    const own = await put('home/.opencode/bin/opencode', script('1.18.1'));
    assert.equal((await locateOpencode({ storage, env })).path, own);
    await rm(own);
    const onPath = await put('bin/opencode', script('1.18.1'));
    assert.equal((await locateOpencode({ storage, env })).path, onPath);
  });

  it('says in one go what is wrong when only an old one is there, and what to do when none is', async () => {
    assert.match(
      await refusal(),
      /^opencode was not found on PATH or where it is usually installed\. Install it/,
    );
    await put('bin/opencode', script('1.4.0'));
    assert.match(await refusal(), /^No usable opencode was found: .*bin\/opencode is version 1\.4\.0/);
  });

  it('takes the real binary behind the npm package, not its wrapper', async () => {
    const modules = 'lib/node_modules';
    const wrapper = await put(
      `${modules}/opencode-ai/bin/opencode.exe`,
      'echo "install script was not run"; exit 1\n',
    );
    await put(`${modules}/opencode-ai/package.json`, '{"name":"opencode-ai"}');
    const platform = `opencode-${process.platform}-${process.arch}`;
    await put(`${modules}/${platform}/package.json`, '{}');
    await put(`${modules}/${platform}/bin/opencode`, '#!/bin/sh\nexit 132\n');
    await put(`${modules}/${platform}-baseline/package.json`, '{}');
    const real = await put(`${modules}/${platform}-baseline/bin/opencode`, script('1.18.33'));
    await mkdir(join(root, 'bin'));
    await symlink(wrapper, join(root, 'bin', 'opencode'));
    // The first variant crashes on this machine, so the next one is taken.
    assert.deepEqual(await locateOpencode({ env }), { path: real, version: '1.18.33', source: 'PATH' });
  });

  it('believes npm on the version of what it installed, without running it', async () => {
    const path = await put('node_modules/opencode-linux-x64/bin/opencode', '#!/bin/sh\nexit 9\n');
    await put(
      'node_modules/opencode-linux-x64/package.json',
      '{"name":"opencode-linux-x64","version":"1.18.33"}',
    );
    assert.equal((await locateOpencode({ path, env })).version, '1.18.33');
    await put(
      'node_modules/opencode-linux-x64/package.json',
      '{"name":"opencode-linux-x64","version":"1.17.0"}',
    );
    assert.match(await refusal(path), /is version 1\.17\.0, older than/);
  });

  it("follows a package manager's shim to the binary", async () => {
    const real = await put(
      'global/node_modules/opencode-ai/bin/opencode.exe',
      `${script('1.18.33')}${'#'.repeat(70_000)}`,
    );
    await put('global/node_modules/opencode-ai/package.json', '{"name":"opencode-ai"}');
    await put(
      'bin/opencode',
      '#!/bin/sh\nbasedir=$(dirname "$0")\nexec "$basedir/../global/node_modules/opencode-ai/bin/opencode.exe" "$@"\n',
    );
    assert.equal((await locateOpencode({ env })).path, real);
  });

  it('a wrapper whose binary was not installed is named as one', async () => {
    await put('lib/opencode-ai/bin/opencode.exe', 'echo no; exit 1\n');
    await put('lib/opencode-ai/package.json', '{}');
    assert.match(
      await refusal(join(root, 'lib/opencode-ai/bin/opencode.exe')),
      /is a wrapper whose binary is not installed/,
    );
  });

  it('compares versions by their numbers', () => {
    assert.deepEqual(
      ['1.9.0', '1.18.0', '1.18.0-beta.2', '2.0.0', '1.17.99'].map((version) => isOlder(version, '1.18.0')),
      [true, false, false, false, true],
    );
  });
});
