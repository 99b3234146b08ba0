import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apartEnv } from '../../../src/engines/opencode/apart.ts';
import { dataPath } from '../../../src/engines/opencode/launch.ts';

describe('an engine that is to know nothing of its user', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-apart-'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('has every place of its own, and none of the variables that configure it', async () => {
    const user = {
      HOME: '/home/me',
      XDG_DATA_HOME: '/home/me/data',
      PATH: '/usr/bin',
      OPENCODE_CONFIG: '/home/me/opencode.json',
      OPENCODE_DB: '/home/me/all.db',
      UNSET: undefined,
    };
    const env = await apartEnv(root, user, '1.18.33');
    assert.equal(env['PATH'], '/usr/bin');
    assert.equal(dataPath(env), join(root, 'data', 'opencode'));
    assert.deepEqual(
      [env['OPENCODE_CONFIG'], env['OPENCODE_DB'], 'UNSET' in env],
      [undefined, undefined, false],
    );
    assert.deepEqual(
      Object.values(env).filter((value) => value.startsWith('/home/me')),
      [],
    );
    for (const name of ['HOME', 'TMPDIR', 'XDG_CONFIG_HOME']) assert.ok(existsSync(env[name] ?? ''), name);
    assert.ok(existsSync(join(root, 'config', 'opencode', 'package-lock.json')));
  });
});
