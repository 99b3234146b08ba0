import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import type { ConnectOptions } from '../../../src/core/engine.ts';
import { CancelledError, DatabaseError, EngineMissingError, StartError } from '../../../src/core/errors.ts';
import type { SessionStore } from '../../../src/node/server/session-store.ts';
import { assertGone, type Bench, bench, isGone, makeExit } from '../../fakes/server/bench.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { fakeEngine } from '../../fakes/server/fake-engine.ts';

describe('an owned server', () => {
  let b: Bench;
  afterEach(() => b.end());

  it('starts, serves and stops, and nothing is left of it', async () => {
    b = await bench('well-behaved');
    const connection = await b.server.ensure();
    assert.equal(connection.generation, 1);
    assert.equal(connection.engineVersion, '0.0.1');
    assert.equal(connection.pid, b.server.state.pid);
    await b.server.stop();
    assert.deepEqual(b.states, ['stopped', 'starting', 'ready', 'stopping', 'stopped']);
    assertGone(b.pids);
    assert.deepEqual(await readdir(`${b.storage}/run`), [], 'its working directory is gone too');
  });

  it('S-01: callers at the same time share one start and one connection', async () => {
    b = await bench('well-behaved');
    const [first, second] = await Promise.all([b.server.ensure(), b.server.ensure()]);
    const third = await b.server.ensure();
    assert.equal(first, second);
    assert.equal(first, third);
    assert.equal(b.pids.length, 1);
  });

  it('S-02: a start asked for while a forced restart waits for the old process yields one supervised child', async () => {
    b = await bench('well-behaved');
    await b.server.ensure();
    const restarted = b.server.restart();
    assert.equal(b.server.state.state, 'stopping');
    const [one, two] = await Promise.all([b.server.ensure(), restarted]);
    assert.equal(one, two);
    assert.equal(b.pids.length, 2);
    await b.server.stop();
    assertGone(b.pids);
    assert.deepEqual(b.states.slice(2), ['ready', 'stopping', 'starting', 'ready', 'stopping', 'stopped']);
  });

  it('S-03, C-13: a crash is told once, at once, with how it ended and its last words', async () => {
    b = await bench('well-behaved');
    const connection = await b.server.ensure();
    await Promise.all([b.until(({ state }) => state === 'stopped'), makeExit(connection, 7)]);
    assert.deepEqual(b.states, ['stopped', 'starting', 'ready', 'stopped']);
    assert.equal(b.downs.length, 1);
    const [down] = b.downs;
    assert.equal(down?.generation, 1);
    assert.equal(down?.exit?.code, 7);
    assert.equal(down?.exit?.expected, false);
    assert.match(down?.exit?.stderrTail ?? '', /the last words$/);
    assert.equal(b.server.state.reason, 'The server exited with code 7.');
    assert.deepEqual(b.server.state.exit, down?.exit);
  });

  it('S-03, T-04: a stop is told once, as expected, and never looks like a crash', async () => {
    b = await bench('well-behaved');
    await b.server.ensure();
    await Promise.all([b.server.stop(), b.server.stop()]);
    assert.deepEqual(
      b.downs.map(({ generation, exit }) => [generation, exit?.expected, exit?.signal]),
      [[1, true, 'SIGTERM']],
    );
    assert.equal(b.server.state.reason, undefined);
  });

  it('T-04: after dispose nothing starts again', async () => {
    b = await bench('well-behaved');
    await b.server.ensure();
    await b.server.dispose();
    await assert.rejects(b.server.ensure(), CancelledError);
    await assert.rejects(b.server.restart(), CancelledError);
    assert.equal(b.pids.length, 1);
    assertGone(b.pids);
  });

  it('S-04: a ready timeout ends the child, and the next start works', async () => {
    const clock = new FakeClock();
    b = await bench('never-ready', { clock });
    const first = assert.rejects(b.server.ensure(), (error: unknown) => {
      assert.ok(error instanceof StartError);
      assert.equal(error.message, 'The server was not ready within 60 s and was ended.');
      return true;
    });
    await b.until(({ pid }) => pid !== undefined);
    clock.advance(60_000);
    await first;
    assertGone(b.pids);
    b.use('well-behaved');
    await b.server.ensure();
    assert.deepEqual(b.states, ['stopped', 'starting', 'stopping', 'stopped', 'starting', 'ready']);
    assert.deepEqual(b.downs, [], 'nobody was connected to the first one');
  });

  it('a slow start is not a crash', async () => {
    const clock = new FakeClock();
    const gate = createServer();
    gate.listen(0, '127.0.0.1');
    await once(gate, 'listening');
    const { port } = gate.address() as AddressInfo;
    b = await bench('slow-start', { clock, env: { ...process.env, FAKE_GATE: `http://127.0.0.1:${port}` } });
    const ready = b.server.ensure();
    const [, response] = (await once(gate, 'request')) as [unknown, ServerResponse];
    clock.advance(59_000);
    response.end();
    await ready;
    assert.deepEqual(b.states, ['stopped', 'starting', 'ready']);
    gate.closeAllConnections();
    gate.close();
  });

  it('an exit before ready is a start failure with the words of the engine, not a crash', async () => {
    b = await bench('exits-early');
    await assert.rejects(b.server.ensure(), (error: unknown) => {
      assert.ok(error instanceof StartError);
      assert.equal(
        error.message,
        'The server exited with code 1 before it was ready. It said: Config file at /home/me/config.json is not valid JSON',
      );
      assert.match(error.stderrTail, /at line 1/);
      return true;
    });
    assert.deepEqual(b.states, ['stopped', 'starting', 'stopped']);
    assert.deepEqual(b.downs, []);
  });

  it('names the database as what kept it from starting, and tells what was seen of that before', async () => {
    const asked: string[] = [];
    const store: SessionStore = {
      beforeStart: () => Promise.resolve(['It is gone.']),
      blame: (words) => {
        asked.push(words);
        return Promise.resolve(new DatabaseError('damaged', 'It is damaged.', words));
      },
    };
    b = await bench('exits-early', { store });
    await assert.rejects(b.server.ensure(), /^DatabaseError: It is damaged\.$/);
    assert.equal(b.server.state.reason, 'It is damaged.');
    assert.match(asked.join('|'), /^Config file at [^|]*$/);
    b.use('well-behaved');
    const connection = await b.server.ensure();
    assert.deepEqual(connection.notes, ['It is gone.']);
    await Promise.all([b.until(({ state }) => state === 'stopped'), makeExit(connection, 7)]);
    assert.equal(asked.length, 1, 'a crash is no failed start');
  });

  it('S-05: a binary that is not there or may not be run is named as such, and costs no restart', async () => {
    const engine = { ...fakeEngine(() => 'well-behaved'), locate: () => Promise.resolve(binary) };
    let binary = { path: '/no/such/engine', version: '1', source: 'test' };
    b = await bench('well-behaved', { engine });
    await assert.rejects(b.server.ensure(), /there is no \/no\/such\/engine \(ENOENT\)/);
    binary = { ...binary, path: NOT_EXECUTABLE };
    await assert.rejects(b.server.ensure(), /may not be executed \(EACCES\)/);
    assert.equal(b.server.state.budget?.used, 0);
    assert.deepEqual(b.states, ['stopped', 'starting', 'stopped', 'starting', 'stopped']);
  });

  it('an engine that is not installed is reported as what it is', async () => {
    const missing = new EngineMissingError('No opencode was found.');
    const engine = { ...fakeEngine(() => 'well-behaved'), locate: () => Promise.reject(missing) };
    b = await bench('well-behaved', { engine });
    await assert.rejects(b.server.ensure(), missing);
    assert.equal(b.server.state.reason, 'No opencode was found.');
  });

  it('S-06: stop escalates to SIGKILL after 5 s, and is over only when the process is gone', async () => {
    const clock = new FakeClock();
    b = await bench('ignores-sigterm', { clock });
    await b.server.ensure();
    const stopped = b.server.stop();
    await clock.armed(5_000);
    clock.advance(4_999);
    assert.equal(isGone(b.pids[0]!), false, 'it was asked, and is still there');
    assert.equal(b.server.state.state, 'stopping');
    clock.advance(1);
    await stopped;
    assertGone(b.pids);
    assert.equal(b.server.state.exit?.signal, 'SIGKILL');
    assert.equal(b.server.state.exit?.expected, true);
  });

  it('S-06: a child that takes no notice of SIGTERM does not outlive its server', async () => {
    const clock = new FakeClock();
    b = await bench('leaves-a-child', { clock });
    await b.server.ensure();
    const child = Number(/child (\d+)/.exec(await b.log())?.[1]);
    const stopped = b.server.stop();
    // The child holds the pipe of the error output, so its end is not awaited for longer than this.
    await clock.armed(250);
    clock.advance(250);
    await b.until(({ state }) => state === 'stopped');
    assert.equal(isGone(child), false);
    clock.advance(5_000);
    clock.thaw();
    await stopped;
    assertGone([...b.pids, child]);
  });

  it('S-08, C-14: starts after start failures wait, are counted, and are refused when the budget is spent', async () => {
    const clock = new FakeClock();
    b = await bench('exits-early', { clock });
    await assert.rejects(b.server.ensure());
    await assert.rejects(b.server.ensure());
    for (const wait of [5_000, 15_000]) {
      const next = assert.rejects(b.server.ensure());
      assert.equal(b.server.state.state, 'backing-off');
      clock.advance(wait);
      await next;
    }
    assert.deepEqual(b.server.state.budget, { limit: 3, windowMs: 300_000, used: 3 });
    await assert.rejects(
      b.server.ensure(),
      /^StartError: 3 of 3 restarts within 5 minutes are used up\. The server exited/,
    );
    assert.equal(b.server.state.state, 'failed');
    assert.equal(b.pids.length, 4);
    b.use('well-behaved');
    await b.server.restart();
    assert.equal(b.server.state.state, 'ready', 'a person may always try');
  });

  it('S-09: a ready line in single bytes is seen; output after ready is kept for the tail, 64 KiB of it', async () => {
    b = await bench('chunked-ready-line');
    await b.server.ensure();
    await b.server.stop();
    b.use('floods-stderr');
    const connection = await b.server.ensure();
    await Promise.all([b.until(({ state }) => state === 'stopped'), makeExit(connection, 3)]);
    const tail = b.server.state.exit?.stderrTail ?? '';
    assert.equal(tail.slice(-15), '\nthe last words');
    assert.ok(tail.length > 60_000 && tail.length <= 64 * 1024, `${tail.length} characters`);
  });

  it('S-11: a server that answers without its password is refused and ended', async () => {
    b = await bench('asks-for-no-password');
    await assert.rejects(
      b.server.ensure(),
      /^StartError: The server answers without its password and was refused\.$/,
    );
    assert.deepEqual(b.states, ['stopped', 'starting', 'stopping', 'stopped']);
    assertGone(b.pids);
  });

  it('S-11: a server that listens to more than this machine is refused and ended', async () => {
    b = await bench('listens-to-everybody');
    await assert.rejects(
      b.server.ensure(),
      /listens on http:\/\/192\.0\.2\.7:4096, not on this machine alone/,
    );
    assertGone(b.pids);
  });

  it('a server whose workspace route fails is not ready, whatever its health says', async () => {
    b = await bench('serves-no-workspace');
    const { message } = await rejection(b.server.ensure());
    assert.equal(message, 'The server runs but cannot serve this workspace: opencode.json is not valid JSON');
    assertGone(b.pids);
  });

  it('S-14: a new server is a new generation with a new client, and the old client is closed', async () => {
    b = await bench('well-behaved');
    const old = await b.server.ensure();
    const fresh = await b.server.restart();
    assert.equal(fresh.generation, 2);
    assert.notEqual(fresh.client, old.client);
    assert.notEqual(fresh.baseUrl, old.baseUrl);
    await assert.rejects(old.client.listSessions(1), { name: 'AbortError' });
    await fresh.client.listSessions(1);
    assert.deepEqual(
      b.downs.map(({ generation }) => generation),
      [1],
    );
  });

  it('C-17: the log says how each server ended', async () => {
    b = await bench('well-behaved');
    const connection = await b.server.ensure();
    await Promise.all([b.until(({ state }) => state === 'stopped'), makeExit(connection, 7)]);
    await b.server.ensure();
    await b.server.stop();
    const log = await b.log();
    assert.match(log, /opencode server 1 \(.*\) started, pid \d+\n/);
    assert.match(log, /the last words\n.*opencode server 1 \(.*\) ended, exit code 7\n/);
    assert.match(log, /opencode server 2 \(.*\) ended, signal SIGTERM\n/);
  });

  it('the password is in no log and in no tail', async () => {
    const passwords: string[] = [];
    const plain = fakeEngine(() => 'tells-its-password');
    const engine = {
      ...plain,
      launch: (options: Parameters<typeof plain.launch>[0]) => {
        passwords.push(options.password);
        return plain.launch(options);
      },
    };
    b = await bench('tells-its-password', { engine });
    const connection = await b.server.ensure();
    await Promise.all([b.until(({ state }) => state === 'stopped'), makeExit(connection, 1)]);
    const [password = ''] = passwords;
    assert.equal(Buffer.from(password, 'base64url').length, 32, '256 bits');
    for (const text of [await b.log(), b.server.state.exit?.stderrTail ?? '']) {
      assert.match(text, /FAKE_PASSWORD=\[secret\]/);
      assert.match(text, /Basic \[secret\]/);
      assert.ok(!text.includes(password));
    }
  });

  it('a stop while it starts ends the start, and who waits for it is told', async () => {
    b = await bench('never-ready');
    const waiting = assert.rejects(b.server.ensure(), CancelledError);
    await b.until(({ pid }) => pid !== undefined);
    await b.server.stop();
    await waiting;
    assertGone(b.pids);
  });

  it('S-02: a stop before there is a process spawns none', async () => {
    b = await bench('well-behaved');
    const waiting = assert.rejects(b.server.ensure(), CancelledError);
    await b.server.stop();
    await waiting;
    assert.deepEqual(b.pids, []);
  });

  describe('that answers nothing any more', () => {
    let clock: FakeClock;

    beforeEach(async () => {
      clock = new FakeClock();
      const engine = fakeEngine(() => 'well-behaved');
      const connect = (options: ConnectOptions) =>
        Object.assign(engine.connect(options), { health: () => Promise.resolve(false) });
      b = await bench('well-behaved', { clock, engine: { ...engine, connect } });
    });

    /** Lets probes fail and time pass, in turns. */
    async function pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 5_000) {
        clock.advance(5_000);
        await new Promise((done) => setImmediate(done));
      }
    }

    it('S-12: is ended where nothing runs, and the next who needs one gets another, which is paid for', async () => {
      const { pid } = await b.server.ensure();
      await Promise.all([b.until(({ state }) => state === 'stopped'), pass(25_000)]);
      assert.equal(b.server.state.reason, 'The server did not answer any more and was ended.');
      assert.equal(b.downs.length, 1);
      const next = await b.server.ensure();
      assert.notEqual(next.pid, pid);
      assert.equal(b.server.state.budget?.used, 1);
    });

    it('S-12: has its grace while a turn runs, is shown after it, and is left to the turn', async () => {
      const { pid } = await b.server.ensure();
      b.server.turnStarted('t');
      await pass(130_000);
      assert.equal(b.server.state.state, 'ready');
      await pass(25_000);
      assert.equal(b.server.state.state, 'unresponsive');
      assert.equal((await b.server.ensure()).pid, pid, 'it is still the server');
      b.server.heard(1);
      assert.deepEqual(b.states, ['stopped', 'starting', 'ready', 'unresponsive', 'ready']);
      assert.deepEqual(b.downs, []);
    });

    it('S-12: is ended for a turn that has waited long enough, and for nothing once it has ended', async () => {
      await b.server.ensure();
      b.server.turnStarted('t');
      await pass(155_000);
      b.server.giveUp();
      const { pid } = await b.server.ensure();
      assert.equal(b.server.state.generation, 2);
      assert.equal(b.server.state.budget?.used, 1);
      await b.server.stop();
      b.server.giveUp();
      assert.equal(b.server.state.state, 'stopped');
      assertGone([...b.pids, pid ?? 0].filter((one) => one !== 0));
    });
  });
});

/** A file that exists and may not be executed. */
const NOT_EXECUTABLE = resolve('package.json');

async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    () => assert.fail('expected a rejection'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error;
}
