import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { systemClock } from '../../src/node/clock.ts';
import { GuardianHost } from '../../src/node/guardian/guardian-host.ts';
import { ORDER_MS } from '../../src/node/guardian/grace.ts';
import type { Entry } from '../../src/node/guardian/registry.ts';
import type { Held, ProcessSpec } from '../../src/node/process/process-host.ts';
import { isGone } from '../fakes/server/bench.ts';
import { engineBinary, isolatedEnv } from './support/engine-process.ts';
import {
  type ClientCommand,
  type ClientNews,
  type ClientTask,
  READY_LINE,
} from './support/guardian-client.ts';

const PROGRAM = resolve('dist/guardian.cjs');
const FAKES = resolve('test/fakes/server');
const KEY = { name: 'test server', flavour: 'plain' };
/** Longer than any test: ends nothing. */
const LONG = { busyMs: 600_000, idleMs: 600_000 };
const PASSWORD = 'the-password-of-the-fake-server';
/** Between looks at what tells nobody: processes and files of others. */
const LOOK_MS = 20;

/** A server that starts a tool in a session of its own before it is ready, and tells its pid. */
const STARTS_A_TOOL = `
  const tool = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'],
    { detached: true, stdio: 'ignore' });
  console.log('fake server listening on http://127.0.0.1:1/' + tool.pid);
  setInterval(() => {}, 1e6);`;

describe('guardians', function () {
  this.timeout(60_000);
  let clientProgram: string;
  let programs: string;
  let storage: string;
  let warnings: string[];
  let clients: ChildProcess[];
  let pids: Set<number>;
  /** Those that this process has started, to see their exit codes. */
  const guardians: ChildProcess[] = [];
  const onSpawn = (message: unknown) => void guardians.push((message as { process: ChildProcess }).process);

  before(async () => {
    subscribe('child_process', onSpawn);
    programs = await mkdtemp(join(tmpdir(), 'holdfast-client-'));
    clientProgram = join(programs, 'client.mjs');
    await build({
      entryPoints: ['test/engine/support/guardian-client.ts'],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: clientProgram,
    });
  });
  after(async () => {
    unsubscribe('child_process', onSpawn);
    await rm(programs, { recursive: true, force: true });
  });

  async function exitCodeOf(pid: number): Promise<unknown> {
    const child = guardians.find((one) => one.pid === pid);
    assert.ok(child, 'it was started here');
    return ((await once(child, 'exit')) as unknown[])[0];
  }

  beforeEach(async () => {
    storage = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-guardian-')));
    warnings = [];
    clients = [];
    pids = new Set();
  });
  afterEach(async () => {
    for (const client of clients) client.kill('SIGKILL');
    for (const { guardian } of await entries()) pids.add(guardian.pid);
    for (const pid of pids) if (!isGone(pid)) process.kill(pid, 'SIGTERM');
    await until(() => [...pids].every(isGone));
    await rm(storage, { recursive: true, force: true });
  });

  function host(graces = LONG): GuardianHost {
    return new GuardianHost({
      storage,
      program: PROGRAM,
      clock: systemClock,
      graces: () => graces,
      label: 'test',
      workspace: storage,
      log: { warn: (text) => warnings.push(text) },
    });
  }

  function spec(args: string[]): ProcessSpec {
    return {
      command: process.execPath,
      args,
      env: { ...(process.env as Record<string, string>), FAKE_PASSWORD: PASSWORD },
      readyLine: READY_LINE,
      secrets: [PASSWORD],
      label: 'fake server',
      dispose: { path: '/dispose', headers: { authorization: `Bearer ${PASSWORD}` } },
      handover: 'the handover',
    };
  }

  const fake = (name: string): ProcessSpec => spec([join(FAKES, `${name}.mjs`)]);

  async function hold(with_ = fake('well-behaved'), graces = LONG, key = KEY): Promise<Held> {
    const held = await host(graces).hold(key, () => Promise.resolve(with_));
    pids.add(held.process.pid);
    return held;
  }

  async function entries(): Promise<Entry[]> {
    const folder = join(storage, 'registry');
    const names = await readdir(folder).catch(() => []);
    const texts = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
    );
    return texts.filter((text) => text.startsWith('{"version"')).map((text) => JSON.parse(text) as Entry);
  }

  async function onlyEntry(): Promise<Entry> {
    const [entry, ...more] = await entries();
    assert.ok(entry !== undefined && more.length === 0, 'there is one guardian');
    pids.add(entry.guardian.pid);
    return entry;
  }

  /** Starts a client process and waits for what it got. */
  async function client(with_: ProcessSpec, graces = LONG, env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [clientProgram, 'run'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    clients.push(child);
    const news: ClientNews[] = [];
    let look = () => {};
    createInterface({ input: child.stdout }).on('line', (line) => {
      news.push(JSON.parse(line) as ClientNews);
      look();
    });
    const said = <T extends ClientNews['type']>(type: T) =>
      new Promise<Extract<ClientNews, { type: T }>>((done) => {
        look = () => {
          const found = news.find((one) => one.type === type);
          if (found !== undefined) done(found as Extract<ClientNews, { type: T }>);
        };
        look();
      });
    const write = (value: unknown) => child.stdin.write(`${JSON.stringify(value)}\n`);
    const { readyLine: _, ...rest } = with_;
    const task: ClientTask = { storage, program: PROGRAM, graces, key: KEY, spec: rest };
    write(task);
    return { child, news, said, tell: (command: ClientCommand) => write(command) };
  }

  it('two clients share one process, hear of each other, and one ends it for both', async () => {
    const first = await hold();
    const second = await hold();
    assert.equal(first.found, false);
    assert.equal(second.found, true);
    assert.equal(second.handover, 'the handover');
    assert.equal(second.process.pid, first.process.pid);
    assert.equal((await first.process.readyLine)[1], (await second.process.readyLine)[1]);
    second.process.setBusy(true);
    await until(() => first.process.others.busy);
    assert.deepEqual(first.process.others, { count: 1, busy: true });
    assert.deepEqual(second.process.others, { count: 1, busy: false });
    const { guardian, socket } = await onlyEntry();
    assert.equal(await first.process.end(), 'gone');
    const end = await second.process.exited;
    assert.equal(end.signal, 'SIGTERM');
    assert.equal(end.expected, true);
    assert.match(end.stderrTail, /work disposed/, 'its work was ended first');
    assert.deepEqual(await second.process.leftovers, []);
    assert.equal(await second.process.end(), 'gone');
    await until(() => isGone(guardian.pid));
    assert.deepEqual(await readdir(join(storage, 'registry')), []);
    await assert.rejects(stat(dirname(socket)), /ENOENT/);
  });

  it('keeps its secrets: private folder and files, nothing in the command line, the environment or the log', async () => {
    const { process: held } = await hold(fake('tells-its-password'));
    await held.readyLine;
    const { guardian, token, socket, id } = await onlyEntry();
    assert.equal((await stat(join(storage, 'registry'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(storage, 'registry', `${id}.json`))).mode & 0o777, 0o600);
    assert.equal((await stat(dirname(socket))).mode & 0o777, 0o700);
    const shown = ['cmdline', 'environ'].map((file) => readFile(`/proc/${guardian.pid}/${file}`, 'utf8'));
    const registry = await readFile(join(storage, 'registry', `${id}.json`), 'utf8');
    const log = await readFile(host().logPath, 'utf8');
    for (const text of [...(await Promise.all(shown)), log, await held.tail()]) {
      assert.ok(!text.includes(PASSWORD));
      assert.ok(!text.includes(token));
    }
    assert.ok(!registry.includes(PASSWORD) && !registry.includes('the handover'));
  });

  it('a start that fails says why, as if it were a child of ours, and leaves nothing', async () => {
    await assert.rejects(hold({ ...fake('well-behaved'), command: '/no/such/engine' }), {
      name: 'StartError',
      message: 'The server could not be started: there is no /no/such/engine (ENOENT).',
    });
    assert.deepEqual(await readdir(join(storage, 'registry')), []);
  });

  it('outlives a client that is killed, for its grace, and then leaves nothing', async () => {
    const { child, said } = await client(fake('leaves-a-child'), { busyMs: 600_000, idleMs: 500 });
    const { pid } = await said('held');
    await said('ready');
    const { guardian, socket } = await onlyEntry();
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(isGone(pid), false, 'for now it stays');
    await until(() => isGone(guardian.pid));
    await until(() => isGone(pid) && isGone(-pid));
    assert.deepEqual(await readdir(join(storage, 'registry')), []);
    await assert.rejects(stat(dirname(socket)), /ENOENT/);
    assert.deepEqual(await readdir(join(storage, 'run')), []);
  });

  it('a client that comes back within the grace of a busy one finds the same process', async () => {
    const { child, said, tell } = await client(fake('well-behaved'), { busyMs: 600_000, idleMs: 1 });
    const { pid } = await said('held');
    tell('busy');
    await said('done');
    child.kill('SIGKILL');
    await once(child, 'exit');
    // Past the grace of a guardian that nobody has come to, and that of an idle client.
    await pause(ORDER_MS + 500);
    assert.equal(await host().has(KEY), true);
    const again = await hold(undefined, { busyMs: 600_000, idleMs: 1 });
    assert.equal(again.found, true);
    assert.equal(again.process.pid, pid);
    assert.equal(again.handover, 'the handover');
    await again.process.end();
    assert.equal(await host().has(KEY), false);
  });

  it('when the guardian is killed, its server is ended and its clients are told', async () => {
    const { process: held } = await hold(spec(['-e', STARTS_A_TOOL]));
    const tool = Number(new URL((await held.readyLine)[1] ?? '').pathname.slice(1));
    const other = await client(fake('well-behaved'));
    await other.said('held');
    const { guardian, socket } = await onlyEntry();
    process.kill(guardian.pid, 'SIGKILL');
    assert.deepEqual(await held.exited, { stderrTail: '' });
    await until(() => isGone(held.pid));
    assert.deepEqual(await held.leftovers, []);
    await until(() => isGone(tool));
    assert.equal(await held.end(), 'gone');
    assert.deepEqual(await other.said('exited'), { type: 'exited', stderrTail: '' });
    assert.deepEqual(await readdir(join(storage, 'registry')), []);
    await assert.rejects(stat(dirname(socket)), /ENOENT/);
  });

  it('what a guardian and its clients leave behind, killed at one blow, the next one ends', async () => {
    const { child, said } = await client(spec(['-e', STARTS_A_TOOL]));
    const { pid } = await said('held');
    const tool = Number(new URL((await said('ready')).url).pathname.slice(1));
    // The entry is written again with the ready line.
    await until(async () => (await onlyEntry()).url !== undefined);
    const { guardian } = await onlyEntry();
    child.kill('SIGKILL');
    process.kill(guardian.pid, 'SIGKILL');
    await until(() => isGone(guardian.pid));
    assert.deepEqual(await host().reconcile(), { ended: 1 });
    await until(() => isGone(pid) && isGone(tool));
    assert.deepEqual(await readdir(join(storage, 'registry')), []);
  });

  it('T-05: a server that dies is told to all clients at once, and its guardian ends with code 1', async () => {
    const { process: held } = await hold();
    const other = await client(fake('well-behaved'));
    await other.said('held');
    const { guardian } = await onlyEntry();
    const code = exitCodeOf(guardian.pid);
    process.kill(held.pid, 'SIGKILL');
    const end = await held.exited;
    assert.equal(end.signal, 'SIGKILL');
    assert.equal(end.expected, undefined);
    assert.equal((await other.said('exited')).signal, 'SIGKILL');
    assert.deepEqual(await held.leftovers, []);
    assert.equal(await code, 1);
    assert.equal(other.news.filter(({ type }) => type === 'exited').length, 1);
  });

  it('T-04: an end that was asked for is told once, as such, and the guardian ends with code 0', async () => {
    const { process: held } = await hold();
    const asking = await client(fake('well-behaved'));
    await asking.said('ready');
    const { guardian } = await onlyEntry();
    const code = exitCodeOf(guardian.pid);
    asking.tell('end');
    assert.equal((await held.exited).expected, true);
    await asking.said('done');
    assert.equal(await code, 0);
    assert.equal(asking.news.filter(({ type }) => type === 'exited').length, 1);
  });

  it('a SIGTERM to the guardian is an ordinary end; what a terminal sends is not', async () => {
    const { process: held } = await hold();
    await held.readyLine;
    const { guardian } = await onlyEntry();
    const code = exitCodeOf(guardian.pid);
    process.kill(guardian.pid, 'SIGINT');
    process.kill(guardian.pid, 'SIGHUP');
    assert.equal(await held.tail(), (await held.readyLine)[0], 'it goes on');
    process.kill(guardian.pid, 'SIGTERM');
    assert.equal((await held.exited).expected, true);
    assert.equal(await code, 0);
  });

  it('tools that outlive a server are told, kept out of the way of the next one, and ended when asked', async () => {
    const { process: held } = await hold(spec(['-e', STARTS_A_TOOL]));
    const tool = Number(new URL((await held.readyLine)[1] ?? '').pathname.slice(1));
    const { guardian } = await onlyEntry();
    const code = exitCodeOf(guardian.pid);
    process.kill(held.pid, 'SIGKILL');
    assert.deepEqual(
      (await held.leftovers).map(({ pid }) => pid),
      [tool],
    );
    const next = await hold();
    assert.equal(next.found, false);
    assert.equal(isGone(tool), false);
    await held.endLeftovers();
    await until(() => isGone(tool));
    assert.equal(await code, 1);
    await next.process.end();
  });

  it('tools that outlive a server are ended after the busy grace when nobody asks', async () => {
    const { process: held } = await hold(spec(['-e', STARTS_A_TOOL]), { busyMs: 300, idleMs: 600_000 });
    const tool = Number(new URL((await held.readyLine)[1] ?? '').pathname.slice(1));
    const { guardian } = await onlyEntry();
    const code = exitCodeOf(guardian.pid);
    process.kill(held.pid, 'SIGKILL');
    assert.equal((await held.leftovers).length, 1);
    assert.equal(await code, 1);
    await until(() => isGone(tool));
  });

  it('twenty starts at once, in four processes, make one server', async () => {
    const many = Array.from({ length: 17 }, () => hold());
    const others = await Promise.all([1, 2, 3].map(() => client(fake('well-behaved'))));
    const held = await Promise.all(many);
    const found = await Promise.all(others.map(({ said }) => said('held')));
    const all = [...held.map(({ process: { pid } }) => pid), ...found.map(({ pid }) => pid)];
    assert.equal(new Set(all).size, 1);
    assert.equal([...held, ...found].filter((one) => !one.found).length, 1);
    await onlyEntry();
    await held[0]?.process.end();
  });

  it("settings that differ: another window keeps its server, nobody's is replaced", async () => {
    const first = await hold();
    const other = { ...KEY, flavour: 'other' };
    await assert.rejects(hold(undefined, LONG, other), {
      name: 'StartError',
      message: /^Another window uses a server with other settings\. Close it there/,
    });
    assert.equal(first.process.isAlive(), true);
    await first.process.release();
    const second = await hold(undefined, LONG, other);
    assert.equal(second.found, false);
    assert.ok(isGone(first.process.pid));
    await second.process.end();
  });

  it('a wrong token and nonsense are refused and change nothing', async () => {
    const { process: held } = await hold();
    const { socket, token } = await onlyEntry();
    const hello = { type: 'hello', pid: process.pid, label: 'x', graces: LONG };
    const tries = [
      { ...hello, token: 'wrong' },
      { ...hello, token: `${token}x` },
      { type: 'end' },
      { ...hello, token, pid: 1 },
      'nonsense',
      'x'.repeat(1_000_000),
    ];
    for (const one of tries) {
      const answers = await sayTo(socket, one);
      assert.ok(!answers.includes('welcome'), answers);
      assert.ok(!answers.includes('the handover'), answers);
    }
    assert.deepEqual(held.others, { count: 0, busy: false });
    assert.equal(held.isAlive(), true);
    await held.end();
  });

  it('a tool of the server is refused although it knows the token', async () => {
    // The client is started by the server itself, once it gets its task by a file.
    const task = join(storage, 'task.json');
    const said = join(storage, 'said.txt');
    const source = `
      const { spawn } = require('child_process'), fs = require('fs');
      console.log('fake server listening on http://127.0.0.1:1/');
      const wait = setInterval(() => {
        if (!fs.existsSync(${JSON.stringify(task)})) return;
        clearInterval(wait);
        for (const [i, detached] of [false, true].entries()) {
          const tool = spawn(process.execPath, [${JSON.stringify(clientProgram)}, 'run'], { detached,
            stdio: ['pipe', fs.openSync(${JSON.stringify(said)} + i, 'w'), 'ignore'] });
          tool.stdin.write(fs.readFileSync(${JSON.stringify(task)}));
        }
      }, 20);`;
    const { process: held } = await hold(spec(['-e', source]));
    await held.readyLine;
    const { readyLine: _, ...rest } = fake('well-behaved');
    const order: ClientTask = { storage, program: PROGRAM, graces: LONG, key: KEY, spec: rest };
    await writeFile(`${task}.new`, `${JSON.stringify(order)}\n`);
    await rename(`${task}.new`, task);
    for (const one of [`${said}0`, `${said}1`]) {
      const heard = () => readFile(one, 'utf8').catch(() => '');
      await until(async () => (await heard()).includes('\n'));
      assert.match(await heard(), /"failed".*cannot be used: it did not let us in/);
    }
    assert.deepEqual(held.others, { count: 0, busy: false });
    assert.match(
      await readFile(host().logPath, 'utf8'),
      /refused a client: process \d+ is a tool of the server/,
    );
    await held.end();
  });

  it('S-10: an entry whose pids belong to strangers by now never leads to a kill', async () => {
    await hold().then(({ process: held }) => held.readyLine);
    const real = await onlyEntry();
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
    await once(stranger, 'spawn');
    const dead = { ...real.guardian, startedAt: 'long ago' };
    const decoy = (id: string, change: Partial<Entry>) =>
      writeFile(
        join(storage, 'registry', `${id}.json`),
        JSON.stringify({ ...real, id, guardian: dead, socket: '/nowhere/s', ...change }),
      );
    const { commandLine, startedAt } = real.server!;
    await decoy('one', { server: { pid: stranger.pid!, commandLine, startedAt } });
    await decoy('two', { server: { ...real.server!, startedAt: 'long ago' } });
    await decoy('three', { server: { ...real.server!, commandLine: 'another' } });
    await decoy('four', { machine: 'elsewhere', pidSpace: 'elsewhere' });
    await writeFile(join(storage, 'registry', 'five.json'), '{ "version": 1');
    assert.deepEqual(await host().reconcile(), { ended: 0 });
    assert.equal(isGone(stranger.pid!), false);
    assert.equal(isGone(real.server!.pid), false);
    assert.deepEqual(
      (await readdir(join(storage, 'registry'))).sort(),
      ['five.json', 'four.json', `${real.id}.json`].sort(),
    );
    assert.match(warnings.join(), /five\.json is not the file of a server and was left alone\./);
    stranger.kill();
    await (await hold()).process.end();
  });

  it('is small, also while its server writes as fast as it can, and idle when nothing happens', async () => {
    const { process: held } = await hold(fake('floods-stderr'));
    await held.readyLine;
    const { guardian } = await onlyEntry();
    // Ends when it has done nothing for a second.
    await until(async () => {
      const ticks = await cpuTicks(guardian.pid);
      await pause(1_000);
      return (await cpuTicks(guardian.pid)) === ticks;
    });
    const peak = await memory(guardian.pid, 'VmHWM');
    console.log(`      guardian: peak ${peak} MB, now ${await memory(guardian.pid, 'VmRSS')} MB`);
    assert.ok(peak < 60, `${peak} MB`);
    await held.end();
  });

  it('holds the real engine: found again by its handover, its work disposed of, and gone', async () => {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-real-')));
    try {
      const engine = createOpencodeEngine();
      const binary = { path: engineBinary(), version: '1.18.33', source: 'test' };
      const launched = engine.launch({
        binary,
        password: PASSWORD,
        baseEnv: await isolatedEnv(root),
        extraPath: [],
        programs: resolve('dist'),
      });
      const with_ = { ...launched, secrets: [PASSWORD], label: 'opencode', handover: PASSWORD };
      const first = await hold(with_);
      const baseUrl = (await first.process.readyLine)[1] ?? '';
      const { guardian } = await onlyEntry();
      console.log(`      guardian: ${await memory(guardian.pid, 'VmRSS')} MB with opencode`);
      await first.process.release();
      const { process: held, handover, found } = await hold(with_);
      assert.equal(found, true);
      assert.equal((await held.readyLine)[1], baseUrl);
      const client_ = engine.connect({ baseUrl, password: handover, directory: root });
      await client_.ready(30_000);
      await client_.close();
      assert.equal(await held.end(), 'gone');
      await until(() => isGone(held.pid) && isGone(-held.pid));
      await until(() => isGone(guardian.pid));
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });

  it('a registry that others could write to is made private', async () => {
    await (await hold()).process.end();
    await chmod(join(storage, 'registry'), 0o777);
    await (await hold()).process.end();
    assert.equal((await stat(join(storage, 'registry'))).mode & 0o777, 0o700);
  });
});

async function sayTo(socket: string, value: unknown): Promise<string> {
  const connection = connect(socket);
  let heard = '';
  connection.on('data', (chunk) => (heard += chunk.toString()));
  connection.on('error', () => {});
  connection.write(
    typeof value === 'string' ? `${value}\n` : `${JSON.stringify(value)}\n{"type":"proved"}\n`,
  );
  await new Promise((done) => connection.once('close', done));
  return heard;
}

/** Waits for what nobody tells: the end of processes that are not our children, and files. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(LOOK_MS);
}

const pause = (ms: number) => new Promise<void>((done) => void setTimeout(done, ms));

/** MB */
async function memory(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 102.4) / 10;
}

async function cpuTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
