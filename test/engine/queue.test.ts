import assert from 'node:assert/strict';
import { QUEUE_PAUSED } from '../../src/core/journal/queue.ts';
import type { RecordOf } from '../../src/core/journal/record.ts';
import { asksUser } from '../../src/core/recovery/incident.ts';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import { type ProductBench, recordOf, recordsOf, startProduct } from './support/product-bench.ts';

const PROMPTS = ['Go', 'Second', 'Third', 'Between'];

describe('prompts that are queued while a turn runs', function () {
  this.timeout(60_000);
  let bench: ProductBench;
  let host: WorkspaceHost;
  let run: Run;

  async function start(settings: Record<string, unknown> = {}): Promise<void> {
    bench = await startProduct(settings);
    bench.model.script({
      Go: says(text('It begins, '), hold('go'), text('and ends.')),
      Second: says(text('Second answer.')),
      Third: says(text('Third answer.')),
      Between: says(text('Answer in between.')),
    });
    host = bench.open();
    run = await host.startSession();
    await host.queue.submit(run, 'Go', 'send');
    await bench.model.reached('go');
  }
  beforeEach(() => start());
  afterEach(() => bench.stop());

  /** What the model was asked, in order, as often as it was asked it. */
  const asked = (): string[] =>
    bench.model.requests.map(({ prompt }) => prompt).filter((prompt) => PROMPTS.includes(prompt));
  const queue = async (...texts: string[]): Promise<void> => {
    for (const each of texts) assert.equal(await host.queue.submit(run, each, 'queue'), 'queued');
  };
  const settled = (of: Run, turnId: string): Promise<RecordOf<'turn-settled'>> =>
    recordOf(of, 'turn-settled', (record) => record.turnId === turnId);
  const waiting = (of: Run): string[] => of.header().queue.items.map((item) => item.text);
  const answers = (of: Run): string[] =>
    of.snapshot().rows.flatMap((row) => (row.kind === 'text' ? [row.text] : []));

  it('are sent in order, each once, when the turn before has ended', async () => {
    await queue('Second', 'Third');
    assert.deepEqual([asked(), waiting(run)], [['Go'], ['Second', 'Third']]);
    bench.model.release('go');
    await settled(run, 't3');
    assert.deepEqual(asked(), ['Go', 'Second', 'Third']);
    assert.deepEqual(answers(run), ['It begins, and ends.', 'Second answer.', 'Third answer.']);
    assert.deepEqual(
      recordsOf(run, 'turn-drafted').map(({ queuedId }) => queuedId),
      [undefined, 'q1', 'q2'],
    );
    assert.deepEqual(
      recordsOf(run, 'turn-settled').map(({ outcome }) => outcome),
      ['ok', 'ok', 'ok'],
    );
    assert.deepEqual(waiting(run), []);
  });

  it('wait for the user after a stop, also beyond a prompt that is sent meanwhile', async () => {
    await queue('Second', 'Third');
    run.stop('user');
    await settled(run, 't1');
    assert.equal(run.header().queue.paused, QUEUE_PAUSED.stopped);
    await host.queue.submit(run, 'Between', 'send');
    await settled(run, 't2');
    assert.deepEqual(
      [asked(), waiting(run)],
      [
        ['Go', 'Between'],
        ['Second', 'Third'],
      ],
    );
    await host.queue.resume(run);
    await settled(run, 't4');
    assert.deepEqual(asked(), ['Go', 'Between', 'Second', 'Third']);
  });

  it('wait for the user in the next window when theirs goes away, though the turn goes on to a good end', async () => {
    await queue('Second');
    await bench.leave(host);
    const next = bench.open();
    const { run: shown } = await next.open(run.id);
    assert.deepEqual([waiting(shown), shown.header().queue.paused], [['Second'], QUEUE_PAUSED.left]);
    bench.model.release('go');
    assert.equal((await settled(shown, 't1')).outcome, 'ok');
    await next.queue.submit(shown, 'Between', 'send');
    await settled(shown, 't2');
    assert.deepEqual([asked(), waiting(shown)], [['Go', 'Between'], ['Second']]);
    await next.queue.resume(shown);
    assert.equal((await settled(shown, 't3')).outcome, 'ok');
    assert.deepEqual(asked(), ['Go', 'Between', 'Second']);
  });

  it('wait for the user when the server dies and its turn is kept as it is', async () => {
    await bench.stop();
    await start({ 'recovery.mode': 'ask' });
    await queue('Second');
    bench.killServer(host);
    await recordOf(run, 'decision', asksUser);
    assert.equal(run.header().queue.paused, QUEUE_PAUSED.asked);
    run.answerRecovery('keep');
    await settled(run, 't1');
    await host.queue.submit(run, 'Between', 'send');
    await settled(run, 't2');
    assert.deepEqual([asked(), waiting(run)], [['Go', 'Between'], ['Second']]);
  });

  it('are not held up by a server that dies under a turn which goes on by itself', async () => {
    await queue('Second');
    bench.killServer(host);
    bench.model.release('go');
    assert.equal((await settled(run, 't1')).outcome, 'ok');
    assert.equal((await settled(run, 't2')).outcome, 'ok');
    assert.deepEqual(asked(), ['Go', 'Go', 'Second']);
  });
});
