import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { ConnectOptions, EngineClient } from '../../../src/core/engine.ts';
import { CancelledError, RequestError, StartError } from '../../../src/core/errors.ts';
import type { ServerStateName } from '../../../src/core/journal/record.ts';
import { AttachedServer, type AttachedServerOptions } from '../../../src/node/server/attached-server.ts';
import type { ServerDown } from '../../../src/node/server/server.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { fakeEngine } from '../../fakes/server/fake-engine.ts';

interface Attached {
  server: AttachedServer;
  clock: FakeClock;
  /** How the server at the other end behaves. `status` 0: nothing listens there. */
  other: { status: number; requests: number };
  states: ServerStateName[];
  downs: ServerDown[];
  connects: ConnectOptions[];
  closed: number[];
}

const URL = 'http://me:secret@127.0.0.1:1/';

function attached(options: Partial<AttachedServerOptions> = {}): Attached {
  const clock = new FakeClock();
  const other = { status: 200, requests: 0 };
  const connects: ConnectOptions[] = [];
  const closed: number[] = [];
  const connect = (given: ConnectOptions): EngineClient => {
    const index = connects.push(given) - 1;
    const client: Partial<EngineClient> = {
      ready: () => {
        other.requests++;
        if (other.status === 200) return Promise.resolve();
        if (other.status === 0) return Promise.reject(new RequestError('connect', true, 'Nothing listens.'));
        const retriable = other.status >= 500;
        return Promise.reject(
          new RequestError('connect', retriable, `It said ${other.status}.`, other.status),
        );
      },
      health: () => {
        other.requests++;
        return Promise.resolve(other.status === 200);
      },
      close: () => Promise.resolve(void closed.push(index)),
    };
    return client as EngineClient;
  };
  const server = new AttachedServer({
    engine: { ...fakeEngine(() => 'well-behaved'), connect },
    clock,
    url: URL,
    directory: '/work',
    credentials: () => Promise.resolve({ password: 'given' }),
    random: () => 0.5,
    ...options,
  });
  const states: ServerStateName[] = [server.state.state];
  const downs: ServerDown[] = [];
  server.onState(({ state }) => states.push(state));
  server.onDown((down) => downs.push(down));
  return { server, clock, other, states, downs, connects, closed };
}

/** Time goes by a second at a time, and what is asked meanwhile is answered. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1_000);
    await setImmediate();
  }
}

describe('an attached server', () => {
  it('S-01: is connected to once, with the credentials given, for all who ask', async () => {
    const { server, states, connects } = attached();
    const [one, two] = await Promise.all([server.ensure(), server.ensure()]);
    assert.equal(one, two);
    assert.equal(await server.ensure(), one);
    assert.deepEqual(connects, [{ baseUrl: URL, directory: '/work', password: 'given' }]);
    assert.deepEqual(states, ['stopped', 'connecting', 'ready']);
    assert.equal(server.state.kind, 'attached');
    assert.equal(server.state.budget, undefined);
    await server.dispose();
  });

  it('S-10: has no process of ours: no pid, no exit, nobody to end, also once it is gone', async () => {
    const { server, clock, other, downs } = attached();
    const connection = await server.ensure();
    other.status = 0;
    await pass(clock, 60);
    assert.equal('pid' in connection, false);
    assert.equal('pid' in server.state, false);
    assert.equal('exit' in server.state, false);
    assert.deepEqual(downs, [{ generation: 1, reason: 'The server has stopped answering.' }]);
    await server.dispose();
  });

  describe('that will not have us', () => {
    const cases = [
      [
        401,
        'given',
        /^The server at http:\/\/127\.0\.0\.1:1 refused the password\..*Set Server Password.*HOLDFAST_SERVER_PASSWORD/,
      ],
      [401, undefined, /wants a password\..*Set Server Password/],
      [404, 'given', /is no opencode server: It said 404\. Check the address: holdfast\.server\.url/],
      [400, 'given', /^The server at http:\/\/127\.0\.0\.1:1 cannot be used: It said 400\.$/],
    ] as const;
    for (const [status, password, words] of cases) {
      it(`says so and what to do (${status}, ${password ?? 'no'} password), and is not asked again`, async () => {
        const { server, clock, other, states } = attached({
          credentials: () => Promise.resolve({ password }),
        });
        other.status = status;
        await assert.rejects(server.ensure(), StartError);
        assert.match(server.state.reason ?? '', words);
        assert.doesNotMatch(server.state.reason ?? '', /secret/);
        await pass(clock, 600);
        assert.equal(other.requests, 1);
        assert.equal(clock.timers, 0);
        other.status = 200;
        await server.ensure();
        assert.deepEqual(states, ['stopped', 'connecting', 'failed', 'connecting', 'ready']);
        await server.dispose();
      });
    }

    it('is noticed also when its password was changed while it was away', async () => {
      const { server, clock, other, states } = attached();
      await server.ensure();
      other.status = 0;
      await pass(clock, 40);
      other.status = 401;
      await pass(clock, 60);
      assert.deepEqual(states.slice(2), ['ready', 'unreachable', 'failed']);
      assert.match(server.state.reason ?? '', /refused the password/);
      await server.dispose();
    });
  });

  it('C-13: is unreachable when it has gone silent, and connected to again when it is back, by itself', async () => {
    const { server, clock, other, states, downs, closed } = attached();
    await server.ensure();
    other.status = 0;
    await pass(clock, 30);
    assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'unreachable']);
    assert.deepEqual(
      downs.map(({ generation, reason }) => [generation, reason]),
      [[1, 'The server has stopped answering.']],
    );
    assert.deepEqual(closed.slice(0, 1), [0], 'S-14: the old client is closed');
    other.status = 200;
    await pass(clock, 18);
    assert.deepEqual(states.slice(3), ['unreachable', 'ready']);
    assert.ok((await server.ensure()).generation > 1);
    await server.dispose();
  });

  it('is not asked for often while it is away, however long, and a proxy that says 502 is no difference', async () => {
    for (const status of [0, 502]) {
      const { server, clock, other, states } = attached();
      await server.ensure();
      other.status = status;
      await pass(clock, 60);
      // Three probes, then tries after 1, 2, 5 and 10 s.
      assert.ok(other.requests <= 9, `${other.requests} in the first minute`);
      other.requests = 0;
      await pass(clock, 600);
      assert.equal(other.requests, 40, 'four a minute');
      assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'unreachable'], 'no flicker');
      await server.dispose();
      assert.equal(clock.timers, 0);
    }
  });

  it('C-04: is not probed while bytes come', async () => {
    const { server, clock, other } = attached();
    const { generation } = await server.ensure();
    other.requests = 0;
    for (let round = 0; round < 20; round += 1) {
      await pass(clock, 10);
      server.heard(generation);
    }
    assert.equal(other.requests, 0);
    await server.dispose();
  });

  describe('restarted by a person', () => {
    it('S-14: without a command is only connected to anew: a new generation, the old client closed', async () => {
      const { server, closed, downs, states } = attached();
      await server.ensure();
      const fresh = await server.restart();
      assert.equal(fresh.generation, 2);
      assert.deepEqual(closed, [0]);
      assert.equal(downs.length, 1);
      assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'connecting', 'ready']);
      await server.dispose();
    });

    it('with one is waited for until it is back, once for all who ask', async () => {
      let runs = 0;
      let done = (): void => undefined;
      const ended = new Promise<void>((resolve) => (done = resolve));
      const { server, clock, other, states } = attached({ restart: () => (runs++, ended) });
      await server.ensure();
      const waiting = [server.restart(), server.restart(), server.ensure()];
      assert.equal(server.state.state, 'stopping');
      other.status = 0;
      done();
      await pass(clock, 5);
      assert.equal(server.state.state, 'connecting');
      other.status = 200;
      await pass(clock, 5);
      const [one, two, three] = await Promise.all(waiting);
      assert.ok(one === two && two === three);
      assert.equal(runs, 1);
      assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'stopping', 'connecting', 'ready']);
      await server.dispose();
    });

    it('with one that fails says so in its words, and the server is used if it is there all the same', async () => {
      const problem = new StartError('The restart command ended with code 5.', '');
      const { server, states } = attached({ restart: () => Promise.reject(problem) });
      await server.ensure();
      await assert.rejects(server.restart(), problem);
      await server.ensure();
      assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'stopping', 'connecting', 'ready']);
      await server.dispose();
    });

    it('with one that ends well but brings no server back says that after a minute', async () => {
      const { server, clock, other } = attached({ restart: () => Promise.resolve() });
      await server.ensure();
      other.status = 0;
      const waiting = assert.rejects(server.restart(), /cannot be reached: Nothing listens/);
      await pass(clock, 80);
      await waiting;
      assert.equal(server.state.state, 'unreachable');
      await server.dispose();
    });
  });

  it('is let go by a stop, and by a dispose for good', async () => {
    const { server, clock, states, closed } = attached();
    await server.ensure();
    await server.stop();
    assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'stopped']);
    assert.deepEqual(closed, [0]);
    assert.equal(clock.timers, 0);
    await server.ensure();
    await server.dispose();
    await assert.rejects(server.ensure(), CancelledError);
    await assert.rejects(server.restart(), CancelledError);
  });

  it('who waits for a connection is told when it is stopped meanwhile', async () => {
    const { server, closed, connects } = attached();
    const waiting = assert.rejects(server.ensure(), CancelledError);
    await server.stop();
    await waiting;
    await setImmediate();
    assert.equal(closed.length, connects.length);
  });
});
