import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { EngineEvent, StreamListener } from '../../../src/core/engine.ts';
import { EventHub } from '../../../src/node/stream/event-hub.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import { delta } from '../support/story.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** As opencode 1.18.33 sends them. */
const HEARTBEAT_MS = 10 * SECOND;

/** A hub, the streams it asked for, and what it told. */
function start(heartbeatGapMs = 0) {
  const clock = new FakeClock();
  const client = new FakeClient();
  const states: string[] = [];
  const heard: EngineEvent[] = [];
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) };
  const hub = new EventHub({ client, clock, log, heartbeatGapMs });
  hub.listen({
    onEvents: (events) => heard.push(...events),
    onState: (state, reason) => states.push(reason === undefined ? state : `${state}: ${reason}`),
  });
  /** Time passes on a stream that has its heartbeats. */
  const beating = (stream: StreamListener, ms: number): void => {
    for (let passed = 0; passed < ms; passed += HEARTBEAT_MS) {
      clock.advance(HEARTBEAT_MS);
      stream.onBytes(50);
    }
  };
  const end = (): void => {
    hub.close();
    assert.equal(clock.timers, 0);
    assert.equal(client.closed.includes(client.lastStream), true);
  };
  return { clock, client, hub, states, heard, lines, beating, end };
}

/** What a minute brings, when each stream gets what `serve` makes of it. */
async function minute(serve: (stream: StreamListener) => void) {
  const { clock, client, states, hub } = start();
  let served = 0;
  for (let ms = 0; ms < MINUTE; ms += 250) {
    for (; served < client.streams.length; served += 1) serve(client.streams[served]!);
    clock.advance(250);
    await setImmediate();
  }
  hub.close();
  assert.equal(clock.timers, 0);
  return { asked: client.streams.length, states };
}

describe('the event stream of a server that is not well', () => {
  it('that accepts each stream and ends it cleanly at once is not asked in a hot loop', async () => {
    const { asked, states } = await minute((stream) => {
      stream.onOpen();
      stream.onEnd('the server ended its event stream');
    });
    assert.ok(asked <= 17, `asked ${asked} times in a minute`);
    assert.equal(states.filter((state) => state === 'open').length, asked);
  });

  it('that refuses each stream is asked as seldom, and told neither open nor lost', async () => {
    const { asked, states } = await minute((stream) => stream.onEnd('nothing listens'));
    assert.ok(asked <= 17, `asked ${asked} times in a minute`);
    assert.deepEqual(states, []);
  });
});

describe('an event stream that is open', () => {
  it('C-03: is looked at by one timer, however much comes, and with its heartbeats is never doubted', () => {
    const { clock, client, states, lines, beating, end } = start();
    client.lastStream.onOpen();
    beating(client.lastStream, 60 * MINUTE);
    for (let n = 0; n < 10_000; n++) client.lastStream.onBytes(100);
    assert.equal(clock.timers, 1);
    assert.deepEqual([client.streams.length, states, lines], [1, ['open'], []]);
    end();
  });

  it('C-03: and died without a word is replaced after 25 s, which is told once, as a loss and a new beginning', () => {
    const { clock, client, states, heard, beating, end } = start();
    const [dead] = client.streams;
    dead!.onOpen();
    beating(dead!, MINUTE);
    clock.advance(24 * SECOND);
    assert.equal(client.streams.length, 1);
    clock.advance(SECOND);
    const other = client.lastStream;
    assert.deepEqual([client.streams.length, states], [2, ['open']]);
    other.onOpen();
    assert.deepEqual(states, ['open', 'lost: nothing came for 25 s', 'open']);
    assert.deepEqual(client.closed, [dead]);
    client.emit(delta('on the new one'));
    assert.equal(heard.length, 1);
    beating(other, 10 * MINUTE);
    assert.deepEqual([client.streams.length, states.length], [2, 3]);
    end();
  });

  it('that a proxy holds back for ever is replaced more and more seldom, and as soon as ever once it brings something', () => {
    const { clock, client, states, beating, end } = start();
    client.lastStream.onOpen();
    const waits: number[] = [];
    for (let n = 0, since = 0; waits.length < 6; n++) {
      const before = client.streams.length;
      clock.advance(SECOND);
      if (client.streams.length === before) continue;
      client.lastStream.onOpen();
      waits.push(n + 1 - since);
      since = n + 1;
    }
    assert.deepEqual(waits, [25, 50, 100, 200, 200, 200]);
    beating(client.lastStream, MINUTE);
    const { length } = client.streams;
    // This one had its heartbeats, so the next one has the usual patience after one more of this.
    clock.advance(200 * SECOND);
    client.lastStream.onOpen();
    clock.advance(25 * SECOND);
    assert.equal(client.streams.length, length + 2);
    assert.equal(states.filter((state) => state === 'open').length, length + 1);
    end();
  });

  it('of a server that is frozen stays: nothing is told, and it is heard again when the server thaws', () => {
    const { clock, client, states, heard, end } = start();
    const [stream] = client.streams;
    stream!.onOpen();
    // Nobody answers the ones that are tried either, each for the 10 s that a stream may take to open.
    for (let minutes = 0; minutes < 5; minutes++) {
      clock.advance(MINUTE);
      client.lastStream.onEnd('the server did not open its event stream within 10 s');
    }
    assert.deepEqual(states, ['open']);
    clock.advance(10 * SECOND);
    const other = client.lastStream;
    stream!.onBytes(50);
    stream!.onEvents([delta('here')]);
    assert.deepEqual(client.closed, [other]);
    other.onOpen();
    assert.deepEqual([states, heard.length], [['open'], 1]);
    end();
  });

  it('through a sleep of ten minutes is replaced at the first look after it', () => {
    const { clock, client, states, beating, end } = start();
    client.lastStream.onOpen();
    beating(client.lastStream, MINUTE);
    clock.jump(10 * MINUTE);
    clock.advance(1);
    assert.equal(client.streams.length, 2);
    client.lastStream.onOpen();
    assert.deepEqual(states, ['open', 'lost: this machine slept, or its clock was set', 'open']);
    beating(client.lastStream, 10 * MINUTE);
    assert.equal(client.streams.length, 2);
    end();
  });

  it('and found to be deaf is replaced although its heartbeats come', () => {
    const { client, hub, states, end } = start();
    client.lastStream.onOpen();
    hub.renew('it is deaf');
    client.streams[0]!.onBytes(50);
    hub.renew('it is deaf');
    assert.equal(client.streams.length, 2);
    client.lastStream.onOpen();
    assert.deepEqual(states, ['open', 'lost: it is deaf', 'open']);
    end();
  });

  it('C-11: has one consumer: what the one before it and the one to come say is inert', () => {
    const { clock, client, states, heard, beating, end } = start();
    const [first] = client.streams;
    first!.onOpen();
    clock.advance(25 * SECOND);
    const second = client.lastStream;
    second.onEvents([delta('too early')]);
    assert.deepEqual(heard, []);
    second.onOpen();
    first!.onEvents([delta('too late')]);
    first!.onBytes(50);
    first!.onOpen();
    first!.onEnd('too late');
    assert.deepEqual([heard, states.length], [[], 3]);
    second.onEvents([delta('in time')]);
    assert.equal(heard.length, 1);
    beating(second, MINUTE);
    assert.equal(client.streams.length, 2);
    end();
  });

  it('C-11: and ends while another one is on its way is followed by that one, and no third', () => {
    const { clock, client, states, end } = start();
    client.lastStream.onOpen();
    clock.advance(25 * SECOND);
    client.streams[0]!.onEnd('cut');
    clock.advance(5 * SECOND);
    client.lastStream.onOpen();
    assert.deepEqual([client.streams.length, states], [2, ['open', 'lost: cut', 'open']]);
    end();
  });

  it('C-11, S-14: of a server that was left is inert, also one that is only being replaced', () => {
    const { clock, client, hub, states, heard } = start();
    const [stream] = client.streams;
    stream!.onOpen();
    clock.advance(25 * SECOND);
    hub.close();
    for (const one of client.streams) {
      one.onOpen();
      one.onEvents([delta('from the grave')]);
      one.onEnd('gone');
    }
    clock.advance(MINUTE);
    assert.deepEqual([states, heard, client.streams.length], [['open'], [], 2]);
    assert.deepEqual(new Set(client.closed), new Set(client.streams));
  });

  it('closed by a listener that hears of its loss stays closed', () => {
    const { clock, client, hub } = start();
    client.lastStream.onOpen();
    hub.listen({ onEvents: () => undefined, onState: (state) => state === 'lost' && hub.close() });
    clock.advance(25 * SECOND);
    client.lastStream.onOpen();
    assert.deepEqual([clock.timers, client.closed.length], [0, 2]);
    client.streams[0]!.onEnd('cut');
    assert.equal(clock.timers, 0);
  });
});

describe('gaps between heartbeats', () => {
  it('C-07: are no sign of anything by default, up to the silence that is one for every stream', () => {
    const { clock, client, states, end } = start();
    client.lastStream.onOpen();
    for (let n = 0; n < 100; n++) {
      clock.advance(24 * SECOND);
      client.lastStream.onBytes(50);
    }
    assert.deepEqual([client.streams.length, states], [1, ['open']]);
    end();
  });

  it('C-07: lead to one new stream each where the user has set a limit for them, and to nothing else', () => {
    const { clock, client, states, end } = start(12 * SECOND);
    client.lastStream.onOpen();
    for (let n = 0; n < 10; n++) {
      clock.advance(11 * SECOND);
      client.lastStream.onBytes(50);
    }
    assert.equal(client.streams.length, 1);
    clock.advance(12 * SECOND);
    client.lastStream.onOpen();
    assert.deepEqual(states, ['open', 'lost: nothing came for 12 s', 'open']);
    assert.equal(client.streams.length, 2);
    end();
  });

  it('C-07: may also be given more time than the rule', () => {
    const { clock, client, end } = start(MINUTE);
    client.lastStream.onOpen();
    clock.advance(59 * SECOND);
    assert.equal(client.streams.length, 1);
    clock.advance(SECOND);
    assert.equal(client.streams.length, 2);
    end();
  });
});
