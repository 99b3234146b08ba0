import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { JournalWriter } from '../../../src/node/journal/journal-writer.ts';
import { Run } from '../../../src/node/run/run.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import { LIMITS, MINUTE, SECOND } from '../support/silence.ts';
import { answer, begin, busy, delta, PROMPT, SESSION, text, userPart } from '../support/story.ts';

describe('a run whose session falls silent', () => {
  it('asks, stops, asks again and has the server restarted, each once, and settles as stalled', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-stall-'));
    const clock = new FakeClock();
    const client = new FakeClient();
    let asked = 0;
    let restarted = 0;
    client.snapshotting = () => {
      asked++;
      return Promise.resolve({ status: { type: 'busy' }, events: [userPart, answer({}), text('', {})] });
    };
    const run = new Run({
      id: 'r1',
      writer: new JournalWriter(folder),
      clock,
      stallLimitMs: LIMITS.modelMs,
      stall: {
        limits: LIMITS,
        giveUpServer: () => {
          restarted++;
        },
      },
      recovery: 'off',
      onJournalError: assert.fail,
      onLeaseLost: () => assert.fail('nobody takes it'),
      onRecover: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      onReviewEffect: () => Promise.resolve(),
    });
    /** Lets what was promised happen after each second. */
    const advance = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += SECOND) {
        clock.advance(SECOND);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    try {
      for (const record of begin().records.slice(0, 2)) run.append(record);
      run.connect({ generation: 1, client });
      await run.createSession('Test');
      run.startTurn(SESSION, PROMPT, '');
      await advance(SECOND);
      run.onEvents([userPart, busy, answer({}), text('', {}), delta('Hello')]);
      // Events are told in batches, so that the silence begins with the next second.
      await advance(181 * SECOND);
      assert.deepEqual([asked, client.aborted, restarted], [1, [], 0]);
      await advance(SECOND);
      assert.deepEqual([asked, client.aborted, restarted], [1, [SESSION], 0]);
      await advance(6 * SECOND);
      assert.deepEqual([asked, client.aborted, restarted], [2, [SESSION], 1]);
      assert.equal(run.active, false);
      const { records } = readJournal(folder);
      assert.deepEqual(
        records.flatMap((record) => (record.kind === 'turn-settled' ? [record.outcome] : [])),
        ['session-stalled'],
      );
      await advance(10 * MINUTE);
      assert.deepEqual([asked, client.aborted.length, restarted], [2, 1, 1]);
    } finally {
      run.close();
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
