import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { dataPath, launchSpec as launchSpecOf } from '../../../src/engines/opencode/launch.ts';

const binary = { path: '/opt/opencode', version: '1.18.33', source: 'PATH' };
const PASSWORD = 'the password';
const launchSpec = (options: Omit<Parameters<typeof launchSpecOf>[0], 'programs'>) =>
  launchSpecOf({ programs: '/our programs', ...options });

describe('starting an opencode server', () => {
  it('S-11: the password travels in the environment and nowhere else', () => {
    const spec = launchSpec({ binary, password: PASSWORD, baseEnv: {}, extraPath: [] });
    assert.equal(spec.env['OPENCODE_SERVER_PASSWORD'], PASSWORD);
    assert.equal(JSON.stringify([spec.command, spec.args]).includes(PASSWORD), false);
    assert.ok(spec.args.includes('127.0.0.1'));
  });

  it('what is to be loaded before the engine is ours, whatever the environment has', () => {
    const baseEnv = { BUN_INSPECT_PRELOAD: '/theirs.ts', OPENCODE_PURE: '1' };
    const { env } = launchSpec({ binary, password: PASSWORD, baseEnv, extraPath: [] });
    assert.equal(env['BUN_INSPECT_PRELOAD'], join('/our programs', 'opencode-companion.mjs'));
    assert.equal(env['OPENCODE_PURE'], '1');
  });

  it('the request that ends its work is allowed in', () => {
    const { dispose } = launchSpec({ binary, password: PASSWORD, baseEnv: {}, extraPath: [] });
    assert.deepEqual(dispose, {
      path: '/global/dispose',
      headers: { authorization: `Basic ${btoa(`opencode:${PASSWORD}`)}` },
    });
  });

  it('its sessions are where the XDG variables and its own say', () => {
    const home = { HOME: '/home/u', USERPROFILE: '/home/u' };
    assert.equal(dataPath(home), join('/home/u', '.local', 'share', 'opencode'));
    assert.equal(dataPath({}), join(homedir(), '.local', 'share', 'opencode'));
    assert.equal(dataPath({ ...home, XDG_DATA_HOME: '/data' }), join('/data', 'opencode'));
    assert.equal(dataPath({ ...home, XDG_DATA_HOME: '' }), dataPath(home));
    assert.equal(dataPath({ ...home, OPENCODE_DB: '/elsewhere/my.db' }), '/elsewhere/my.db');
    assert.equal(dataPath({ ...home, OPENCODE_DB: 'my.db' }), join(dataPath(home), 'my.db'));
    assert.equal(dataPath({ ...home, OPENCODE_DB: ':memory:' }), dataPath(home));
  });

  it("a user's own user name for servers does not lock us out", () => {
    const baseEnv = { OPENCODE_SERVER_USERNAME: 'alice', OPENCODE_SERVER_PASSWORD: 'old' };
    const { env } = launchSpec({ binary, password: PASSWORD, baseEnv, extraPath: [] });
    assert.deepEqual(
      [env['OPENCODE_SERVER_USERNAME'], env['OPENCODE_SERVER_PASSWORD']],
      ['opencode', PASSWORD],
    );
  });

  it("extra folders come after the user's own, under whatever name PATH has", () => {
    const unix = launchSpec({ binary, password: '', baseEnv: { PATH: '/a' }, extraPath: ['/rg'] });
    assert.equal(unix.env['PATH'], `/a${delimiter}/rg`);
    const windows = launchSpec({ binary, password: '', baseEnv: { Path: '/a' }, extraPath: ['/rg'] });
    assert.deepEqual([windows.env['Path'], windows.env['PATH']], [`/a${delimiter}/rg`, undefined]);
    assert.equal(launchSpec({ binary, password: '', baseEnv: {}, extraPath: ['/rg'] }).env['PATH'], '/rg');
  });

  it("the user's environment goes along, folders of configuration included; the editor's own does not", () => {
    const baseEnv = {
      HOME: '/home/u',
      XDG_CONFIG_HOME: '/c',
      OPENCODE_CONFIG_DIR: '/d',
      ANTHROPIC_API_KEY: 'k',
      ELECTRON_RUN_AS_NODE: '1',
      VSCODE_PID: '1',
      GONE: undefined,
    };
    const { env } = launchSpec({ binary, password: '', baseEnv, extraPath: [] });
    const kept = Object.keys(baseEnv).filter((name) => name in env);
    assert.deepEqual(kept, ['HOME', 'XDG_CONFIG_HOME', 'OPENCODE_CONFIG_DIR', 'ANTHROPIC_API_KEY']);
  });

  it('configuration is merged into what the environment has already, ours winning', () => {
    const theirs = JSON.stringify({ model: 'a/b', provider: { mine: { name: 'Mine' } }, plugin: ['x'] });
    const config = { model: 'demo/demo', provider: { demo: { name: 'Demo' } } };
    const spec = launchSpec({
      binary,
      password: '',
      baseEnv: { OPENCODE_CONFIG_CONTENT: theirs },
      extraPath: [],
      config,
    });
    assert.deepEqual(JSON.parse(spec.env['OPENCODE_CONFIG_CONTENT']!), {
      model: 'demo/demo',
      provider: { mine: { name: 'Mine' }, demo: { name: 'Demo' } },
      plugin: ['x'],
    });
  });

  it('configuration in the environment is left alone when there is none of ours', () => {
    const baseEnv = { OPENCODE_CONFIG_CONTENT: '{ // theirs' };
    const { env } = launchSpec({ binary, password: '', baseEnv, extraPath: [] });
    assert.equal(env['OPENCODE_CONFIG_CONTENT'], '{ // theirs');
  });

  it('S-09: the ready line is known wherever it stands, whole lines only', () => {
    const { readyLine } = launchSpec({ binary, password: '', baseEnv: {}, extraPath: [] });
    const url = (out: string): string | undefined => readyLine.exec(out)?.[1];
    assert.equal(url('opencode server listening on http://127.0.0.1:4096\n'), 'http://127.0.0.1:4096');
    assert.equal(
      url('Warning: x\nopencode server listening on http://127.0.0.1:41\n'),
      'http://127.0.0.1:41',
    );
    assert.equal(url('not opencode server listening on http://127.0.0.1:41'), undefined);
  });
});
