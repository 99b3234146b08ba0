import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { ConnectOptions, EngineClient } from '../../../src/core/engine.ts';
import { CancelledError, RequestError, StartError } from '../../../src/core/errors.ts';
import type { ServerStateName } from '../../../src/core/journal/record.ts';
import { AttachedServer } from '../../../src/node/server/attached-server.ts';
import type { ServerDown } from '../../../src/node/server/server.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { fakeEngine } from '../../fakes/server/fake-engine.ts';

interface Attached {
  server: AttachedServer;
  clock: FakeClock;
  /** How the server at the other end behaves. */
  other: { answers: boolean; status: number };
  states: ServerStateName[];
  downs: ServerDown[];
  connects: ConnectOptions[];
  closed: number[];
}

function attached(): Attached {
  const clock = new FakeClock();
  const other = { answers: true, status: 200 };
  const connects: ConnectOptions[] = [];
  const closed: number[] = [];
  const connect = (options: ConnectOptions): EngineClient => {
    const index = connects.push(options) - 1;
    const client: Partial<EngineClient> = {
      ready: () =>
        other.status === 200
          ? Promise.resolve()
          : Promise.reject(new RequestError('connect', false, `It said ${other.status}.`, other.status)),
      health: () => Promise.resolve(other.answers),
      close: () => Promise.resolve(void closed.push(index)),
    };
    return client as EngineClient;
  };
  const server = new AttachedServer({
    engine: { ...fakeEngine(() => 'well-behaved'), connect },
    clock,
    url: 'http://127.0.0.1:1',
    directory: '/work',
    credentials: () => Promise.resolve({ password: 'given' }),
  });
  const states: ServerStateName[] = [server.state.state];
  const downs: ServerDown[] = [];
  server.onState(({ state }) => states.push(state));
  server.onDown((down) => downs.push(down));
  return { server, clock, other, states, downs, connects, closed };
}

describe('an attached server', () => {
  it('S-01: is connected to once, with the credentials given, for all who ask', async () => {
    const { server, states, connects } = attached();
    const [one, two] = await Promise.all([server.ensure(), server.ensure()]);
    assert.equal(one, two);
    assert.equal(await server.ensure(), one);
    assert.deepEqual(connects, [{ baseUrl: 'http://127.0.0.1:1', directory: '/work', password: 'given' }]);
    assert.deepEqual(states, ['stopped', 'connecting', 'ready']);
    assert.equal(server.state.kind, 'attached');
    assert.equal(server.state.budget, undefined);
    await server.dispose();
  });

  it('says why it cannot be used, and can be used once it can', async () => {
    const { server, other, states } = attached();
    other.status = 401;
    await assert.rejects(server.ensure(), StartError);
    assert.equal(server.state.reason, 'The server at http://127.0.0.1:1 cannot be used: It said 401.');
    other.status = 200;
    await server.ensure();
    assert.deepEqual(states, ['stopped', 'connecting', 'unreachable', 'connecting', 'ready']);
    await server.dispose();
  });

  it('C-13: is unreachable when it has gone silent, and connected to again when it answers', async () => {
    const { server, clock, other, states, downs, closed } = attached();
    await server.ensure();
    other.answers = false;
    clock.advance(25_000);
    await setImmediate();
    assert.deepEqual(states, ['stopped', 'connecting', 'ready', 'unreachable']);
    assert.deepEqual(
      downs.map(({ generation, reason }) => [generation, reason]),
      [[1, 'The server has stopped answering.']],
    );
    other.answers = true;
    clock.advance(10_000);
    await setImmediate();
    assert.deepEqual(states.slice(4), ['connecting', 'ready']);
    assert.equal((await server.ensure()).generation, 2);
    assert.deepEqual(closed, [0], 'S-14: the old client is closed');
    await server.dispose();
  });

  it('S-14: a reconnect is a new generation, and the old client is closed', async () => {
    const { server, closed, downs } = attached();
    await server.ensure();
    const fresh = await server.restart();
    assert.equal(fresh.generation, 2);
    assert.deepEqual(closed, [0]);
    assert.equal(downs.length, 1);
    await server.dispose();
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
