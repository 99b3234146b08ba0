import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { launchSpec } from '../../../src/engines/opencode/launch.ts';

const binary = { path: '/opt/opencode', version: '1.18.33', source: 'PATH' };
const PASSWORD = 'the password';

describe('starting an opencode server', () => {
  it('S-11: the password travels in the environment and nowhere else', () => {
    const spec = launchSpec({ binary, password: PASSWORD, baseEnv: {}, extraPath: [] });
    assert.equal(spec.env['OPENCODE_SERVER_PASSWORD'], PASSWORD);
    assert.equal(JSON.stringify([spec.command, spec.args]).includes(PASSWORD), false);
    assert.ok(spec.args.includes('127.0.0.1'));
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
