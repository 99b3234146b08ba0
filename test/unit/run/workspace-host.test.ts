import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { EngineEvent, Snapshot } from '../../../src/core/engine.ts';
import { RequestError, SessionGoneError, StartError } from '../../../src/core/errors.ts';
import type { JournalRecord, RecordBody, RecordKind } from '../../../src/core/journal/record.ts';
import type { PatchOp } from '../../../src/core/protocol.ts';
import type { ServerView } from '../../../src/core/server/view.ts';
import { parseSettings } from '../../../src/core/settings.ts';
import { LOOK_MS } from '../../../src/node/journal/changes.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { MAX_FILE_BYTES } from '../../../src/node/journal/journal-writer.ts';
import { isUnfinished, lookAtLease } from '../../../src/node/lease.ts';
import { identify, machineSpace } from '../../../src/node/process/identity.ts';
import type { Run } from '../../../src/node/run/run.ts';
import type { Server } from '../../../src/node/server/server.ts';
import { WorkspaceHost } from '../../../src/node/workspace-host.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { fakeEngine } from '../../fakes/server/fake-engine.ts';
import { FakeClient } from '../support/fake-client.ts';
import { answer, busy, finished, idle, PROMPT, SESSION, text, userPart } from '../support/story.ts';

const RUN = '20260101-000000-abcdef';
const ASK: EngineEvent = {
  type: 'ask',
  sessionId: SESSION,
  ask: {
    type: 'permission',
    id: 'per_1',
    sessionId: SESSION,
    permission: 'bash',
    patterns: ['ls'],
    always: [],
  },
};

/** Another process that writes a journal, a piece whenever it is told to, and says when the piece is written. */
class Owner {
  readonly process: ChildProcess;
  readonly #file: string;
  #seq = 0;

  constructor(folder: string) {
    fs.mkdirSync(folder, { recursive: true });
    this.#file = path.join(folder, 'journal-000001.jsonl');
    const program = `process.on('message', ([file, text]) => {
      require('node:fs').appendFileSync(file, text);
      process.send('written');
    });`;
    this.process = spawn(process.execPath, ['-e', program], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  }

  async writeText(piece: string): Promise<void> {
    const written = once(this.process, 'message');
    this.process.send([this.#file, piece]);
    await written;
  }

  async write(...bodies: RecordBody[]): Promise<void> {
    const records = bodies.map((body): JournalRecord => ({ seq: ++this.#seq, at: 1000, ...body }));
    await this.writeText(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  }

  async events(...events: EngineEvent[]): Promise<void> {
    await this.write(...events.map((event): RecordBody => ({ kind: 'event', event })));
  }

  /** Takes the lease of the run, the way a process does that has none of our code running here. */
  async hold(folder = path.dirname(this.#file), generation = 1): Promise<void> {
    const process = await identify(this.process.pid ?? 0);
    const owner = { process, ...(await machineSpace()), label: 'another window' };
    fs.writeFileSync(path.join(folder, `lease-00000${generation}.json`), JSON.stringify(owner));
  }

  /** Begins the run, and a turn in it that the engine works on. */
  async begin(): Promise<void> {
    await this.hold();
    await this.write(
      {
        kind: 'run-started',
        version: 1,
        runId: RUN,
        type: 'prompt',
        title: 'Test',
        workspace: '/w',
        engine: 'opencode',
        demo: false,
        owner: { pid: this.process.pid ?? 0, startedAt: 0 },
        holdfast: '0.0.0',
      },
      { kind: 'session-ready', sessionId: SESSION, title: 'Test' },
      { kind: 'turn-drafted', turnId: 't1', sessionId: SESSION, prompt: PROMPT, label: '' },
      { kind: 'attempt-started', turnId: 't1', attempt: 1 },
      { kind: 'prompt-send-started', turnId: 't1' },
      { kind: 'prompt-send-completed', turnId: 't1' },
    );
    await this.events(userPart, busy, answer({}));
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exit;
  }
}

describe('workspace host', () => {
  let storage: string;
  let clock: FakeClock;
  let client: FakeClient;
  let starts: number;
  /** Whether the server of before still lives. */
  let hasServer: boolean;
  let isOutOfReach: boolean;
  const notes: string[] = [];
  let view: ServerView;
  let tellState: (view: ServerView) => void;
  let host: WorkspaceHost;
  let owner: Owner;

  beforeEach(() => {
    storage = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-host-'));
    clock = new FakeClock();
    client = new FakeClient();
    starts = 0;
    hasServer = false;
    isOutOfReach = false;
    notes.length = 0;
    view = { kind: 'owned', state: 'ready', generation: 1, since: 0 };
    host = makeHost();
    owner = new Owner(path.join(host.runsFolder, RUN));
  });
  afterEach(async () => {
    await owner.kill();
    const closed = host.close();
    // As long as a server may take that does not answer.
    clock.advance(10_000);
    await closed;
    fs.rmSync(storage, { recursive: true, force: true });
  });

  function makeHost(): WorkspaceHost {
    const connection = { generation: 1, client, baseUrl: 'http://127.0.0.1:1', notes };
    const ensure = (): Promise<typeof connection> => {
      starts++;
      return isOutOfReach ? Promise.reject(new StartError('It is away.', '')) : Promise.resolve(connection);
    };
    const server: Server = {
      get state(): ServerView {
        if (!isOutOfReach) return view;
        return { kind: 'attached', state: 'unreachable', generation: 1, since: 0, reason: 'It is away.' };
      },
      ensure,
      find: () => Promise.resolve(hasServer),
      leave: () => Promise.resolve(),
      others: { count: 0, busy: false },
      onLeftovers: () => () => undefined,
      recall: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      restart: ensure,
      giveUp: () => undefined,
      stop: () => Promise.resolve(),
      dispose: () => Promise.resolve(),
      onState: (listener) => {
        tellState = (next) => {
          view = next;
          listener(next);
        };
        return () => undefined;
      },
      onDown: () => () => undefined,
      heard: () => undefined,
      turnStarted: () => undefined,
      turnEnded: () => undefined,
    };
    return new WorkspaceHost({
      engine: fakeEngine(() => assert.fail('no server is started')),
      server,
      folder: '/w',
      storage,
      settings: parseSettings(() => undefined).settings,
      model: 'fake/fake',
      demo: false,
      clock,
      log: { info: () => undefined, warn: () => undefined },
      version: '0.0.0',
      processStartedAt: 1,
      label: 'test',
      companions: [],
      reconcile: () => Promise.resolve(),
    });
  }

  /** Resolves with the first record of this kind that listeners are told of. */
  function told(run: Run, kind: RecordKind): Promise<JournalRecord> {
    return new Promise((resolve) => {
      const stop = run.listen({
        onRecord: (record) => {
          if (record.kind !== kind) return;
          stop();
          resolve(record);
        },
      });
    });
  }

  /** The look that stands behind the system's notices, for what these do not tell. */
  const look = (): void => void clock.armed(LOOK_MS).then(() => clock.advance(LOOK_MS));
  const onDisk = (): JournalRecord[] => readJournal(path.join(host.runsFolder, RUN)).records;

  async function openFollowed(): Promise<Run> {
    await owner.begin();
    const { run, problems } = await host.open(RUN);
    assert.deepEqual([run.active, run.followed, problems], [true, true, []]);
    return run;
  }

  describe('a run of another live process', () => {
    it('is shown as it goes on, to its end, and is never written to', async () => {
      const run = await openFollowed();
      const ops: PatchOp[] = [];
      run.listen({ onOps: (some) => ops.push(...some) });
      run.snapshot();

      const ended = told(run, 'run-ended');
      await owner.events(text('Half of it'));
      await owner.events(text('All of it', { endedAt: 1500 }), finished());
      await owner.write(
        { kind: 'turn-settled', turnId: 't1', outcome: 'ok', inferred: false },
        { kind: 'run-ended', outcome: 'ok' },
      );
      look();
      await ended;
      clock.advance(100);

      assert.equal(run.state.ended?.outcome, 'ok');
      const rows = ops.flatMap((op) => (op.op === 'row' && op.row.kind === 'text' ? [op.row.text] : []));
      assert.equal(rows.at(-1), 'All of it');
      const seqs = onDisk().map(({ seq }) => seq);
      assert.deepEqual(
        seqs,
        seqs.map((_, index) => index + 1),
        'only the owner has written',
      );
      assert.equal(onDisk().at(-1)?.kind, 'run-ended');
    });

    it('goes on here once it has ended there', async () => {
      const run = await openFollowed();
      const ended = told(run, 'run-ended');
      await owner.write(
        { kind: 'turn-settled', turnId: 't1', outcome: 'ok', inferred: false },
        { kind: 'run-ended', outcome: 'ok' },
      );
      look();
      await ended;
      assert.equal(run.header().canSend, true);
      const prompted = host.prompt(run, 'And now?');
      await clock.armed(5000);
      client.lastStream.onOpen();
      await prompted;
      assert.equal(run.active, true);
      assert.deepEqual(host.activeRuns, [run]);
    });

    it('is not one of ours, and is refused what only its owner may do', async () => {
      const run = await openFollowed();
      const asked = told(run, 'event');
      await owner.events(ASK);
      look();
      await asked;
      const refusal = /^This run belongs to another window/;

      assert.deepEqual(host.activeRuns, []);
      assert.equal(host.standing(RUN), 'waiting');
      await assert.rejects(host.prompt(run, 'Me too'), { kind: 'foreign-run', message: refusal });
      await assert.rejects(run.answer('per_1', { type: 'permission', reply: 'once' }), { message: refusal });
      assert.throws(() => run.stop('user'), { message: refusal });
      assert.equal(starts, 0);
      assert.deepEqual(client.answered, []);
      assert.deepEqual(
        [run.header().canSend, run.snapshot().header.promptHint],
        [false, 'This run belongs to another window.'],
      );
      assert.equal(onDisk().at(-1)?.kind, 'event');
    });

    it('is settled as interrupted when its owner is gone without an end', async () => {
      const run = await openFollowed();
      const ended = told(run, 'run-ended');
      await owner.writeText('{"seq":99,"at"');
      await owner.kill();
      look();
      await ended;

      assert.equal(run.followed, false);
      assert.equal(run.state.ended?.outcome, 'interrupted');
      assert.match(run.state.ended?.message ?? '', /Holdfast itself ended while this ran/);
      // Behind the line that was torn.
      assert.deepEqual(
        onDisk()
          .slice(-2)
          .map(({ kind }) => kind),
        ['turn-settled', 'run-ended'],
      );
      assert.equal(run.header().canSend, true);
    });

    it('is let go with the host, and left as it is', async () => {
      const run = await openFollowed();
      await host.close();
      await owner.kill();
      assert.equal(clock.timers, 0);
      assert.equal(run.active, true);
      assert.equal(onDisk().at(-1)?.kind, 'event');
    });
  });

  it('settles a run whose owner is gone already when it is opened', async () => {
    await owner.begin();
    await owner.kill();
    const { run } = await host.open(RUN);
    assert.deepEqual([run.followed, run.state.ended?.outcome], [false, 'interrupted']);
  });

  describe('a run that was left unfinished', () => {
    const goingOn: Snapshot = { status: { type: 'busy' }, events: [answer({}), text('Half', {})] };

    /** Opens the run of an owner that is gone, on a server that still works on it. */
    async function openLeft(): Promise<Run> {
      hasServer = true;
      client.snapshotting = () => Promise.resolve(goingOn);
      const opening = host.open(RUN);
      await clock.armed(5000);
      client.lastStream.onOpen();
      const { run } = await opening;
      return run;
    }

    it('goes on here where its server lives, and nothing is sent again', async () => {
      await owner.begin();
      await owner.kill();
      const run = await openLeft();
      assert.deepEqual(
        [run.active, run.followed, run.state.info?.owner.pid],
        [true, false, owner.process.pid],
      );
      assert.deepEqual(host.activeRuns, [run]);
      run.onEvents([text('Half of it all', { endedAt: 1500 }), finished(), idle]);
      clock.advance(100);
      assert.equal(run.state.ended?.outcome, 'ok');
      assert.deepEqual(client.sent, []);
      const records = onDisk();
      assert.equal(records.filter(({ kind }) => kind === 'owner').length, 1);
      assert.deepEqual(
        records.map(({ seq }) => seq),
        records.map((_, index) => index + 1),
      );
    });

    it('is gone on with once, however often it is asked for', async () => {
      await owner.begin();
      await owner.kill();
      const [first, , second] = await Promise.all([openLeft(), host.adoptRuns(), openLeft()]);
      assert.equal(first, second);
      assert.equal(onDisk().filter(({ kind }) => kind === 'owner').length, 1);
    });

    it('C-04: waits for a server elsewhere that is out of reach, and goes on when that is back', async () => {
      await owner.begin();
      await owner.kill();
      hasServer = true;
      isOutOfReach = true;
      const { run } = await host.open(RUN);
      assert.equal(run.active, true);
      assert.equal(run.state.server.state, 'unreachable');
      isOutOfReach = false;
      client.snapshotting = () => Promise.resolve({ ...goingOn, status: { type: 'idle' } });
      tellState({ kind: 'attached', state: 'ready', generation: 2, since: 0 });
      await clock.armed(5000);
      client.lastStream.onOpen();
      await run.ended();
      assert.deepEqual(client.sent, []);
      assert.match(run.state.ended?.message ?? '', /came back without this turn/);
    });

    it('is left to a window that goes away, for the one that comes', async () => {
      const run = await host.startSession();
      const prompted = host.prompt(run, 'Do it');
      await clock.armed(5000);
      client.lastStream.onOpen();
      await prompted;
      await host.leave();
      assert.deepEqual(client.aborted, []);
      assert.equal(isUnfinished(run.folder), true);
      assert.equal((await lookAtLease(run.folder)).state, 'left');
    });

    it('T-06: is taken over from a live owner only when the user says so', async () => {
      const run = await openFollowed();
      hasServer = true;
      client.snapshotting = () => Promise.resolve(goingOn);
      const taking = host.takeOver(run);
      await clock.armed(5000);
      client.lastStream.onOpen();
      await taking;
      assert.deepEqual([run.followed, run.active], [false, true]);
      const lease = await lookAtLease(run.folder);
      assert.deepEqual([lease.state, 'own' in lease && lease.own], ['held', true]);
    });

    it('is shown and not written any more once another window has taken it over', async () => {
      const run = await host.startSession();
      const prompted = host.prompt(run, 'Do it');
      await clock.armed(5000);
      client.lastStream.onOpen();
      await prompted;
      let answerLate: (snapshot: Snapshot) => void = () => undefined;
      client.snapshotting = () => new Promise((resolve) => (answerLate = resolve));
      client.lastStream.onEnd('cut');
      client.lastStream.onOpen();
      await owner.hold(run.folder, 2);
      const before = readJournal(run.folder).records.length;
      run.append({ kind: 'note', level: 'info', text: 'too late' });
      assert.equal(run.followed, true);
      assert.equal(readJournal(run.folder).records.length, before);
      assert.throws(() => run.append({ kind: 'note', level: 'info', text: 'again' }), {
        kind: 'foreign-run',
      });
      client.emit(userPart, busy);
      answerLate({ status: { type: 'busy' }, events: [userPart, busy] });
      client.lastStream.onEnd('cut again');
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1000);
      assert.equal(readJournal(run.folder).records.length, before);
    });
  });

  /** Every stream opens at once. */
  function openStreams(): void {
    client.stream = (listener) => {
      client.streams.push(listener);
      queueMicrotask(() => listener.onOpen());
      return () => undefined;
    };
  }

  describe('on storage that cannot be written', () => {
    it('begins nothing, starts no server, leaves no trace, and says why', async () => {
      fs.rmSync(path.join(storage, 'workspaces'), { recursive: true });
      fs.writeFileSync(path.join(storage, 'workspaces'), '');
      await assert.rejects(
        host.startSession(),
        /^JournalError: The journal in .* cannot be written: something else is in its place\. Move that away and try again\.$/,
      );
      assert.equal(starts, 0);
      assert.deepEqual(fs.readdirSync(storage), ['workspaces']);
    });

    it('writes what waits when it goes away, if there is room by then', async () => {
      const run = await host.startSession();
      fs.mkdirSync(path.join(run.folder, 'journal-000002.jsonl'));
      run.append({ kind: 'note', level: 'info', text: 'x'.repeat(MAX_FILE_BYTES) });
      run.append({ kind: 'note', level: 'info', text: 'more' });
      assert.equal(run.isRecorded, false);
      fs.rmdirSync(path.join(run.folder, 'journal-000002.jsonl'));
      await host.leave();
      const texts = readJournal(run.folder).records.map((record) =>
        record.kind === 'note' ? record.text : '',
      );
      assert.ok(texts.includes('more'));
    });

    it('sends no prompt, and leaves it with whoever wrote it', async () => {
      openStreams();
      const run = await host.startSession();
      const file = path.join(run.folder, 'journal-000001.jsonl');
      await host.prompt(run, 'First');
      client.emit(userPart, busy, answer({}));
      run.stop('user');
      clock.advance(10_000);
      const { length } = client.sent;
      // What the disk does not take is the next file, which a large record makes necessary.
      fs.mkdirSync(path.join(run.folder, 'journal-000002.jsonl'));
      run.append({ kind: 'note', level: 'info', text: 'x'.repeat(MAX_FILE_BYTES) });
      run.append({ kind: 'note', level: 'info', text: 'more' });
      await assert.rejects(host.prompt(run, 'Second'), /^JournalError: .*something else is in its place/);
      assert.equal(client.sent.length, length);
      fs.rmdirSync(path.join(run.folder, 'journal-000002.jsonl'));
      await host.prompt(run, 'Second');
      assert.equal(client.sent.length, length + 1);
      assert.ok(fs.statSync(file).size > MAX_FILE_BYTES, 'nothing was cut');
      const { records, problems } = readJournal(run.folder);
      assert.deepEqual(problems, []);
      assert.ok(records.every(({ seq }, index) => seq === index + 1));
    });
  });

  it('tells once what there is to know of how its server started', async () => {
    openStreams();
    notes.push('The database is gone.');
    for (const title of ['One', 'Two']) {
      const run = await host.startSession(title);
      await host.prompt(run, 'Hello');
      const told = readJournal(run.folder).records.filter(({ kind }) => kind === 'note');
      assert.equal(told.length, title === 'One' ? 1 : 0);
    }
  });

  it('says that the engine does not know the session any more, where it reads one back', async () => {
    hasServer = true;
    await owner.begin();
    await owner.kill();
    client.snapshotting = () => Promise.reject(new SessionGoneError('read the session'));
    openStreams();
    const { run } = await host.open(RUN);
    await new Promise((resolve) => setImmediate(resolve));
    assert.match(JSON.stringify(run.snapshot().rows), /does not know this session any more/);
    assert.equal(run.active, false);
    assert.equal(run.state.sessionId, SESSION);
  });

  it('opens an ask again whose answer did not reach the server', async () => {
    const run = await host.startSession();
    const prompted = host.prompt(run, 'Do it');
    await clock.armed(5000);
    client.lastStream.onOpen();
    await prompted;
    run.onEvents([userPart, busy, answer({}), ASK]);
    clock.advance(100);
    const card = (): unknown => {
      const row = run.snapshot().rows.find(({ kind }) => kind === 'permission');
      return row !== undefined && 'state' in row ? row.state : undefined;
    };
    assert.equal(card(), 'open');
    client.answering = () => Promise.reject(new RequestError('answer', true, 'No answer came.'));
    const failing = run.answer('per_1', { type: 'permission', reply: 'once' });
    assert.equal(card(), 'sent');
    await assert.rejects(failing, /No answer came/);
    assert.equal(card(), 'open');
    client.answering = () => Promise.resolve();
    await run.answer('per_1', { type: 'permission', reply: 'once' });
    assert.equal(client.answered.length, 2);
  });
});
