import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { RequestError } from '../../../src/core/errors.ts';
import type { Snapshot } from '../../../src/core/engine.ts';
import type { RecoveryMode } from '../../../src/core/recovery/incident.ts';
import type { PatchOp } from '../../../src/core/protocol.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { JournalWriter } from '../../../src/node/journal/journal-writer.ts';
import { BATCH_MS } from '../../../src/node/run/event-intake.ts';
import { Run } from '../../../src/node/run/run.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import {
  begin,
  busy,
  delta,
  finished,
  idle,
  answer,
  PROMPT,
  SESSION,
  text,
  tool,
  userPart,
} from '../support/story.ts';

describe('run', () => {
  let folder: string;
  let clock: FakeClock;
  let client: FakeClient;
  let run: Run;
  let journalErrors: unknown[];

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-run-'));
    clock = new FakeClock();
    client = new FakeClient();
    journalErrors = [];
    run = makeRun(folder);
    for (const record of begin().records.slice(0, 2)) run.append(record);
    run.connect({ generation: 1, client });
  });
  afterEach(() => {
    run.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function makeRun(
    where: string,
    recovery: RecoveryMode = 'off',
    writer: JournalWriter = new JournalWriter(where),
  ): Run {
    return new Run({
      id: 'r1',
      writer,
      clock,
      stallLimitMs: 1,
      onJournalError: (error) => journalErrors.push(error),
      onLeaseLost: () => assert.fail('nobody takes it'),
      recovery,
      onRecover: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      onReviewEffect: () => Promise.resolve(),
    });
  }

  const kinds = (): string[] => readJournal(folder).records.map((record) => record.kind);
  /** Lets what was promised happen; no time passes. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  async function start(): Promise<void> {
    await run.createSession('Test');
    run.startTurn(SESSION, PROMPT, '');
    await settle();
  }

  it('has the ids of a prompt on disk before it is sent', async () => {
    let onDisk: string[] = [];
    client.sending = () => {
      onDisk = kinds();
      return Promise.resolve();
    };
    await start();
    assert.deepEqual(onDisk.slice(-3), ['turn-drafted', 'attempt-started', 'prompt-send-started']);
    assert.equal(client.sent.length, 1);
    assert.deepEqual(client.sent[0]?.prompt, PROMPT);
  });

  it('has everything on disk before it is shown', async () => {
    await start();
    run.listen({
      onOps: (ops: PatchOp[]) => {
        const shown = ops.some((op) => op.op === 'row' && op.row.kind === 'text');
        if (shown) assert.ok(JSON.stringify(readJournal(folder).records).includes('Hello, world'));
      },
    });
    run.onEvents([userPart, busy, answer({}), text(''), delta('Hello'), delta(', '), delta('world')]);
    clock.advance(100);
    assert.equal(run.snapshot().rows.find((row) => row.kind === 'text')?.text, 'Hello, world');
  });

  it('writes deltas that come together as one record, and loses none', async () => {
    await start();
    run.onEvents([userPart, busy, answer({}), text('')]);
    for (let index = 0; index < 1000; index++) run.onEvents([delta(`${index} `)]);
    clock.advance(100);
    const deltas = readJournal(folder).records.flatMap((record) =>
      record.kind === 'event' && record.event.type === 'delta' ? [record.event.text] : [],
    );
    assert.equal(deltas.length, 1);
    assert.equal(deltas.join(''), Array.from({ length: 1000 }, (_, index) => `${index} `).join(''));
  });

  it('settles a turn once, however many facts say at once that it has ended', async () => {
    await start();
    clock.advance(5000);
    run.onEvents([userPart, busy, answer({}), text('Done'), finished(), idle, idle]);
    clock.advance(100);
    assert.deepEqual(
      kinds().filter((kind) => kind === 'turn-settled' || kind === 'run-ended'),
      ['turn-settled', 'run-ended'],
    );
  });

  it('hears a sub-agent from its very first event on', async () => {
    await start();
    run.onEvents([
      userPart,
      busy,
      { type: 'session', sessionId: 'ses_2', parentId: SESSION, title: 'Sub' },
      tool('running', { id: 'prt_sub' }, 'ses_2'),
      tool('running', { id: 'prt_stranger' }, 'ses_stranger'),
    ]);
    clock.advance(100);
    assert.deepEqual(
      run
        .snapshot()
        .rows.filter((row) => row.kind === 'tool')
        .map((row) => row.id),
      ['prt_sub'],
    );
  });

  it('replays to the same state and view', async () => {
    await start();
    run.onEvents([userPart, busy, answer({}), text('Done', { endedAt: 1 }), finished(), idle]);
    clock.advance(1000);
    const view = run.snapshot();
    const again = makeRun(fs.mkdtempSync(path.join(folder, 'again-')));
    again.restore(readJournal(folder).records);
    assert.deepEqual(again.snapshot(), view);
    assert.deepEqual(again.state.turn, run.state.turn);
    assert.deepEqual(client.sent.length, 1);
    again.close();
  });

  it('C-02: a refused prompt ends the turn with the refusal; it is not sent again', async () => {
    client.sending = () =>
      Promise.reject(new RequestError('send', false, 'The server said no (HTTP 400).', 400));
    await start();
    assert.equal(run.state.turn?.phase, 'settled');
    assert.equal(run.state.ended?.outcome, 'error');
    assert.match(run.state.ended?.message ?? '', /The server said no/);
    assert.equal(client.sent.length, 1);
  });

  it('a prompt whose fate stays unknown ends as unreachable', async () => {
    client.sending = () => Promise.reject(new RequestError('send', true, 'connection refused'));
    await start();
    assert.equal(run.state.ended?.outcome, 'server-unreachable');
  });

  it('writes nothing more once it is closed, also of what was asked before that', async () => {
    await start();
    let answered: ((snapshot: Snapshot) => void) | undefined;
    client.snapshotting = () => new Promise((resolve) => (answered = resolve));
    run.onEvents([userPart, busy]);
    const reading = run.readBack();
    run.onEvents([answer({})]);
    run.close();
    const before = readJournal(folder).records;
    assert.equal(before.at(-1)?.kind, 'event');
    answered?.({ status: { type: 'busy' }, events: [text('Late')] });
    await reading;
    clock.advance(BATCH_MS);
    assert.deepEqual(readJournal(folder).records, before);
  });

  it('holds live events back while it asks how things stand, and applies them after', async () => {
    await start();
    run.onEvents([userPart, busy, answer({}), text('')]);
    clock.advance(100);
    let answerSnapshot: (snapshot: Snapshot) => void = () => undefined;
    client.snapshotting = () => new Promise((resolve) => (answerSnapshot = resolve));
    run.append({ kind: 'stream', generation: 1, state: 'lost' });
    run.append({ kind: 'stream', generation: 1, state: 'open' });
    run.onEvents([text('Whole', { endedAt: 9 }), finished(), idle]);
    clock.advance(100);
    assert.equal(run.active, true);
    answerSnapshot({ status: { type: 'busy' }, events: [answer({}), text('')] });
    await settle();
    clock.advance(100);
    assert.equal(run.state.ended?.outcome, 'ok');
    assert.equal(run.snapshot().rows.find((row) => row.kind === 'text')?.text, 'Whole');
  });

  it('stops: tells the server, and ends in bounded time when it does not answer', async () => {
    await start();
    run.onEvents([userPart, busy, answer({})]);
    clock.advance(100);
    run.stop('user');
    await settle();
    assert.deepEqual(client.aborted, [SESSION]);
    clock.advance(5000);
    assert.equal(run.state.ended?.outcome, 'interrupted');
  });

  describe('whose journal cannot be written', () => {
    let room: boolean;

    beforeEach(() => {
      run.close();
      room = true;
      const full = (): never => {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      };
      const write = (fd: number, bytes: Buffer): number => (room ? fs.writeSync(fd, bytes) : full());
      folder = fs.mkdtempSync(path.join(folder, 'full-'));
      run = makeRun(folder, 'off', new JournalWriter(folder, write));
      for (const record of begin().records.slice(0, 2)) run.append(record);
      run.connect({ generation: 1, client });
    });

    const shown = (): string => JSON.stringify(run.snapshot().rows);
    const notes = (): string[] =>
      readJournal(folder).records.flatMap((record) => (record.kind === 'note' ? [record.text] : []));

    it('goes on with its turn in memory, says so once, and writes all of it when there is room', async () => {
      await start();
      room = false;
      run.onEvents([userPart, busy, delta('Half')]);
      clock.advance(BATCH_MS);
      run.onEvents([delta(' and half')]);
      clock.advance(BATCH_MS);
      assert.match(shown(), /Half and half/);
      assert.match(
        shown(),
        /the disk is full\. Free some space and try again\. Until then .* nothing new is sent/,
      );
      assert.equal(journalErrors.length, 1);
      assert.equal(run.isRecorded, false);
      assert.ok(!kinds().includes('note'));
      room = true;
      clock.advance(5000);
      assert.equal(run.isRecorded, true);
      const { records, problems } = readJournal(folder);
      assert.deepEqual(problems, []);
      assert.deepEqual(
        records.map(({ seq }) => seq),
        records.map((_, index) => index + 1),
      );
      assert.equal(notes().length, 2);
      assert.match(notes()[1] ?? '', /written again\. Nothing is missing in it/);
    });

    it('sends no prompt, not even one that is drafted already', async () => {
      await run.createSession('Test');
      room = false;
      assert.throws(() => run.startTurn(SESSION, PROMPT, ''), /The journal in .* the disk is full/);
      await settle();
      assert.equal(client.sent.length, 0);
      assert.equal(run.active, false);
      assert.match(shown(), /It was not sent: The journal/);
      assert.throws(() => run.assertRecorded(), /the disk is full/);
      room = true;
      run.assertRecorded();
      run.startTurn(SESSION, { ...PROMPT, messageId: 'msg_2', partId: 'prt_2' }, '');
      await settle();
      assert.deepEqual(
        client.sent.map(({ prompt }) => prompt.messageId),
        ['msg_2'],
      );
    });

    it('sends nothing again either', async () => {
      await run.createSession('Test');
      run.listen({
        onRecord: (record) => {
          if (record.kind === 'attempt-started') room = false;
        },
      });
      run.startTurn(SESSION, PROMPT, '');
      await settle();
      assert.equal(client.sent.length, 0);
      assert.equal(run.state.turn?.phase, 'settled');
      assert.match(shown(), /the disk is full/);
    });

    it('writes what is missing when it is closed', async () => {
      await run.createSession('Test');
      room = false;
      run.append({ kind: 'note', level: 'info', text: 'kept' });
      room = true;
      run.close();
      assert.equal(notes()[0], 'kept');
    });
  });
});
