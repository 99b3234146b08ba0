import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { EventHub } from '../../../src/node/stream/event-hub.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';

/** What a minute brings, second by second, when each stream gets what `serve` makes of it. */
async function minute(serve: (stream: FakeClient['lastStream']) => void) {
  const clock = new FakeClock();
  const client = new FakeClient();
  const states: string[] = [];
  const log = { info: () => undefined, warn: () => undefined };
  const hub = new EventHub(client, clock, log);
  hub.listen({ onEvents: () => undefined, onState: (state) => states.push(state) });
  let served = 0;
  for (let ms = 0; ms < 60_000; ms += 250) {
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
