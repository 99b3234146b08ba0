import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { systemClock } from '../../../src/node/clock.ts';
import {
  endLeftovers,
  findLeftovers,
  fromProc,
  fromPs,
  stillThere,
  targets,
  type Seen,
} from '../../../src/node/process/leftovers.ts';

const MARK = { name: 'HOLDFAST_SERVER', value: 'abc' };
const seen = (pid: number, more: Partial<Seen> = {}): Seen => ({
  pid,
  group: pid,
  command: 'sleep 9',
  startedAt: 1_000_000,
  isMarked: true,
  ...more,
});

describe('processes that outlived their server', () => {
  it('S-10: only a variable of exactly this name and value marks a process', () => {
    const isMarked = (environment: string) =>
      fromProc({ stat: STAT, cmdline: 'sh\0', environment }, 0, MARK)?.isMarked;
    assert.equal(isMarked('A=1\0HOLDFAST_SERVER=abc\0B=2\0'), true);
    assert.equal(isMarked('HOLDFAST_SERVER=abcd\0'), false);
    assert.equal(isMarked('OLD_HOLDFAST_SERVER=abc\0'), false);
    assert.equal(isMarked('NOTE=HOLDFAST_SERVER=abc\0'), false);
    assert.equal(isMarked(''), false);
  });

  it('Linux: a process is read whatever its name holds; a zombie is none', () => {
    const files = { stat: STAT, cmdline: 'sleep\x00300\0', environment: '' };
    assert.deepEqual(fromProc(files, 1_000_000, MARK), {
      pid: 4242,
      group: 4200,
      command: 'sleep 300',
      startedAt: 1_000_000 + 123_450,
      isMarked: false,
    });
    assert.equal(fromProc({ ...files, cmdline: '' }, 0, MARK)?.command, '[a) Z (b]');
    assert.equal(fromProc({ ...files, stat: STAT.replace(') S ', ') Z ') }, 0, MARK), undefined);
    assert.equal(fromProc({ ...files, stat: '' }, 0, MARK), undefined);
  });

  it('macOS: the environment is what stands behind the command line, and arguments are not it', () => {
    const found = fromPs(PLAIN, FULL, MARK);
    assert.deepEqual(
      found.map(({ pid, group, command, isMarked }) => [pid, group, command, isMarked]),
      [
        [1, 1, '/sbin/launchd', false],
        [812, 812, 'node server.js --port 3000', true],
        [813, 812, 'grep HOLDFAST_SERVER=abc notes', false],
        [815, 812, 'node other.js', false],
      ],
    );
    assert.equal(found[1]?.startedAt, new Date(2026, 10, 1, 4, 3, 43).getTime());
    assert.deepEqual(fromPs('', '', MARK), []);
  });

  it('S-10: a process is the one that was found only with its pid, its start and the mark', () => {
    const found = [{ pid: 7, command: 'sleep 9', startedAt: 1_000_000 }];
    const isThere = (more: Partial<Seen>, pid = 7) => stillThere(found, [seen(pid, more)]).length === 1;
    assert.equal(isThere({}), true);
    assert.equal(isThere({ startedAt: 1_001_000 }), true, 'the system estimates when it was booted');
    assert.equal(isThere({ startedAt: 1_010_000 }), false);
    assert.equal(isThere({ isMarked: false }), false);
    assert.equal(isThere({}, 8), false);
    const ourselves = [{ ...found[0]!, pid: process.pid }];
    assert.deepEqual(stillThere(ourselves, [seen(process.pid)]), []);
  });

  it('S-10: a group is signalled only by its leader, and only when nobody else is in it', () => {
    const leader = seen(7);
    const member = seen(8, { group: 7 });
    const stranger = seen(9, { group: 7, isMarked: false });
    assert.deepEqual(targets([leader, member], [leader, member, seen(20)]), [-7, 8]);
    assert.deepEqual(targets([leader, member], [leader, member, stranger]), [7, 8]);
    assert.deepEqual(targets([member], [member]), [8]);
    assert.deepEqual(targets([leader], [leader, seen(process.pid, { group: 7 })]), [7]);
  });

  if (process.platform === 'linux') {
    it('S-10: they are found with what a person needs, secrets removed, and ended even when they will not', async () => {
      const mark = { name: 'HOLDFAST_SERVER', value: randomUUID() };
      const marked = { env: { ...process.env, [mark.name]: mark.value } };
      const children: ChildProcess[] = [];
      const start = (script: string, options: object) => {
        const child = spawn(process.execPath, ['-e', script, 'the-secret', 'x'.repeat(300)], {
          stdio: ['ignore', 'pipe', 'ignore'],
          ...options,
        });
        children.push(child);
        return once(child.stdout, 'data');
      };
      const ready = "console.log('up'); setInterval(() => {}, 1000);";
      try {
        await start(`process.on('SIGTERM', () => {}); ${ready}`, { ...marked, detached: true });
        await start(ready, marked);
        await start(ready, {});
        const found = await findLeftovers(mark, ['the-secret']);
        assert.deepEqual(
          found.map(({ pid }) => pid),
          children.slice(0, 2).map(({ pid }) => pid),
          'those with the mark, oldest first',
        );
        for (const { command } of found) {
          assert.ok(command.includes('[secret]') && !command.includes('the-secret'), command);
          assert.ok(command.length <= 200 && command.endsWith('…'), command);
        }
        const exits = children.slice(0, 2).map((child) => once(child, 'exit'));
        await endLeftovers(found, mark, quick);
        const ends = (await Promise.all(exits)).map(([, signal]) => signal as string);
        assert.deepEqual(ends, ['SIGKILL', 'SIGTERM']);
        assert.deepEqual(await findLeftovers(mark), []);
        assert.deepEqual([children[2]?.exitCode, children[2]?.signalCode], [null, null]);
      } finally {
        for (const child of children) child.kill('SIGKILL');
      }
    });
  }
});

/** Time that passes ten times as fast. */
const quick = {
  ...systemClock,
  setTimer: (ms: number, fn: () => void) => systemClock.setTimer(ms / 10, fn),
};

const STAT =
  '4242 (a) Z (b) S 1 4200 4200 0 -1 4194304 98 0 0 0 0 0 0 0 20 0 1 0 12345 5500928 224 18446744073709551615 1 1';

const PLAIN = `    1     1 Ss   Sat Nov  1 04:00:00 2026     /sbin/launchd
  812   812 S    Sun Nov  1 04:03:43 2026     node server.js --port 3000
  813   812 S+   Sun Nov  1 04:03:44 2026     grep HOLDFAST_SERVER=abc notes
  814   812 Z    Sun Nov  1 04:03:44 2026     (node)
  815   812 S    Sun Nov  1 04:03:45 2026     node other.js
`;
const FULL = `    1 Sat Nov  1 04:00:00 2026     /sbin/launchd
  812 Sun Nov  1 04:03:43 2026     node server.js --port 3000 PATH=/bin HOLDFAST_SERVER=abc HOME=/Users/u
  813 Sun Nov  1 04:03:44 2026     grep HOLDFAST_SERVER=abc notes PATH=/bin
  815 Sun Nov  1 04:03:45 2026     node other.js PATH=/bin HOLDFAST_SERVER=abcd
`;
