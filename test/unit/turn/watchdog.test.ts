import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { EngineEvent, Snapshot } from '../../../src/core/engine.ts';
import type { RecordKind, RecordOf } from '../../../src/core/journal/record.ts';
import { parseSettings } from '../../../src/core/settings.ts';
import type { Verdict } from '../../../src/core/server/liveness.ts';
import { stallLimits } from '../../../src/core/turn/clocks.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { JournalWriter } from '../../../src/node/journal/journal-writer.ts';
import { Run } from '../../../src/node/run/run.ts';
import { LivenessWatch } from '../../../src/node/server/liveness-watch.ts';
import { EventHub } from '../../../src/node/stream/event-hub.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import {
  answer,
  begin,
  busy,
  delta,
  finished,
  idle,
  PROMPT,
  SESSION,
  text,
  tool,
  userPart,
} from '../support/story.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HEARTBEAT_MS = 10 * SECOND;
const { settings } = parseSettings(() => undefined);
const LIMITS = stallLimits(settings);

/** A turn with everything that watches over it: its clocks, the server's liveness, and the stream; limits as they are by default. */
class Watched {
  readonly clock = new FakeClock();
  readonly client = new FakeClient();
  readonly run: Run;
  readonly verdicts: Verdict[] = [];
  readonly hub: EventHub;
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-watchdog-'));
  readonly #liveness: LivenessWatch;
  restarts = 0;
  /** Whether the server sends anything and answers. */
  isBlocked = false;
  /** What the session does, as the server says it when it is asked. */
  status: Snapshot['status'] = { type: 'busy' };
  #beatenAt: number;

  constructor() {
    const { clock, client } = this;
    this.#beatenAt = clock.now();
    client.snapshotting = () => Promise.resolve({ status: this.status, events: [userPart, answer({})] });
    this.run = new Run({
      id: 'r1',
      writer: new JournalWriter(this.#folder),
      clock,
      stallLimitMs: settings.stallTimeoutMs,
      stall: {
        limits: LIMITS,
        giveUpServer: () => {
          this.restarts++;
        },
      },
      recovery: settings.recovery.mode,
      onJournalError: assert.fail,
      onLeaseLost: () => assert.fail('nobody takes it'),
      onRecover: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      onReviewEffect: () => Promise.resolve(),
    });
    this.#liveness = new LivenessWatch({
      clock,
      isAlive: () => true,
      probe: () => Promise.resolve(!this.isBlocked),
      onVerdict: (verdict) => this.verdicts.push(verdict),
    });
    this.hub = new EventHub({
      client,
      clock,
      log: { info: () => undefined, warn: () => undefined },
      heartbeatGapMs: settings.heartbeatGapTimeoutMs,
      onBytes: () => this.#liveness.heard(),
    });
  }

  /** As far as an answer that has begun. */
  async start(): Promise<this> {
    const { run, hub, client } = this;
    for (const record of begin().records.slice(0, 2)) run.append(record);
    run.connect({ generation: 1, client });
    await run.createSession('Test');
    client.lastStream.onOpen();
    run.hears(
      hub.listen({
        onEvents: (events) => run.onEvents(events),
        onState: (state) => run.append({ kind: 'stream', generation: 1, state }),
      }),
    );
    this.#liveness.turnStarted('t1');
    run.startTurn(SESSION, PROMPT, '');
    await setImmediate();
    this.say(userPart, busy, answer({}), text('', {}), delta('Hello'));
    await this.pass(SECOND);
    return this;
  }

  say(...events: EngineEvent[]): void {
    this.client.lastStream.onBytes(100);
    this.client.emit(...events);
  }

  /** Time passes in which the server does nothing but send its heartbeats, if it is not blocked. */
  async pass(ms: number, step = SECOND): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      this.clock.advance(step);
      if (!this.isBlocked && this.clock.now() - this.#beatenAt >= HEARTBEAT_MS) {
        this.#beatenAt = this.clock.now();
        this.client.lastStream.onBytes(50);
      }
      await setImmediate();
    }
  }

  records<K extends RecordKind>(kind: K): RecordOf<K>[] {
    return readJournal(this.#folder).records.filter((record): record is RecordOf<K> => record.kind === kind);
  }

  /** The turn goes on to its end, and nothing was held against it. */
  async assertUnharmed(): Promise<void> {
    this.say(finished(), idle);
    await this.pass(SECOND);
    assert.equal(this.run.state.ended?.outcome, 'ok');
    assert.deepEqual(this.records('stall'), []);
    assert.deepEqual(this.records('incident'), []);
    assert.deepEqual([this.client.aborted, this.restarts], [[], 0]);
    assert.equal(this.verdicts.includes('unresponsive') || this.verdicts.includes('gone'), false);
  }

  end(): void {
    this.run.close();
    this.#liveness.stop();
    this.hub.close();
    fs.rmSync(this.#folder, { recursive: true, force: true });
    assert.equal(this.clock.timers, 0);
  }
}

describe('the watch over a turn, with the limits as they are by default', () => {
  let turn: Watched;

  beforeEach(async () => {
    turn = await new Watched().start();
  });
  afterEach(() => turn.end());

  it('25 minutes of a silent tool are no stall', async () => {
    turn.say(tool('running'));
    await turn.pass(25 * MINUTE);
    turn.say(tool('completed'));
    await turn.assertUnharmed();
    assert.equal(turn.client.streams.length, 1);
  });

  it('500 events a second for a minute are no stall, all of them are kept, and the silence after them counts from the last', async () => {
    for (let n = 0; n < 60; n++) {
      for (let event = 0; event < 500; event++) {
        turn.clock.advance(2);
        turn.say(delta('x'));
      }
    }
    await turn.pass(179 * SECOND);
    const written = turn
      .records('event')
      .flatMap(({ event }) => (event.type === 'delta' ? [event.text] : []))
      .join('');
    assert.equal(written, `Hello${'x'.repeat(60 * 500)}`);
    await turn.assertUnharmed();
  });

  it('reasoning that is silent for 60 s again and again is no stall', async () => {
    for (let n = 0; n < 20; n++) {
      await turn.pass(60 * SECOND);
      turn.say(delta('Hm. '));
    }
    await turn.assertUnharmed();
  });

  it('a server whose event loop is blocked for 6 s is left alone, whenever that is', async () => {
    for (let n = 0; n < 20; n++) {
      turn.isBlocked = true;
      await turn.pass(6 * SECOND);
      turn.isBlocked = false;
      // At another moment between two heartbeats each time.
      await turn.pass((10 + n) * SECOND);
      turn.say(delta('.'));
    }
    await turn.assertUnharmed();
    assert.deepEqual([turn.verdicts, turn.client.streams.length], [[], 1]);
  });

  it('our own event loop blocked for 6 s is no stall: at most the session is looked at once more', async () => {
    for (let n = 0; n < 20; n++) {
      // At another moment between two looks each time.
      await turn.pass((10 + n) * SECOND);
      turn.clock.jump(6 * SECOND);
      const { length } = turn.client.streams;
      await turn.pass(20 * SECOND);
      assert.ok(turn.client.streams.length - length <= 1);
      if (turn.client.streams.length > length) turn.client.lastStream.onOpen();
      turn.say(delta('.'));
    }
    await turn.assertUnharmed();
  });

  it('a sleep of ten minutes is no stall: the session is read back, and the silence counts from there', async () => {
    await turn.pass(MINUTE);
    turn.clock.jump(10 * MINUTE);
    await turn.pass(SECOND);
    assert.equal(turn.client.streams.length, 2);
    turn.client.lastStream.onOpen();
    await turn.pass(170 * SECOND);
    assert.ok(turn.records('synced').length >= 1);
    await turn.assertUnharmed();
  });

  it('a model that hangs while heartbeats flow is called stalled at most 10 s after its limit', async () => {
    const since = turn.clock.now();
    await turn.pass(LIMITS.modelMs - 2 * SECOND);
    assert.deepEqual(turn.records('stall'), []);
    await turn.pass(4 * SECOND);
    assert.deepEqual(turn.client.aborted, [SESSION]);
    // What the engine says of a turn that was aborted, and how the session stands then.
    const error = { name: 'MessageAbortedError', message: 'Aborted' };
    turn.status = { type: 'idle' };
    turn.say({ type: 'error', sessionId: SESSION, error }, idle, answer({ completedAt: 1, error }));
    await turn.pass(6 * SECOND);
    const [incident, ...more] = turn.records('incident');
    assert.deepEqual(more, []);
    assert.equal(incident?.cause.type, 'session-stalled');
    const late = (incident?.at ?? 0) - since - LIMITS.modelMs;
    assert.ok(late >= -SECOND && late <= 10 * SECOND, `${late} ms after the limit`);
    assert.equal(turn.restarts, 0, 'its server is well');
  });

  it('a model that never begins is called stalled at most 10 s after its limit, by a server that does not end it too', async () => {
    turn.end();
    turn = new Watched();
    const { run, client } = turn;
    for (const record of begin().records.slice(0, 2)) run.append(record);
    run.connect({ generation: 1, client });
    await run.createSession('Test');
    client.lastStream.onOpen();
    run.startTurn(SESSION, PROMPT, '');
    await setImmediate();
    run.onEvents([userPart, busy, answer({})]);
    const since = turn.clock.now();
    await turn.pass(LIMITS.firstByteMs + 10 * SECOND);
    assert.deepEqual(
      turn
        .records('stall')
        .map(({ rung }) => rung)
        .slice(0, 2),
      ['status', 'abort'],
    );
    assert.ok((turn.records('stall')[1]?.at ?? Infinity) <= since + LIMITS.firstByteMs + 10 * SECOND);
    await turn.pass(10 * SECOND);
    assert.equal(turn.restarts, 1, 'once, since it neither answers nor ends');
  });
});
