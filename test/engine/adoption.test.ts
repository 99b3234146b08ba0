import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalRecord, RecordKind, RecordOf } from '../../src/core/journal/record.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { openWorkspace } from '../../src/engines/open-workspace.ts';
import { readJournal } from '../../src/node/journal/journal-reader.ts';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { type FakeModel, startFakeModel } from '../fakes/model/server.ts';
import { hold, says, text, tool } from '../fakes/model/steps.ts';
import { ROOT } from '../rig/paths.mjs';
import { type Child, ChildPrograms } from '../unit/support/child-program.ts';
import { engineBinary, isolatedEnv } from './support/engine-process.ts';

/** Another process that begins a turn and says the run's id once the turn's first words have come. */
const WINDOW = `
import { openWorkspace } from './src/engines/open-workspace.ts';
const [options, prompt, until] = JSON.parse(process.argv[2]);
const log = { info() {}, warn: (text) => console.error(text) };
const host = openWorkspace({ ...options, log });
const run = await host.startSession();
run.listen({ onRecord: ({ kind, event }) => {
  if (kind === 'event' && event.type === until) console.log(run.id);
} });
await host.prompt(run, prompt);
`;

describe('a run whose window is gone', function () {
  this.timeout(60_000);
  let root: string;
  let model: FakeModel;
  let children: ChildPrograms;
  let program: string;
  let options: Omit<Parameters<typeof openWorkspace>[0], 'log'>;
  let hosts: WorkspaceHost[];

  before(async () => {
    children = new ChildPrograms();
    program = await children.build('window', WINDOW);
  });
  after(() => children.dispose());
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-adoption-')));
    hosts = [];
    model = await startFakeModel({
      Go: says(text('It begins, '), hold('one'), text('goes on, '), hold('two'), text('ends.')),
      Ask: [says(tool('bash', { command: 'echo yes', description: 'Say yes' })), says(text('Allowed.'))],
    });
    const folder = join(root, 'workspace');
    await mkdir(folder);
    const config = scriptedModelConfig(model.baseUrl, { permission: { bash: 'ask' } });
    const own: Record<string, unknown> = {
      'engine.path': engineBinary(),
      'engine.busyGrace': 30,
      'engine.idleGrace': 1,
    };
    options = {
      settings: parseSettings((key) => own[key]).settings,
      folder,
      storage: join(root, 'storage'),
      programs: join(ROOT, 'dist'),
      env: { ...(await isolatedEnv(root)), OPENCODE_CONFIG_CONTENT: JSON.stringify(config) },
      extraPath: [],
      label: 'test',
      version: '0.0.0',
    };
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.close()));
    await model.stop();
    await rm(root, { recursive: true, force: true });
  });

  function open(): WorkspaceHost {
    const host = openWorkspace({ ...options, log: { info: () => undefined, warn: () => undefined } });
    hosts.push(host);
    return host;
  }

  async function begin(prompt: string, until: string): Promise<{ child: Child; id: string }> {
    const child = children.start(program, JSON.stringify([options, prompt, until]));
    const id = await child.line();
    assert.ok(id !== undefined, 'the turn has begun');
    return { child, id };
  }

  const records = (run: Run): JournalRecord[] => readJournal(run.folder).records;
  const said = (run: Run): string[] =>
    run.snapshot().rows.flatMap((row) => (row.kind === 'text' ? [row.text] : []));

  /** The first record of a kind that fits, in the journal already or still to come. */
  function told<K extends RecordKind>(
    run: Run,
    kind: K,
    fits: (record: RecordOf<K>) => boolean = () => true,
  ): Promise<RecordOf<K>> {
    const isIt = (record: JournalRecord): record is RecordOf<K> =>
      record.kind === kind && fits(record as RecordOf<K>);
    return new Promise((resolve) => {
      const before = records(run).find(isIt);
      if (before !== undefined) return resolve(before);
      const stop = run.listen({
        onRecord: (record) => {
          if (!isIt(record)) return;
          stop();
          resolve(record);
        },
      });
    });
  }

  it('goes on in the next one: same server, one model request, nothing missing and nothing twice', async () => {
    const { child, id } = await begin('Go', 'delta');
    await child.kill();
    const { run, problems } = await open().open(id);
    assert.deepEqual(problems, []);
    // From here on it listens: what is said before is only known once the text is whole.
    await told(run, 'synced');
    model.release('one');
    await told(run, 'event', ({ event }) => event.type === 'delta' && event.text.includes('goes on'));
    model.release('two');
    const ended = await told(run, 'run-ended');
    assert.equal(ended.outcome, 'ok');
    assert.deepEqual(said(run), ['It begins, goes on, ends.']);
    assert.equal(model.requests.length, 1);
    const seqs = records(run).map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => index + 1),
    );
    const pids = new Set(
      records(run).flatMap((record) => (record.kind === 'owner' ? [record.owner.pid] : [])),
    );
    assert.deepEqual([...pids], [process.pid]);
  });

  it('has what was said while no window was there', async () => {
    const { child, id } = await begin('Go', 'delta');
    await child.kill();
    model.release('one');
    model.release('two');
    const { run } = await open().open(id);
    assert.equal((await told(run, 'run-ended')).outcome, 'ok');
    assert.deepEqual(said(run), ['It begins, goes on, ends.']);
    assert.equal(model.requests.length, 1);
  });

  it('is asked again what waited for the user', async () => {
    const { child, id } = await begin('Ask', 'ask');
    await child.kill();
    const { run } = await open().open(id);
    await told(run, 'synced');
    const [ask] = run.state.conversation.asks.values();
    assert.ok(ask !== undefined, 'the permission is asked for again');
    await run.answer(ask.id, { type: 'permission', reply: 'once' });
    assert.equal((await told(run, 'run-ended')).outcome, 'ok');
    assert.deepEqual(said(run), ['Allowed.']);
    assert.equal(model.requests.length, 2);
  });
});
