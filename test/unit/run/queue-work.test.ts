import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { JournalError } from '../../../src/core/errors.ts';
import { MAX_QUEUED, nextQueued, QUEUE_PAUSED } from '../../../src/core/journal/queue.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { JournalWriter } from '../../../src/node/journal/journal-writer.ts';
import { Lease } from '../../../src/node/lease.ts';
import { QueueWork } from '../../../src/node/run/queue-work.ts';
import { Run } from '../../../src/node/run/run.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import { begin, SESSION } from '../support/story.ts';

describe('what is queued in a run', () => {
  let root: string;
  let windows: Window[];

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-queue-'));
    windows = [];
  });
  afterEach(() => {
    for (const window of windows) window.run.close();
    fs.rmSync(root, { recursive: true, force: true });
  });

  /** A window that shows a run, and what was sent in it there. */
  interface Window {
    run: Run;
    writer: JournalWriter;
    queue: QueueWork;
    sent: string[];
    /** What stands in the way of a prompt, e.g. a server that starts. */
    way: () => Promise<void>;
    /** The run is this window's from here on. */
    claim(): Promise<void>;
    /** The running turn ends. */
    end(outcome?: 'ok' | 'error'): Promise<void>;
  }

  function open(folder: string): Window {
    const writer = new JournalWriter(folder);
    const run = new Run({
      id: 'r1',
      writer,
      clock: new FakeClock(),
      stallLimitMs: 1,
      onJournalError: () => undefined,
      onLeaseLost: () => undefined,
      recovery: 'off',
      onRecover: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      onReviewEffect: () => Promise.resolve(),
    });
    if (fs.readdirSync(folder).length > 0) run.restore(readJournal(folder).records);
    run.connect({ generation: 1, client: new FakeClient() });
    const window: Window = {
      run,
      writer,
      sent: [],
      way: () => Promise.resolve(),
      async claim() {
        if (run.isOwned) return;
        const lease = await Lease.take(folder, 'test', { force: true });
        if (lease !== undefined) run.own(lease);
      },
      queue: new QueueWork({
        claim: () => window.claim(),
        async prompt(_, text, queuedId) {
          await window.way();
          if (queuedId !== undefined && nextQueued(run.state.queue)?.id !== queuedId) return;
          window.sent.push(text);
          const n = run.state.turnsSettled + 1;
          run.startTurn(SESSION, { messageId: `msg_${n}`, partId: `prt_${n}`, text }, '', queuedId);
        },
      }),
      async end(outcome = 'ok') {
        const turnId = run.state.turn?.turnId ?? '';
        run.append({ kind: 'turn-settled', turnId, outcome, inferred: false });
        await settle();
      },
    };
    run.listen({ onRecord: (record) => window.queue.onRecord(run, record) });
    windows.push(window);
    return window;
  }

  /** A window with a run in which the prompt `first` is under way. */
  async function start(folder = path.join(root, 'r1')): Promise<Window> {
    const window = open(folder);
    await window.claim();
    for (const record of begin().records) window.run.append(record);
    assert.equal(await window.queue.submit(window.run, 'first', 'send'), 'sent');
    return window;
  }

  /** Lets what was promised happen; no time passes. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const queue = (window: Window, ...texts: string[]): Promise<unknown> =>
    Promise.all(texts.map((text) => window.queue.submit(window.run, text, 'queue')));
  const paused = ({ run }: Window): string | undefined => run.header().queue.paused;
  const waiting = ({ run }: Window): string[] => run.header().queue.items.map(({ text }) => text);

  it('is sent in order, each once the turn before it ended well', async () => {
    const window = await start();
    await queue(window, 'second', 'third');
    assert.deepEqual([window.sent, waiting(window)], [['first'], ['second', 'third']]);
    await window.end();
    assert.deepEqual([window.sent, waiting(window)], [['first', 'second'], ['third']]);
    await window.end();
    await window.end();
    assert.deepEqual([window.sent, waiting(window)], [['first', 'second', 'third'], []]);
  });

  it('is on disk before the one who queues it hears so', async () => {
    const window = await start();
    assert.equal(await window.queue.submit(window.run, 'second', 'send'), 'queued');
    assert.equal(readJournal(window.run.folder).records.at(-1)?.kind, 'prompt-queued');
  });

  it('waits for the user after a bad end; a prompt that is sent then does not set it going', async () => {
    const window = await start();
    await queue(window, 'second');
    await window.end('error');
    assert.deepEqual([window.sent, paused(window)], [['first'], QUEUE_PAUSED.failed]);
    assert.equal(await window.queue.submit(window.run, 'again', 'send'), 'sent');
    await window.end();
    assert.deepEqual([window.sent, waiting(window)], [['first', 'again'], ['second']]);
    await window.queue.resume(window.run);
    await settle();
    assert.deepEqual([window.sent, waiting(window)], [['first', 'again', 'second'], []]);
  });

  it('takes a prompt whose turn has ended meanwhile: sent after a good end, kept after a bad one', async () => {
    const window = await start();
    await window.end();
    await queue(window, 'second');
    await settle();
    assert.deepEqual(window.sent, ['first', 'second']);
    await window.end('error');
    await queue(window, 'third');
    await settle();
    assert.deepEqual([window.sent, waiting(window)], [['first', 'second'], ['third']]);
    assert.equal(paused(window), QUEUE_PAUSED.failed);
  });

  it('is not overtaken while its server starts, and what is taken back meanwhile is not sent', async () => {
    const window = await start();
    await queue(window, 'second', 'third');
    let open = (): void => undefined;
    window.way = () => new Promise((resolve) => (open = resolve));
    await window.end();
    assert.equal(await window.queue.submit(window.run, 'fourth', 'send'), 'queued');
    const [id = ''] = window.run.state.queue.items.map((item) => item.id);
    let kept = '';
    await window.queue.take(window.run, [id], 'edited', (text) => (kept = text));
    window.way = () => Promise.resolve();
    open();
    await settle();
    assert.deepEqual([kept, window.sent, waiting(window)], ['second', ['first', 'third'], ['fourth']]);
  });

  it('is paused, with the reason, when its server cannot be had; no prompt is gone', async () => {
    const window = await start();
    await queue(window, 'second', 'third');
    window.way = () => Promise.reject(new Error('No server could be started.'));
    await window.end();
    assert.deepEqual([waiting(window), paused(window)], [['second', 'third'], 'No server could be started']);
    window.way = () => Promise.resolve();
    await window.queue.resume(window.run);
    await settle();
    assert.deepEqual(window.sent, ['first', 'second']);
  });

  it('waits for the user when the prompt before it is refused', async () => {
    const window = await start();
    await window.end();
    let refuse: (error: Error) => void = () => undefined;
    window.way = () => new Promise((_, reject) => (refuse = reject));
    const sending = window.queue.submit(window.run, 'second', 'send');
    await settle();
    assert.equal(await window.queue.submit(window.run, 'third', 'send'), 'queued');
    refuse(new Error('no'));
    await assert.rejects(sending, /no/);
    await settle();
    assert.deepEqual([window.sent, waiting(window)], [['first'], ['third']]);
    assert.equal(paused(window), QUEUE_PAUSED.notSent);
  });

  it('stays with the user when it cannot be kept: a full queue, a full disk', async () => {
    const window = await start();
    await queue(window, ...Array.from({ length: MAX_QUEUED }, (_, index) => `prompt ${index}`));
    await assert.rejects(queue(window, 'one more'), /The queue is full/);
    assert.equal(waiting(window).length, MAX_QUEUED);

    const other = await start(path.join(root, 'r2'));
    other.writer.append = () => {
      throw new JournalError('The disk is full.');
    };
    await assert.rejects(queue(other, 'second'), { kind: 'journal' });
    assert.deepEqual(waiting(other), []);
  });

  it('is sent by the window that does the run, and not by one that watches it', async () => {
    const window = await start();
    await queue(window, 'second');
    const watching = open(window.run.folder);
    const known = watching.run.state.seq;
    let letGo = (): void => undefined;
    window.way = () => new Promise((resolve) => (letGo = resolve));
    await window.end();
    watching.run.restore(readJournal(window.run.folder).records.filter(({ seq }) => seq > known));
    await settle();
    letGo();
    await settle();
    assert.deepEqual([window.sent, watching.sent], [['first', 'second'], []]);
  });

  it('that a window left waits for the user, also beyond a prompt that is sent in the next one', async () => {
    const window = await start();
    await queue(window, 'second');
    window.way = () => new Promise(() => undefined);
    await window.end();
    window.run.close();
    const next = open(window.run.folder);
    assert.deepEqual([waiting(next), paused(next)], [['second'], QUEUE_PAUSED.left]);
    assert.equal(await next.queue.submit(next.run, 'between', 'send'), 'sent');
    await next.end();
    assert.deepEqual([next.sent, waiting(next)], [['between'], ['second']]);
    await next.queue.submit(next.run, 'third', 'queue');
    await settle();
    assert.deepEqual([next.sent, waiting(next)], [['between'], ['second', 'third']]);
  });

  it('at a crash between any two records: the next window sends nothing by itself, and each prompt once after Resume', async () => {
    const window = await start();
    await queue(window, 'second', 'third');
    await window.end();
    await window.end();
    await window.end();
    const { records } = readJournal(window.run.folder);
    const isQueued = (text: string, upTo: number): boolean =>
      records.slice(0, upTo).some((record) => record.kind === 'prompt-queued' && record.text === text);
    for (let cut = 3; cut <= records.length; cut++) {
      const folder = path.join(root, `cut-${cut}`);
      const writer = new JournalWriter(folder);
      writer.append(records.slice(0, cut));
      writer.close();
      const next = open(folder);
      await settle();
      assert.deepEqual(next.sent, [], `after record ${cut} nothing is sent`);
      if (waiting(next).length > 0 && !next.run.active) assert.equal(paused(next), QUEUE_PAUSED.left);
      if (next.run.active) {
        // The next window goes on with a turn that it finds.
        await next.claim();
        next.run.append({ kind: 'owner', owner: { pid: 1, startedAt: 0 }, reason: 'return' });
        await next.end();
        assert.deepEqual(next.sent, [], 'a turn that outlived its window sets nothing going');
      }
      await next.queue.resume(next.run);
      for (let turns = 0; turns < 3; turns++) {
        await settle();
        if (next.run.active) await next.end();
      }
      for (const text of ['second', 'third']) {
        const drafts = readJournal(folder).records.filter(
          (record) => record.kind === 'turn-drafted' && record.prompt.text === text,
        );
        assert.equal(drafts.length, isQueued(text, cut) ? 1 : 0, `${text} after record ${cut}`);
      }
      assert.deepEqual(waiting(next), []);
    }
  });
});
