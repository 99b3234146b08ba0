import assert from 'node:assert/strict';
import { spawnPlan } from '../../../src/node/process/spawn-plan.ts';

describe('how a command is handed to the system', () => {
  it('C-19: on POSIX without core dumps, as a group of its own, arguments untouched', () => {
    const plan = spawnPlan('linux', '/opt/my engine', ['serve', '$(touch x)', '--port', '0']);
    assert.equal(plan.file, '/bin/sh');
    assert.deepEqual(plan.args, [
      '-c',
      'ulimit -c 0; exec "$0" "$@"',
      '/opt/my engine',
      'serve',
      '$(touch x)',
      '--port',
      '0',
    ]);
    assert.equal(plan.detached, true);
  });

  it('on Windows directly', () => {
    assert.deepEqual(spawnPlan('win32', 'C:\\bin\\opencode.exe', ['serve']), {
      file: 'C:\\bin\\opencode.exe',
      args: ['serve'],
      detached: false,
      windowsVerbatimArguments: false,
    });
  });

  it('on Windows a .cmd shim goes through cmd.exe, quoted', () => {
    const plan = spawnPlan('win32', 'C:\\Program Files\\npm\\opencode.CMD', ['serve', '--port', '0']);
    assert.equal(plan.file, 'cmd.exe');
    assert.deepEqual(plan.args, [
      '/d',
      '/s',
      '/c',
      '""C:\\Program Files\\npm\\opencode.CMD" "serve" "--port" "0""',
    ]);
    assert.equal(plan.windowsVerbatimArguments, true);
  });

  it('on Windows an argument that cmd.exe would expand is refused', () => {
    assert.throws(() => spawnPlan('win32', 'opencode.cmd', ['%PATH%']), RangeError);
    assert.throws(() => spawnPlan('win32', 'opencode.cmd', ['a" & calc & "']), RangeError);
  });
});
