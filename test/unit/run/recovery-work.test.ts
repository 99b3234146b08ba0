import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { CancelledError, DatabaseError, EngineMissingError, StartError } from '../../../src/core/errors.ts';
import type { JournalRecord, RecordBody, RecordKind } from '../../../src/core/journal/record.ts';
import type { ServerView } from '../../../src/core/server/view.ts';
import { JournalWriter } from '../../../src/node/journal/journal-writer.ts';
import { RecoveryWork } from '../../../src/node/run/recovery-work.ts';
import { Run } from '../../../src/node/run/run.ts';
import type { Server, ServerConnection } from '../../../src/node/server/server.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';
import { FakeClient } from '../support/fake-client.ts';
import { running } from '../support/story.ts';

const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };

/** A server whose starts end as the test says, in the order in which they are asked for. */
class FakeServer {
  state: ServerView = { kind: 'owned', state: 'stopped', generation: 1, since: 0, exit };
  starts = 0;
  readonly #waiting: ((end: Error | ServerConnection) => void)[] = [];
  #asked: () => void = () => undefined;

  ensure(): Promise<ServerConnection> {
    this.starts++;
    const asked = this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.push((end) => (end instanceof Error ? reject(end) : resolve(end)));
      asked();
    });
  }

  /** Resolves when a start is under way. */
  async asked(): Promise<void> {
    if (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#asked = resolve));
  }

  /** Waits for a start to be asked for, and ends it. */
  async starting(end: Error | ServerConnection, view: Partial<ServerView>): Promise<void> {
    await this.asked();
    const { exit: _exit, ...rest } = this.state;
    this.state = { ...rest, ...view };
    this.#waiting.shift()?.(end);
  }
}

describe('a server for a turn that failed', () => {
  let folder: string;
  let server: FakeServer;
  let work: RecoveryWork;
  let run: Run;
  let joined: number[];
  let joining: (run: Run, connection: ServerConnection) => Promise<void>;
  const runs: Run[] = [];

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-recovery-'));
    server = new FakeServer();
    joined = [];
    joining = (to, connection) => {
      to.connect(connection);
      return Promise.resolve();
    };
    work = new RecoveryWork({
      server: server as unknown as Server,
      join: (to, connection) => {
        joined.push(connection.generation);
        return joining(to, connection);
      },
    });
    run = failedRun();
  });
  afterEach(() => {
    for (const one of runs.splice(0)) one.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function failedRun(): Run {
    const made = new Run({
      id: `r${runs.length}`,
      writer: new JournalWriter(path.join(folder, String(runs.length))),
      clock: new FakeClock(),
      stallLimitMs: 1,
      recovery: 'auto',
      onJournalError: (error) => assert.fail(String(error)),
      onLeaseLost: () => assert.fail('nobody takes it'),
      onRecover: () => Promise.resolve(),
      endLeftovers: () => Promise.resolve(),
      onReviewEffect: () => Promise.resolve(),
    });
    runs.push(made);
    made.restore(running('prompt', 'auto').records);
    made.append({ kind: 'server', generation: 1, state: 'stopped', exit });
    assert.equal(made.state.turn?.phase, 'failed');
    return made;
  }

  function connection(generation: number, client = new FakeClient()): ServerConnection {
    return { generation, client, baseUrl: '' };
  }

  function noted<K extends RecordKind>(kind: K, of = run): Extract<JournalRecord, { kind: K }>[] {
    const found: Extract<JournalRecord, { kind: K }>[] = [];
    of.listen({
      onRecord: (record) => {
        if (record.kind === kind) found.push(record as Extract<JournalRecord, { kind: K }>);
      },
    });
    return found;
  }

  const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };

  it('is started once, however often it is asked for, and the run joins it', async () => {
    const asked = [work.recover(run), work.recover(run), work.recover(run)];
    await server.starting(connection(2), { state: 'ready', generation: 2 });
    await Promise.all(asked);
    assert.deepEqual([server.starts, joined], [1, [2]]);
    assert.equal(run.state.turn?.phase, 'failed', 'what becomes of it is decided when it was read');
  });

  it('is asked for again by the next failure', async () => {
    for (const generation of [2, 3]) {
      const done = work.recover(run);
      await server.starting(connection(generation), { state: 'ready', generation });
      await done;
    }
    assert.deepEqual(joined, [2, 3]);
  });

  it('that the run has already is only asked how the session stands', async () => {
    const client = new FakeClient();
    run.connect({ generation: 1, client });
    const synced = noted('synced');
    const done = work.recover(run);
    await server.starting(connection(1, client), { state: 'ready' });
    await done;
    assert.deepEqual([joined, synced.map(({ status }) => status)], [[], ['idle']]);
  });

  it('is tried until its budget is spent, and that is said', async () => {
    const failed = noted('recovery-failed');
    const done = work.recover(run);
    await server.starting(new StartError('It exited.', ''), { state: 'stopped', exit });
    await server.starting(new StartError('It exited.', ''), { state: 'stopped', exit });
    await server.starting(new StartError('3 of 3 restarts are used up.', ''), { state: 'failed', exit });
    await done;
    assert.deepEqual(
      failed.map(({ reason }) => reason),
      ['3 of 3 restarts are used up.'],
    );
    assert.equal(server.starts, 3);
    assert.equal(run.state.turn?.phase === 'settled' && run.state.turn.outcome, 'server-unreachable');
  });

  it('whose database is damaged is not tried again, and that is said', async () => {
    const failed = noted('recovery-failed');
    const done = work.recover(run);
    await server.starting(new DatabaseError('damaged', 'It is damaged.', ''), { state: 'stopped', exit });
    await done;
    assert.deepEqual(
      failed.map(({ reason }) => reason),
      ['It is damaged.'],
    );
    assert.equal(server.starts, 1);
  });

  it('is reached at a later try', async () => {
    const failed = noted('recovery-failed');
    const done = work.recover(run);
    await server.starting(new StartError('It exited.', ''), { state: 'stopped', exit });
    await server.starting(connection(3), { state: 'ready', generation: 3 });
    await done;
    assert.deepEqual([joined, failed], [[3], []]);
  });

  const hopeless: Record<string, [Error, Partial<ServerView>]> = {
    'whose engine is missing': [new EngineMissingError('There is no opencode.'), { state: 'stopped' }],
    'that cannot be started at all, which spends no restart': [
      new StartError('spawn EACCES', ''),
      { state: 'stopped' },
    ],
    'that somebody stopped meanwhile': [
      new CancelledError('The server was stopped.'),
      { state: 'stopped', exit },
    ],
    'of a host that is going away': [new CancelledError(), { state: 'ready' }],
  };
  for (const [what, [error, view]] of Object.entries(hopeless)) {
    it(`${what} is not tried again`, async () => {
      const failed = noted('recovery-failed');
      const done = work.recover(run);
      await server.starting(error, view);
      await done;
      assert.deepEqual(
        failed.map(({ reason }) => reason),
        [error.message],
      );
      assert.equal(server.starts, 1);
      assert.equal(run.active, false);
    });
  }

  it('is shared: a failed start of one run does not end the try of another that is under way', async () => {
    const other = failedRun();
    const failed = [...noted('recovery-failed'), ...noted('recovery-failed', other)];
    const done = [work.recover(run), work.recover(other)];
    await server.starting(new StartError('It exited.', ''), { state: 'stopped', exit });
    await server.starting(new StartError('It exited.', ''), { state: 'starting', generation: 3 });
    await server.starting(connection(3), { state: 'ready', generation: 3 });
    await server.starting(connection(3), { state: 'ready', generation: 3 });
    await Promise.all(done);
    assert.deepEqual([joined, failed], [[3, 3], []]);
  });

  it('that dies while the run joins it is started once more: what asks for it then is not lost', async () => {
    const done = work.recover(run);
    let again: Promise<void> | undefined;
    joining = (to, joinedTo) => {
      to.connect(joinedTo);
      if (joinedTo.generation === 2) {
        to.connect(undefined);
        to.append({ kind: 'server', generation: 2, state: 'stopped', exit });
        again = work.recover(to);
      }
      return Promise.resolve();
    };
    await server.starting(connection(2), { state: 'ready', generation: 2 });
    await server.starting(connection(3), { state: 'ready', generation: 3 });
    await done;
    await again;
    assert.deepEqual([joined, run.connection?.generation], [[2, 3], 3]);
  });

  it('R-07: is not joined by a run that was stopped meanwhile', async () => {
    const done = work.recover(run);
    await server.asked();
    run.append(stop);
    await server.starting(connection(2), { state: 'ready', generation: 2 });
    await done;
    assert.deepEqual(joined, []);
  });

  it('R-07: is not tried again for a run that was stopped meanwhile, and nothing is said of it', async () => {
    const failed = noted('recovery-failed');
    const done = work.recover(run);
    await server.asked();
    run.append(stop);
    await server.starting(new StartError('It exited.', ''), { state: 'stopped', exit });
    await done;
    assert.deepEqual([server.starts, failed], [1, []]);
  });

  it('is nothing to a run that another process does by now', async () => {
    const failed = noted('recovery-failed');
    const done = work.recover(run);
    await server.asked();
    run.leaveToOwner();
    await server.starting(new EngineMissingError('There is no opencode.'), { state: 'stopped' });
    await done;
    assert.deepEqual([joined, failed], [[], []]);
  });

  it('is not started for a turn that is over by the time', async () => {
    const done = work.recover(run);
    run.append(stop);
    await done;
    assert.equal(server.starts, 0);
  });

  it('that somebody else runs is waited for, and its absence is no failure', async () => {
    const failed = noted('recovery-failed');
    const done = work.recover(run);
    await server.starting(new StartError('It is away.', ''), { kind: 'attached', state: 'unreachable' });
    await done;
    assert.deepEqual([server.starts, failed, run.state.turn?.phase], [1, [], 'failed']);
  });
});
