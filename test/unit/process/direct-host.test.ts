import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../../../src/node/clock.ts';
import { DirectHost } from '../../../src/node/process/direct-host.ts';
import type { ProcessSpec } from '../../../src/node/process/process-host.ts';
import { isGone } from '../../fakes/server/bench.ts';

/** Runs `source` in node and reports one line of JSON. */
const script = (source: string): ProcessSpec => ({
  command: process.execPath,
  args: ['-e', source],
  env: { PATH: process.env['PATH'] ?? '' },
  readyLine: /^(\{.*\})$/,
  secrets: [],
  label: 'test server',
  handover: 'the handover',
});

const STAY = 'setInterval(() => {}, 1e6);';

describe('a process held as a child', () => {
  let storage: string;
  let host: DirectHost;
  beforeEach(async () => {
    storage = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-host-')));
    host = new DirectHost(storage, systemClock);
  });
  afterEach(() => rm(storage, { recursive: true, force: true }));

  it('C-19: has a private working directory, no core dumps, dumps in storage, and its own pid and group', async () => {
    const child = await host.spawn(
      script(
        `const [limit] = require('child_process').execFileSync('sh', ['-c', 'ulimit -c']).toString().split('\\n');
        console.log(JSON.stringify({ cwd: process.cwd(), pid: process.pid, limit, dump: process.env.ERL_CRASH_DUMP }));
        ${STAY}`,
      ),
    );
    const said = JSON.parse((await child.readyLine)[1] ?? '') as Record<string, unknown>;
    const { mode } = await stat(String(said['cwd']));
    assert.equal(isGone(-child.pid), false, 'it leads a group');
    await child.end();
    assert.match(String(said['cwd']), new RegExp(`^${storage}/run/server-`));
    assert.equal(mode & 0o777, 0o700);
    assert.equal(said['pid'], child.pid);
    assert.equal(said['limit'], '0');
    assert.equal(said['dump'], join(storage, 'crash', 'erl_crash.dump'));
    assert.deepEqual(await readdir(join(storage, 'run')), []);
  });

  it('C-19: a dump path of the user stays', async () => {
    const spec = script(`console.log(JSON.stringify({ dump: process.env.ERL_CRASH_DUMP })); ${STAY}`);
    const child = await host.spawn({ ...spec, env: { ...spec.env, ERL_CRASH_DUMP: '/mine' } });
    assert.equal((await child.readyLine)[1], '{"dump":"/mine"}');
    await child.end();
  });

  it('tells its exit with its code and the last it wrote, and its end to all who ask for it', async () => {
    const child = await host.spawn(script('console.error("last words"); process.exitCode = 3'));
    assert.deepEqual(await child.exited, { code: 3, stderrTail: 'last words' });
    assert.deepEqual(await Promise.all([child.end(), child.end()]), ['gone', 'gone']);
    assert.equal(child.isAlive(), false);
  });

  it('tells a signal as a signal, and is alive until then (no exit code yet is not an exit)', async () => {
    const child = await host.spawn(script(`console.log('{}'); ${STAY}`));
    await child.readyLine;
    assert.equal(child.isAlive(), true);
    await child.end();
    assert.deepEqual(await child.exited, { signal: 'SIGTERM', stderrTail: '{}' });
    assert.equal(child.isAlive(), false, 'an exit without a code is one');
  });

  it('S-06: what a process leaves behind in its group ends with it, without being asked', async () => {
    // The one left behind holds a connection, which tells when it is gone.
    const ear = createServer();
    ear.listen(0, '127.0.0.1');
    await once(ear, 'listening');
    const { port } = ear.address() as AddressInfo;
    const leftover = `require('net').connect(${port}, '127.0.0.1')`;
    const child = await host.spawn(
      script(
        `require('child_process').spawn(process.execPath, ['-e', "${leftover}"], { stdio: 'ignore' }); ${STAY}`,
      ),
    );
    const [connection] = (await once(ear, 'connection')) as [Socket];
    connection.on('error', () => {});
    connection.resume();
    const gone = once(connection, 'close');
    process.kill(child.pid, 'SIGKILL');
    await gone;
    assert.equal(await child.end(), 'gone');
    ear.close();
  });

  it('is a new one each time it is wanted, and ends when it is let go', async () => {
    const key = { name: 'test', flavour: '' };
    const make = () => Promise.resolve(script(`console.log('{}'); ${STAY}`));
    const held = await Promise.all([host.hold(key, make), host.hold(key, make)]);
    assert.notEqual(held[0].process.pid, held[1].process.pid);
    for (const { process, handover, found } of held) {
      assert.deepEqual({ handover, found }, { handover: 'the handover', found: false });
      await process.readyLine;
      assert.equal(await process.tail(), '{}');
      await process.release();
      assert.ok(isGone(process.pid));
    }
    assert.equal(await host.has(), false);
  });

  it('an orderly exit of ours takes the group along', async () => {
    const before = process.listeners('exit');
    const child = await host.spawn(script(`console.log('{}'); ${STAY}`));
    await child.readyLine;
    const added = process.listeners('exit').filter((listener) => !before.includes(listener));
    for (const listener of added) listener.call(process, 0);
    assert.equal((await child.exited).signal, 'SIGKILL');
    await child.end();
    assert.deepEqual(process.listeners('exit'), before, 'and nothing stays registered');
  });

  it('S-05: names what is not there and what may not be run', async () => {
    const missing = { ...script(''), command: '/no/such/engine' };
    await assert.rejects(host.spawn(missing), {
      name: 'StartError',
      message: 'The server could not be started: there is no /no/such/engine (ENOENT).',
    });
    for (const command of [resolve('package.json'), storage]) {
      await assert.rejects(host.spawn({ ...missing, command }), {
        name: 'StartError',
        message: `The server could not be started: ${command} may not be executed (EACCES).`,
      });
    }
    const nowhere = new DirectHost(resolve('package.json'), systemClock);
    await assert.rejects(nowhere.spawn(script('')), /^StartError: .* its storage cannot be used \(ENOTDIR: /);
  });
});
