import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Snapshot } from '../../../src/core/engine.ts';
import { stallLimits } from '../../../src/core/turn/clocks.ts';
import { JournalWriter } from '../../../src/node/journal/journal-writer.ts';
import { Run } from '../../../src/node/run/run.ts';
import { watchForDeafness } from '../../../src/node/stream/deaf-session.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import {
  answer,
  begin,
  busy,
  delta,
  finished,
  PROMPT,
  SESSION,
  text,
  tool,
  userPart,
} from '../support/story.ts';

const SECOND = 1000;
const LIMITS = stallLimits({ stallTimeoutMs: 180 * SECOND, toolStallTimeoutMs: 1800 * SECOND });

describe('a stream that does not tell what its session does', () => {
  let folder: string;
  let clock: FakeClock;
  let run: Run;
  let found: number;

  /** A turn that said a word and then nothing for too long, whose server says `snapshot` when it is asked. */
  async function silent(snapshot: Snapshot): Promise<void> {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-deaf-'));
    clock = new FakeClock();
    found = 0;
    const client = new FakeClient();
    client.snapshotting = () => Promise.resolve(snapshot);
    run = new Run({
      id: 'r1',
      writer: new JournalWriter(folder),
      clock,
      stallLimitMs: LIMITS.modelMs,
      stall: { limits: LIMITS, giveUpServer: () => undefined },
      recovery: 'auto',
      onJournalError: assert.fail,
      onLeaseLost: () => assert.fail('nobody takes it'),
      onRecover: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      onReviewEffect: () => Promise.resolve(),
    });
    watchForDeafness(run, () => found++);
    for (const record of begin().records.slice(0, 2)) run.append(record);
    run.connect({ generation: 1, client });
    await run.createSession('Test');
    run.startTurn(SESSION, PROMPT, '');
    await setImmediate();
    run.onEvents([userPart, busy, answer({}), text('', {}), delta('Hello')]);
    for (let seconds = 0; seconds < 182; seconds++) {
      clock.advance(SECOND);
      await setImmediate();
    }
  }
  afterEach(() => {
    run.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('is found by a session that has got further than was told, once', async () => {
    await silent({ status: { type: 'busy' }, events: [userPart, answer({}), text('', {}), tool('running')] });
    assert.equal(found, 1);
    assert.equal(run.state.turn?.watch?.ladder.step, 'none');
  });

  it('is found by a session that has ended', async () => {
    await silent({
      status: { type: 'idle' },
      events: [userPart, finished(), text('Hello.', { endedAt: 9 })],
    });
    assert.deepEqual([found, run.state.ended?.outcome], [1, 'ok']);
  });

  it('is not found by a session that is silent itself: its turn is stopped as ever', async () => {
    await silent({ status: { type: 'busy' }, events: [userPart, answer({}), text('', {})] });
    assert.deepEqual([found, run.state.turn?.watch?.ladder.step], [0, 'aborted']);
  });
});
