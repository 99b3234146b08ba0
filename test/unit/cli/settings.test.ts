import assert from 'node:assert/strict';
import { helpText } from '../../../src/cli/help.ts';
import { engineEnv, readSettings } from '../../../src/cli/settings.ts';
import { type StoragePlace, storageFolder } from '../../../src/cli/storage.ts';

describe('settings of the command line', () => {
  it('options win over environment variables, those over the defaults', () => {
    const env = { HOLDFAST_MODEL: 'a/b', HOLDFAST_STALL_TIMEOUT: '60', HOLDFAST_ENGINE_PATH: '' };
    const { settings, warnings } = readSettings({ json: false, model: 'c/d', attach: 'http://h:1' }, env);
    assert.deepEqual(warnings, []);
    assert.equal(settings.model, 'c/d');
    assert.equal(settings.stallTimeoutMs, 60_000);
    assert.equal(settings.server.url, 'http://h:1');
    assert.equal(settings.engine.path, '');
    assert.equal(settings.restartBudget, 3);
    assert.equal(readSettings({ json: false }, env).settings.model, 'a/b');
  });

  it('the graces of the server have variables, and their help', () => {
    const env = { HOLDFAST_ENGINE_BUSY_GRACE: '5', HOLDFAST_ENGINE_IDLE_GRACE: '2' };
    const { settings, warnings } = readSettings({ json: false }, env);
    assert.deepEqual(warnings, []);
    assert.equal(settings.engine.busyGraceMs, 5_000);
    assert.equal(settings.engine.idleGraceMs, 2_000);
    for (const variable of Object.keys(env))
      assert.match(helpText('run'), new RegExp(`^  ${variable} +seconds `, 'm'));
  });

  it('C-08: each bad variable is named once, as it is written, and its default used', () => {
    const env = { HOLDFAST_STALL_TIMEOUT: 'soon', HOLDFAST_RESTART_BUDGET: '-1', HOLDFAST_MODEL: 'gpt' };
    const { settings, warnings } = readSettings({ json: false }, env);
    assert.equal(settings.stallTimeoutMs, 180_000);
    assert.equal(settings.restartBudget, 3);
    assert.equal(settings.model, '');
    assert.equal(warnings.length, 3);
    for (const variable of Object.keys(env)) {
      assert.equal(warnings.filter((warning) => warning.startsWith(`${variable} is `)).length, 1, variable);
    }
  });

  it('the password of an attached server is not handed to an engine', () => {
    assert.deepEqual(engineEnv({ PATH: '/bin', HOLDFAST_SERVER_PASSWORD: 'x' }), { PATH: '/bin' });
  });
});

describe('where journals go', () => {
  const place = (over: Partial<StoragePlace>): StoragePlace => ({
    platform: 'linux',
    env: {},
    home: '/home/robin',
    cwd: '/w',
    ...over,
  });

  it('to the state folder of each system', () => {
    assert.equal(storageFolder(undefined, place({})), '/home/robin/.local/state/holdfast');
    assert.equal(storageFolder(undefined, place({ env: { XDG_STATE_HOME: '/s' } })), '/s/holdfast');
    assert.equal(
      storageFolder(undefined, place({ platform: 'darwin', home: '/Users/robin' })),
      '/Users/robin/Library/Application Support/Holdfast',
    );
    const windows = place({ platform: 'win32', home: 'C:\\Users\\robin' });
    assert.equal(storageFolder(undefined, windows), 'C:\\Users\\robin\\AppData\\Local\\Holdfast');
    assert.equal(storageFolder(undefined, { ...windows, env: { LOCALAPPDATA: 'D:\\L' } }), 'D:\\L\\Holdfast');
  });

  it('a relative XDG_STATE_HOME is ignored, as its specification asks', () => {
    const folder = storageFolder(undefined, place({ env: { XDG_STATE_HOME: 'state' } }));
    assert.equal(folder, '/home/robin/.local/state/holdfast');
  });

  it('to the folder that is named, relative to the current one', () => {
    assert.equal(storageFolder('j', place({})), '/w/j');
    assert.equal(storageFolder('/j', place({})), '/j');
  });
});
