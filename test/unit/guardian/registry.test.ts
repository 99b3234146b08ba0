import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, Registry, verdict } from '../../../src/node/guardian/registry.ts';

const guardian = { pid: 10, startedAt: 'boot/100', commandLine: 'node guardian.cjs' };
const server = { pid: 20, startedAt: 'boot/200', commandLine: 'opencode serve' };
const here = { machine: 'm', pidSpace: 'boot/ns' };
const entry: Entry = {
  version: 1,
  protocol: 1,
  id: 'abc',
  key: { name: 'n', flavour: 'f' },
  state: 'running',
  guardian,
  server,
  ...here,
  socket: '/nowhere/s',
  token: 't',
  workspace: '/w',
  owner: 'test',
  label: 'server',
  startedAt: 1,
};
const keep = { type: 'abandoned', endServer: false };

describe('what an entry of the registry stands for', () => {
  it('a guardian that lives is alive, also when its facts cannot be read', () => {
    assert.deepEqual(verdict(entry, here, guardian, server), { type: 'alive' });
    assert.deepEqual(verdict(entry, here, guardian, 'gone'), { type: 'alive' });
    assert.deepEqual(verdict(entry, here, 'unknown', server), { type: 'alive' });
    assert.deepEqual(verdict(entry, here, { ...guardian, commandLine: 'renamed' }, server), {
      type: 'alive',
    });
  });

  it('the server of a dead guardian is ended when it is beyond doubt the one', () => {
    const reused = { ...guardian, startedAt: 'boot/999' };
    for (const now of ['gone', reused] as const)
      assert.deepEqual(verdict(entry, here, now, server), { type: 'abandoned', endServer: true });
  });

  it('S-10: a stranger that got the pid is never ended', () => {
    for (const stranger of [
      { ...server, startedAt: 'boot/201' },
      { ...server, commandLine: 'vim' },
      { pid: 20, startedAt: 'boot/300', commandLine: 'vim' },
      'gone',
    ] as const)
      assert.deepEqual(verdict(entry, here, 'gone', stranger), keep);
    const nameless = { ...entry, server: { ...server, startedAt: '' } };
    assert.deepEqual(verdict(nameless, here, 'gone', { ...server, startedAt: '' }), keep);
  });

  it('a server that cannot be told from a stranger is left alone', () => {
    assert.deepEqual(verdict(entry, here, 'gone', 'unknown'), { type: 'untouchable' });
  });

  it('a guardian that died before it had a server leaves only files', () => {
    const { server: _server, ...starting } = entry;
    assert.deepEqual(verdict(starting, here, 'gone', 'gone'), keep);
  });

  it('other machines and containers are left alone; before the last boot everything is dead', () => {
    const elsewhere = { machine: 'other', pidSpace: 'x/ns' };
    assert.deepEqual(verdict(entry, elsewhere, 'gone', server), { type: 'untouchable' });
    assert.deepEqual(verdict(entry, { machine: 'm', pidSpace: 'boot/other' }, 'gone', server), {
      type: 'untouchable',
    });
    assert.deepEqual(verdict(entry, { machine: 'm', pidSpace: 'later/ns' }, guardian, server), {
      type: 'stale',
    });
  });
});

describe('the registry', () => {
  let storage: string;
  let folder: string;
  let registry: Registry;
  let warnings: string[];
  const list = () => registry.list((text) => warnings.push(text));
  beforeEach(async () => {
    storage = await mkdtemp(join(tmpdir(), 'holdfast-registry-'));
    folder = join(storage, 'registry');
    registry = new Registry(storage);
    warnings = [];
  });
  afterEach(() => rm(storage, { recursive: true, force: true }));

  it('T-07: keeps private files that are whole or not there', async () => {
    assert.deepEqual(await list(), []);
    await registry.prepare();
    await registry.write({ ...entry, state: 'starting' });
    await registry.write(entry);
    assert.deepEqual(await list(), [entry]);
    assert.deepEqual(await registry.read('abc'), entry);
    assert.deepEqual(await readdir(folder), ['abc.json']);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await stat(join(folder, 'abc.json'))).mode & 0o777, 0o600);
    await registry.remove('abc');
    await registry.remove('abc');
    assert.deepEqual(await list(), []);
    assert.deepEqual(warnings, []);
  });

  it('names a broken file and reads the others', async () => {
    await registry.prepare();
    await registry.write(entry);
    await writeFile(join(folder, 'broken.json'), '{ "version": 1, ');
    await writeFile(join(folder, 'later.json'), JSON.stringify({ ...entry, version: 2 }));
    await writeFile(join(folder, 'renamed.json'), JSON.stringify(entry));
    await writeFile(join(folder, '.half.tmp'), '{');
    assert.deepEqual(await list(), [entry]);
    assert.equal(warnings.length, 3);
    assert.match(warnings[0] ?? '', /broken\.json is not the file of a server and was left alone\./);
  });

  it('a folder that is open to others is closed; a link to somewhere else is refused', async () => {
    await mkdir(folder);
    await chmod(folder, 0o777);
    await registry.prepare();
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    await rm(folder, { recursive: true });
    await mkdir(join(storage, 'elsewhere'));
    await writeFile(join(storage, 'elsewhere', 'abc.json'), JSON.stringify(entry));
    await symlink(join(storage, 'elsewhere'), folder);
    await assert.rejects(registry.prepare(), { name: 'StartError', message: /was refused\.$/ });
    assert.deepEqual(await list(), []);
    assert.match(warnings.join(), /was refused\.$/);
  });
});
