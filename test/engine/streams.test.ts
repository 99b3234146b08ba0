import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { EngineEvent } from '../../src/core/engine.ts';
import { hold, says, text, tool } from '../fakes/model/steps.ts';
import { recordOf, recordsOf, startProduct } from './support/product-bench.ts';
import { startStreamBench, type StreamBench, type StreamWindow } from './support/stream-bench.ts';

/** Quicker than the rule of 25 s: a test need not wait. Heartbeats come every 10 s, so that streams are in doubt often. */
const SOON = { heartbeatGapTimeoutMs: 2000 };

const isDelta = (said: string) => (event: EngineEvent) => event.type === 'delta' && event.text.includes(said);
const isIdle = (event: EngineEvent): boolean => event.type === 'status' && event.status.type === 'idle';

describe('a turn whose event stream is not well', function () {
  this.timeout(60_000);
  let bench: StreamBench;
  let window: StreamWindow;
  /** The gates of one test are not those of the next. */
  let tests = 0;

  before(async () => {
    bench = await startStreamBench();
  });
  after(() => bench.stop());
  beforeEach(() => void tests++);
  afterEach(() => window.close());

  const gate = (name: string): string => `${name} ${tests}`;
  const release = (name: string): void => bench.model.release(gate(name));

  /** Sends a prompt and resolves once its first words are here. */
  async function begin(limits = {}): Promise<void> {
    window = await bench.window(limits);
    await window.prompt('Go');
    await recordOf(window.run, 'event', ({ event }) => isDelta('One, ')(event));
  }
  /** The words come one by one, each when the test says so. */
  function three(): void {
    bench.model.script({
      Go: says(text('One, '), hold(gate('two')), text('two, '), hold(gate('three')), text('three.')),
    });
  }
  /** Resolves when a stream that was opened again after the n-th loss has been read back. */
  async function readBackAfter(losses: number): Promise<void> {
    let lost = 0;
    const opened = await recordOf(window.run, 'stream', ({ state }) => {
      if (state === 'lost') lost++;
      return state === 'open' && lost === losses;
    });
    await recordOf(window.run, 'synced', ({ seq }) => seq > opened.seq);
  }
  async function assertEndedWell(requests = 1): Promise<void> {
    await window.run.ended();
    assert.deepEqual(
      recordsOf(window.run, 'turn-settled').map(({ outcome }) => outcome),
      ['ok'],
    );
    await window.assertSame();
    assert.equal(window.requests(), requests, 'calls of the model');
    assert.deepEqual(recordsOf(window.run, 'incident'), []);
  }
  const losses = (): number => recordsOf(window.run, 'stream').filter(({ state }) => state === 'lost').length;
  const rungs = (): string[] => recordsOf(window.run, 'stall').map(({ clock, rung }) => `${clock} ${rung}`);

  it('C-03, C-07: loss without a word: the stream is replaced, and what was missed is read back', async () => {
    three();
    await begin(SOON);
    const missed = bench.told(isDelta('two, '));
    const before = losses();
    window.proxy.forget();
    release('two');
    await missed;
    await readBackAfter(before + 1);
    release('three');
    await assertEndedWell();
    assert.deepEqual(rungs(), []);
  });

  it('loss without a word, and the turn ends meanwhile', async () => {
    three();
    await begin(SOON);
    const over = bench.told(isIdle);
    window.proxy.forget();
    release('two');
    release('three');
    await over;
    await assertEndedWell();
    assert.deepEqual(rungs(), []);
  });

  it('clean end: one new stream, and nothing is missing', async () => {
    three();
    await begin();
    window.proxy.end();
    release('two');
    await readBackAfter(1);
    release('three');
    await assertEndedWell();
    assert.deepEqual([window.proxy.asked, losses()], [2, 1]);
  });

  it('hot loop: each stream is accepted and ended at once, and asked for once by each', async () => {
    three();
    await begin();
    window.proxy.endNext(3);
    window.proxy.end();
    release('two');
    await readBackAfter(4);
    release('three');
    await assertEndedWell();
    assert.deepEqual([window.proxy.asked, losses()], [5, 4]);
  });

  it('deaf but open, with its heartbeats: what the session did is found, and no turn is stopped for it', async () => {
    bench.model.script({
      Go: [
        says(text('One, '), hold(gate('two')), tool('bash', { command: 'echo two', description: 'Say' })),
        says(text('two, '), hold(gate('three')), text('three.')),
      ],
    });
    await begin({ stallTimeoutMs: 6000, toolStallTimeoutMs: 6000 });
    const missed = bench.told(isDelta('two, '));
    window.proxy.pass((frame) => frame.includes('"server.heartbeat"'), 'open');
    release('two');
    await missed;
    await readBackAfter(1);
    release('three');
    await assertEndedWell(2);
    assert.deepEqual([window.proxy.asked, rungs().length, rungs()[0]], [2, 1, 'model status']);
  });

  it('deaf but open, now and ever: nothing passes on any stream, and all is read back', async () => {
    three();
    await begin(SOON);
    window.proxy.pass(() => false, 'all');
    const over = bench.told(isIdle);
    release('two');
    release('three');
    await over;
    await assertEndedWell();
    assert.deepEqual(rungs(), []);
  });

  it('half open after a sleep: the stream is replaced at the first look, and no silence is concluded from it', async () => {
    three();
    await begin();
    const missed = bench.told(isDelta('two, '));
    window.proxy.forget();
    release('two');
    await missed;
    window.sleep(600_000);
    await readBackAfter(1);
    release('three');
    await assertEndedWell();
    assert.deepEqual([window.proxy.asked, losses(), rungs()], [2, 1, []]);
  });

  it('what is read back races live events: a late answer does not undo what was heard meanwhile', async () => {
    three();
    await begin();
    const held = window.proxy.hold('replies', (path) => path.includes('/message?'));
    window.proxy.end();
    await held.reached;
    const over = bench.told(isIdle);
    release('two');
    release('three');
    await over;
    assert.equal(window.run.active, true);
    held.release();
    await assertEndedWell();
    assert.equal(window.proxy.asked, 2);
  });

  it('what is read back races live events: words that come after their own end are not said twice', async () => {
    three();
    await begin();
    // The new stream is slower than the answers, which are asked for when all has been said.
    const frames = window.proxy.holdFrames();
    const held = window.proxy.hold('requests', (path) => path.startsWith('/session/status'));
    window.proxy.end();
    await held.reached;
    await bench.untilHeard(() => frames.has('"session.created"'));
    const over = bench.told(isIdle);
    release('two');
    release('three');
    await over;
    held.release();
    await window.run.ended();
    await window.assertSame();
    // Without the end of the text: what comes last must not have to put it right.
    const late = recordOf(window.run, 'event', ({ event }) => isDelta('three.')(event));
    frames.release((frame) => frame.includes('"message.part.delta"'));
    await late;
    await assertEndedWell();
  });
});

describe('a server that came back on another port', function () {
  this.timeout(60_000);

  it('S-14: the old port is asked by nobody any more', async () => {
    const bench = await startProduct();
    const stranger = createServer();
    try {
      bench.model.script({ Go: says(hold('first'), text('All done.')) });
      const host = bench.open();
      const run = await host.startSession();
      await host.prompt(run, 'Go');
      await bench.model.reached('first');
      const { baseUrl } = await host.server.ensure();
      bench.killServer(host);
      await recordOf(run, 'server', ({ state }) => state !== 'ready');
      let asked = 0;
      stranger.on('connection', (socket) => {
        asked++;
        socket.destroy();
      });
      stranger.listen(Number(new URL(baseUrl).port), '127.0.0.1');
      await once(stranger, 'listening');
      bench.model.release('first');
      await run.ended();
      assert.equal(run.state.ended?.outcome, 'ok');
      assert.notEqual((await host.server.ensure()).baseUrl, baseUrl);
      assert.equal(asked, 0);
    } finally {
      await bench.stop();
      stranger.close();
    }
  });
});
