import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import {
  hasEnded,
  identify,
  isSameProcess,
  machineSpace,
  ownIdentity,
  parentOf,
  type ProcessIdentity,
  processFacts,
} from '../../../src/node/process/identity.ts';
import { judgeSpace, readMachineSpace } from '../../../src/node/process/machine-space.ts';
import type { SystemPort } from '../../../src/node/process/system-port.ts';

interface Recorded {
  files?: Record<string, string>;
  links?: Record<string, string>;
  /** By the name of the program, without its folder. */
  output?: Record<string, string>;
  presence?: 'there' | 'gone';
  hostname?: string;
}

/** A system that answers with what was recorded, and fails where nothing was. */
function system({ files = {}, links = {}, output = {}, presence = 'there', hostname = 'desk' }: Recorded) {
  const asked: string[] = [];
  const answer = async (from: Record<string, string>, name: string) => {
    const found = from[name];
    if (found === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
    return found;
  };
  const port: SystemPort = {
    read: (file) => answer(files, file),
    link: (file) => answer(links, file),
    run: (file, args) => {
      asked.push([file, ...args].join(' '));
      return answer(output, file.split(/[\\/]/).at(-1) ?? '');
    },
    presence: () => presence,
    hostname: () => hostname,
  };
  return { port, asked };
}

const BOOT = '607525bb-5f4c-4d27-a09b-a8fe5b2eefa7';

function stat(name: string, state: string, parent: number, ticks: number): string {
  return `7 (${name}) ${state} ${parent} 7 7 0 -1 4194304 98 0 0 0 0 0 0 0 20 0 1 0 ${ticks} 3133440 410 0\n`;
}

function linux(files: Record<string, string>, presence: 'there' | 'gone' = 'there') {
  const boot = { '/proc/sys/kernel/random/boot_id': `${BOOT}\n` };
  return processFacts('linux', system({ files: { ...boot, ...files }, presence }).port);
}

describe('identity of a process on Linux', () => {
  it('is its pid, start and command line, whatever its name looks like', async () => {
    const facts = linux({
      '/proc/7/stat': stat('tmux: (a) b) c', 'S', 3, 1186769),
      '/proc/7/cmdline': 'node\0server.js\0--port\x000\0',
    });
    assert.deepEqual(await facts.identify(7), {
      pid: 7,
      startedAt: `${BOOT}/1186769`,
      commandLine: 'node server.js --port 0',
    });
    assert.equal(await facts.parentOf(7), 3);
  });

  it('a zombie is gone', async () => {
    const zombie = { '/proc/7/stat': stat('node', 'Z', 3, 5), '/proc/7/cmdline': '' };
    assert.equal(await linux(zombie).identify(7), 'gone');
  });

  it('a process that does not show its command line is there, and unknown', async () => {
    const hidden = { '/proc/7/stat': stat('node', 'S', 3, 5), '/proc/7/cmdline': '' };
    assert.equal(await linux(hidden).identify(7), 'unknown');
  });

  it('EPERM is not dead: a process that /proc hides but a signal finds is unknown', async () => {
    assert.equal(await linux({}, 'there').identify(7), 'unknown');
    assert.equal(await linux({}, 'gone').identify(7), 'gone');
    assert.equal(await linux({}).parentOf(7), undefined);
  });
});

describe('identity of a process on macOS', () => {
  const facts = (ps: string, presence?: 'there' | 'gone') =>
    processFacts('darwin', system({ output: { ps }, ...(presence ? { presence } : {}) }).port);

  it('is what ps says', async () => {
    const line = 'Ss   Sat Nov  1 04:04:11 2026     /usr/local/bin/opencode serve --port 0  \n';
    assert.deepEqual(await facts(line).identify(7), {
      pid: 7,
      startedAt: 'Sat Nov 1 04:04:11 2026',
      commandLine: '/usr/local/bin/opencode serve --port 0',
    });
    assert.equal(await facts('  501\n').parentOf(7), 501);
  });

  it('a zombie is gone, and so is who is not there', async () => {
    assert.equal(await facts('Z+   Sat Nov 21 04:04:11 2026     (node)\n').identify(7), 'gone');
    assert.equal(await facts('', 'gone').identify(7), 'gone');
  });

  it('EPERM is not dead: who is there and not listed is unknown', async () => {
    assert.equal(await facts('').identify(7), 'unknown');
    assert.equal(await facts('').parentOf(7), undefined);
  });
});

describe('identity of a process on Windows', () => {
  const facts = (answer: string, presence?: 'there' | 'gone') =>
    processFacts(
      'win32',
      system({ output: { 'powershell.exe': answer }, ...(presence ? { presence } : {}) }).port,
    );
  const ANSWER =
    '{"parent":4120,"command":"\\"C:\\\\Program Files\\\\nodejs\\\\node.exe\\" server.js","started":"134081402513470123"}\r\n';

  it('is what CIM says', async () => {
    assert.deepEqual(await facts(ANSWER).identify(7), {
      pid: 7,
      startedAt: '134081402513470123',
      commandLine: '"C:\\Program Files\\nodejs\\node.exe" server.js',
    });
    assert.equal(await facts(ANSWER).parentOf(7), 4120);
  });

  it('another user’s process, or a barred PowerShell, is unknown', async () => {
    const foreign = '{"parent":4,"command":null,"started":null}';
    assert.equal(await facts(foreign).identify(7), 'unknown');
    assert.equal(await facts('cannot be loaded because running scripts is disabled').identify(7), 'unknown');
    assert.equal(await facts('', 'gone').identify(7), 'gone');
  });
});

describe('the same process', () => {
  const one: ProcessIdentity = { pid: 7, startedAt: 'b/1', commandLine: 'opencode serve' };

  it('S-10: a reused pid is not ours', () => {
    const other = { ...one, startedAt: 'b/2' };
    assert.equal(isSameProcess(one, { ...one }), true);
    assert.equal(isSameProcess(one, other), false);
    assert.equal(hasEnded(one, other), true);
  });

  it('what is gone or unknown is never it, and what is unknown is never dead', () => {
    assert.equal(isSameProcess(one, 'gone'), false);
    assert.equal(isSameProcess(one, 'unknown'), false);
    assert.equal(hasEnded(one, 'gone'), true);
    assert.equal(hasEnded(one, 'unknown'), false);
  });

  it('who has rewritten its command line may not be killed for the one it was, and is not dead', () => {
    const renamed = { ...one, commandLine: 'opencode' };
    assert.equal(isSameProcess(one, renamed), false);
    assert.equal(hasEnded(one, renamed), false);
  });

  it('without a start time nobody is known to be it, nor to be dead', () => {
    const vague = { ...one, startedAt: '' };
    assert.equal(isSameProcess(vague, vague), false);
    assert.equal(hasEnded(vague, one), false);
  });
});

describe('real processes', () => {
  it('are told apart, found again and gone when they have ended', async () => {
    const own = await ownIdentity();
    assert.equal(own.pid, process.pid);
    assert.ok(isSameProcess(own, await identify(process.pid)));

    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const exited = once(child, 'exit');
    const first = await identify(child.pid!);
    assert.ok(first !== 'gone' && first !== 'unknown');
    assert.match(first.commandLine, / -e process\.stdin\.resume\(\)$/);
    assert.ok(isSameProcess(first, await identify(child.pid!)));
    assert.equal(await parentOf(child.pid!), process.pid);
    assert.equal(isSameProcess({ ...own, pid: child.pid! }, first), false);
    child.kill('SIGKILL');
    await exited;
    assert.equal(await identify(child.pid!), 'gone');
  });

  it('a zombie is gone', async function () {
    if (process.platform !== 'linux') return;
    // The shell becomes a program that never collects its child.
    const parent = spawn('/bin/sh', ['-c', 'sleep 60 & echo $!; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(parent, 'exit');
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(String(line));
      assert.equal(typeof (await identify(pid)), 'object');
      process.kill(pid, 'SIGKILL');
      // Nobody tells the end of a process that is not our child: its state is looked at until it has changed.
      while (!/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))) await setImmediate();
      assert.equal(await identify(pid), 'gone');
    } finally {
      parent.kill('SIGKILL');
      await exited;
    }
  });
});

describe('the place of a process', () => {
  const files = {
    '/etc/machine-id': '3d1219c7c4c5404aaa1f6d2a48adfda4\n',
    '/proc/sys/kernel/random/boot_id': `${BOOT}\n`,
  };
  const links = { '/proc/self/ns/pid': 'pid:[4026531836]' };
  const here = () => readMachineSpace('linux', system({ files, links }).port);

  it('is the same for all processes of a boot', async () => {
    assert.equal(judgeSpace(await here(), await here()), 'same');
    assert.deepEqual(await machineSpace(), await machineSpace());
  });

  it('differs after a boot, and is known to be of this machine', async () => {
    const booted = { ...files, '/proc/sys/kernel/random/boot_id': '11111111-2222\n' };
    const then = await readMachineSpace('linux', system({ files: booted, links }).port);
    assert.notEqual(then.pidSpace, (await here()).pidSpace);
    assert.equal(judgeSpace(then, await here()), 'rebooted');
  });

  it('of a container, of a machine that shares the home, of a copy of the machine is elsewhere', async () => {
    const now = await here();
    const container = { links: { '/proc/self/ns/pid': 'pid:[4026532201]' } };
    const copy = { files: { ...files, '/proc/sys/kernel/random/boot_id': 'other\n' }, hostname: 'node2' };
    const bare = { files: {}, links: {}, hostname: 'f00dbabe' };
    for (const change of [container, copy, bare]) {
      const there = await readMachineSpace('linux', system({ files, links, ...change }).port);
      assert.notEqual(there.pidSpace, now.pidSpace);
      assert.equal(judgeSpace(there, now), 'elsewhere');
    }
  });

  it('on macOS and Windows is that of the machine', async () => {
    const ioreg = (id: string) => `    "IOPlatformSerialNumber" = "C02"\n    "IOPlatformUUID" = "${id}"\n`;
    const reg = (id: string) =>
      `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    ${id}\r\n\r\n`;
    for (const [platform, program, print] of [
      ['darwin', 'ioreg', ioreg],
      ['win32', 'reg.exe', reg],
    ] as const) {
      const at = (id: string) =>
        readMachineSpace(platform, system({ output: { [program]: print(id) } }).port);
      assert.equal(judgeSpace(await at('A-1'), await at('A-1')), 'same');
      assert.equal(judgeSpace(await at('A-2'), await at('A-1')), 'elsewhere');
      assert.doesNotMatch((await at('A-1')).machine, /A-1/);
    }
  });
});
