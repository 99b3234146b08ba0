import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { EngineEvent } from '../../src/core/engine.ts';
import type { JournalRecord, ServerStateName } from '../../src/core/journal/record.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { openWorkspace } from '../../src/engines/open-workspace.ts';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { type FakeModel, startFakeModel } from '../fakes/model/server.ts';
import { hang, hold, says, text } from '../fakes/model/steps.ts';
import { engineBinary, isolatedEnv, readyUrl, startEngine } from './support/engine-process.ts';
import { startLossyProxy } from './support/lossy-proxy.ts';

/** In the environment of everything that is started here, by us or by Holdfast. */
const MARK = 'HOLDFAST_TEST_ATTACHED';

/** The pids of all opencode processes that came of this file. */
async function enginePids(): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const found = await Promise.all(
    pids.map(async (pid) => {
      try {
        const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
        return command.includes('\0serve\0') && environment.includes(`${MARK}=${process.env[MARK]}`);
      } catch {
        return false;
      }
    }),
  );
  return pids.filter((_pid, index) => found[index]);
}

interface Attached {
  host: WorkspaceHost;
  states: ServerStateName[];
  /** Resolves when the server is in that state. */
  until(state: ServerStateName): Promise<void>;
}

/** The texts of the agent in a run, as its surfaces show them. */
function texts(run: Run): string[] {
  return run.snapshot().rows.flatMap((row) => (row.kind === 'text' ? [row.text] : []));
}

/** Resolves with the first record that fits from now on. */
function recordOf(run: Run, fits: (record: JournalRecord) => boolean): Promise<JournalRecord> {
  return new Promise((resolve) => {
    const stop = run.listen({
      onRecord(record) {
        if (!fits(record)) return;
        stop();
        resolve(record);
      },
    });
  });
}

const isDelta = (said: string) => (record: JournalRecord) =>
  record.kind === 'event' && record.event.type === 'delta' && record.event.text.includes(said);

describe('an attached opencode server', function () {
  this.timeout(120_000);
  let root: string;
  let model: FakeModel;
  let ends: (() => Promise<void>)[];

  beforeEach(async () => {
    process.env[MARK] = randomUUID();
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-attached-')));
    model = await startFakeModel();
    ends = [];
  });
  afterEach(async () => {
    for (const end of ends.toReversed()) await end();
    await model.stop();
    await rm(root, { recursive: true, force: true });
    assert.deepEqual(await enginePids(), []);
    delete process.env[MARK];
  });

  function attach(url: string, password: string, folder: string): Attached {
    const { settings } = parseSettings((key) => (key === 'server.url' ? url : undefined));
    const host = openWorkspace({
      settings,
      folder,
      storage: join(root, 'storage'),
      programs: resolve('dist'),
      env: process.env,
      extraPath: [],
      password,
      label: 'test',
      log: { info: () => undefined, warn: () => undefined },
      version: '0.0.0',
    });
    ends.push(() => host.close());
    const states: ServerStateName[] = [];
    host.server.onState(({ state }) => states.push(state));
    const until = (wanted: ServerStateName): Promise<void> =>
      new Promise((found) => {
        const look = (state: ServerStateName): void => {
          if (state !== wanted) return;
          stop();
          found();
        };
        const stop = host.server.onState(({ state }) => look(state));
        look(host.server.state.state);
      });
    return { host, states, until };
  }

  it('C-04, C-09, S-10: is away with the network, and its turn goes on: all of the text, the same process', async () => {
    const engine = await startEngine({ config: scriptedModelConfig(model.baseUrl) });
    ends.push(() => engine.stop());
    const { baseUrl, password, directory, pid } = engine;
    const proxy = await startLossyProxy(baseUrl);
    ends.push(() => proxy.stop());
    const { host, states, until } = attach(proxy.baseUrl, password, directory);
    model.script({
      go: says(text('One, '), hold('away'), text('two, '), hold('back'), text('three.')),
    });

    const run = await host.startSession();
    const begun = recordOf(run, isDelta('One, '));
    await host.prompt(run, 'go');
    await begun;

    const direct = createOpencodeEngine().connect({ baseUrl, password, directory });
    ends.push(() => direct.close());
    await direct.ready(60_000);
    const missed = new Promise<EngineEvent>((found) =>
      direct.stream({
        onOpen: () => proxy.cut(),
        onBytes: () => undefined,
        onEvents: (events) =>
          events.forEach((event) => event.type === 'delta' && event.text === 'two, ' && found(event)),
        onOdd: () => undefined,
        onEnd: () => undefined,
      }),
    );
    await until('unreachable');
    assert.equal(run.active, true, 'the turn is not given up');
    model.release('away');
    await missed;
    assert.ok(proxy.inVain.length < 30, `${proxy.inVain.length} requests in vain`);

    const synced = recordOf(run, (record) => record.kind === 'synced');
    proxy.restore();
    await synced;
    model.release('back');
    await run.ended();
    assert.equal(run.state.ended?.outcome, 'ok');
    assert.deepEqual(texts(run), ['One, two, three.']);
    assert.deepEqual(states, ['connecting', 'ready', 'unreachable', 'ready']);
    assert.deepEqual(await enginePids(), [pid]);
    assert.equal(model.requests.length, 1, 'nothing was sent twice');
  });

  it('S-10, S-14: is replaced by another process: the turn goes on there, and so does the next one', async () => {
    const folder = join(root, 'workspace');
    await mkdir(folder);
    const port = await freePort();
    const first = await startByHand(root, port, scriptedModelConfig(model.baseUrl));
    ends.push(first.stop);
    const { host, states } = attach(first.url, first.password, folder);
    model.script(({ prompt, messages }) => {
      if (prompt === 'again') return says(text('The whole.'));
      const isBegun = JSON.stringify(messages).includes('Half a');
      return isBegun ? says(text('nd the rest.')) : says(text('Half a'), hang());
    });

    const run = await host.startSession();
    const begun = recordOf(run, isDelta('Half a'));
    await host.prompt(run, 'go');
    await begun;
    await first.stop();
    const second = await startByHand(root, port, scriptedModelConfig(model.baseUrl));
    ends.push(second.stop);
    await run.ended();
    assert.equal(run.state.ended?.outcome, 'ok');
    assert.deepEqual(texts(run), ['Half a', 'nd the rest.'], 'what was said is kept');

    await host.prompt(run, 'again');
    await run.ended();
    assert.equal(run.state.ended?.outcome, 'ok');
    assert.deepEqual(texts(run), ['Half a', 'nd the rest.', 'The whole.']);
    assert.ok(!states.includes('failed'));
    assert.deepEqual(await enginePids(), [second.pid]);
  });

  it('that wants another password, or is no opencode server, says what to do and is asked once', async () => {
    const engine = await startEngine();
    ends.push(() => engine.stop());
    const proxy = await startLossyProxy(engine.baseUrl);
    ends.push(() => proxy.stop());
    const wrong = attach(proxy.baseUrl, 'wrong', engine.directory);
    const run = await wrong.host.startSession();
    await assert.rejects(wrong.host.prompt(run, 'go'), /refused the password\. .*Set Server Password/);
    assert.deepEqual(wrong.states, ['connecting', 'failed']);
    assert.deepEqual(proxy.passed, ['/path']);
    const { host } = attach(`${proxy.baseUrl}/nowhere`, engine.password, engine.directory);
    const other = await host.startSession();
    await assert.rejects(host.prompt(other, 'go'), /is no opencode server: .*Check the address/);
    assert.equal(proxy.passed.length, 2);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A server as a service would start it: always the same address, password and data. */
async function startByHand(root: string, port: number, config: Readonly<Record<string, unknown>>) {
  const password = 'by hand';
  const child: ChildProcess = spawn(
    engineBinary(),
    ['serve', '--hostname', '127.0.0.1', '--port', String(port)],
    {
      cwd: root,
      env: {
        ...(await isolatedEnv(root)),
        OPENCODE_SERVER_PASSWORD: password,
        OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  };
  try {
    return {
      url: await readyUrl(child, /^opencode server listening on (http:\/\/\S+)$/m),
      password,
      pid: child.pid!,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
