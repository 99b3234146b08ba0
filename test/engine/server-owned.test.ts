import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../../src/core/errors.ts';
import type { ServerStateName } from '../../src/core/journal/record.ts';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { systemClock } from '../../src/node/clock.ts';
import { DirectHost } from '../../src/node/process/direct-host.ts';
import { AttachedServer } from '../../src/node/server/attached-server.ts';
import { OwnedServer } from '../../src/node/server/owned-server.ts';
import type { ServerDown } from '../../src/node/server/server.ts';
import { assertGone } from '../fakes/server/bench.ts';
import { ROOT } from '../rig/paths.mjs';
import { engineBinary, isolatedEnv } from './support/engine-process.ts';

/** Longest a start took here with every core busy, ms, several times over. */
const START_MS = 60_000;

describe('an owned opencode server', function () {
  this.timeout(START_MS);
  let root: string;
  let workspace: string;
  let env: Record<string, string>;
  let server: OwnedServer;
  let states: ServerStateName[];
  let downs: ServerDown[];
  let passwords: string[];

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-owned-')));
    workspace = join(root, 'workspace');
    await mkdir(workspace);
    env = await isolatedEnv(root);
    states = [];
    downs = [];
    passwords = [];
    const engine = createOpencodeEngine();
    server = new OwnedServer({
      engine: {
        ...engine,
        launch: (options) => {
          passwords.push(options.password);
          return engine.launch(options);
        },
      },
      host: new DirectHost(join(root, 'storage'), systemClock),
      key: () => ({ name: 'opencode', flavour: '' }),
      programs: join(ROOT, 'dist'),
      storage: root,
      clock: systemClock,
      random: () => 0,
      directory: workspace,
      env,
      choices: () => ({
        enginePath: engineBinary(),
        extraPath: [],
        limits: { restarts: 3, readyTimeoutMs: START_MS },
      }),
    });
    server.onState(({ state }) => state === states.at(-1) || states.push(state));
    server.onDown((down) => downs.push(down));
  });

  afterEach(async () => {
    await server.dispose();
    await rm(root, { recursive: true, force: true });
  });

  it('S-11: becomes ready, wants its password, keeps it out of its command line, and leaves no process', async () => {
    const { pid, baseUrl, engineVersion, client } = await server.ensure();
    assert.match(engineVersion ?? '', /^\d+\.\d+\.\d+/);
    assert.equal((await fetch(`${baseUrl}/global/health`)).status, 401);
    assert.equal(await client.health(10_000), true);
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    assert.match(commandLine, /opencode\0serve\0/);
    assert.ok(!commandLine.includes(passwords[0]!));
    await server.stop();
    assertGone([pid!, -pid!]);
    assert.deepEqual(states, ['starting', 'ready', 'stopping', 'stopped']);
    assert.equal(server.state.exit?.signal, 'SIGTERM');
    assert.equal(server.state.exit?.expected, true);
  });

  it('C-19: works in a private folder outside the workspace, without core dumps, with dumps sent to storage', async () => {
    const { pid } = await server.ensure();
    const cwd = await readlink(`/proc/${pid}/cwd`);
    assert.ok(cwd.startsWith(join(root, 'storage', 'run')), cwd);
    assert.match(await readFile(`/proc/${pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    assert.ok(environment.includes(`ERL_CRASH_DUMP=${join(root, 'storage', 'crash', 'erl_crash.dump')}`));
  });

  it('S-03, C-13, C-17: a kill is seen within 2 s, once, with its signal, and is in the log', async () => {
    const { pid } = await server.ensure();
    const at = Date.now();
    const down = new Promise<ServerDown>((resolve) => server.onDown(resolve));
    process.kill(pid!, 'SIGKILL');
    const { exit, reason } = await down;
    assert.ok(Date.now() - at < 2_000, `${Date.now() - at} ms`);
    assert.equal(exit?.signal, 'SIGKILL');
    assert.equal(exit?.expected, false);
    assert.equal(reason, 'The server was killed (SIGKILL, signal 9).');
    assert.deepEqual(states, ['starting', 'ready', 'stopped']);
    await server.stop();
    assert.equal(downs.length, 1);
    assert.match(await readFile(join(root, 'storage', 'log', 'server.log'), 'utf8'), /ended, signal SIGKILL/);
  });

  it('S-14: a restart gives a new process with a new password, and the old client is of no use', async () => {
    const old = await server.ensure();
    const fresh = await server.restart();
    assert.notEqual(fresh.pid, old.pid);
    assert.equal(fresh.generation, 2);
    assert.notEqual(passwords[0], passwords[1]);
    assertGone([old.pid!]);
    assert.equal(await old.client.health(10_000), false);
    assert.equal(await fresh.client.health(10_000), true);
    assert.deepEqual(states, ['starting', 'ready', 'stopping', 'starting', 'ready']);
  });

  it('a broken global configuration is a start failure in the words of the engine', async () => {
    await writeFile(join(root, 'config', 'opencode', 'opencode.json'), '{ "model": ');
    const error = await startFailure();
    assert.match(
      error.message,
      /^The server exited with code 1 before it was ready\. It said: .*opencode\.json is not valid JSON/,
    );
    assert.deepEqual(states, ['starting', 'stopped']);
    assert.deepEqual(downs, []);
  });

  it('a broken project configuration is named, although the server says that it is healthy', async () => {
    delete env['OPENCODE_DISABLE_PROJECT_CONFIG'];
    await writeFile(join(workspace, 'opencode.json'), '{ "model": ');
    const error = await startFailure();
    assert.match(error.message, /^The server runs but cannot serve this workspace: .*opencode\.json/);
    assert.deepEqual(states, ['starting', 'stopping', 'stopped']);
    await rm(join(workspace, 'opencode.json'));
    await server.ensure();
    assert.equal(server.state.state, 'ready', 'once it is repaired, the next start works');
  });

  it('S-10: a stranger on the port that the engine likes best is left alone', async () => {
    const stranger = createServer((_request, response) => response.end('stranger'));
    stranger.listen(4096, '127.0.0.1');
    // Somebody else may hold it already; that is a stranger just as well.
    await once(stranger, 'listening').catch(() => undefined);
    try {
      const { baseUrl } = await server.ensure();
      assert.doesNotMatch(baseUrl, /:4096$/);
      await server.stop();
      await fetch('http://127.0.0.1:4096');
    } finally {
      stranger.closeAllConnections();
      stranger.close();
    }
  });

  it('a frozen server does not answer the request to end and is killed', async () => {
    const { pid } = await server.ensure();
    process.kill(pid!, 'SIGSTOP');
    await server.stop();
    assertGone([pid!, -pid!]);
    // It may be said to have died of the request that it could not answer.
    assert.match(server.state.exit?.signal ?? '', /^SIG(KILL|TERM)$/);
  });

  it('can be used by its address as an attached server, which is never ended', async () => {
    const { baseUrl, pid } = await server.ensure();
    const attached = new AttachedServer({
      engine: createOpencodeEngine(),
      clock: systemClock,
      url: baseUrl,
      directory: workspace,
      credentials: () => Promise.resolve({ password: passwords[0] }),
    });
    const { client } = await attached.ensure();
    assert.equal(await client.health(10_000), true);
    await attached.dispose();
    assert.equal(attached.state.state, 'stopped');
    process.kill(pid!, 0);
    const stranger = new AttachedServer({
      engine: createOpencodeEngine(),
      clock: systemClock,
      url: baseUrl,
      directory: workspace,
      credentials: () => Promise.resolve({ password: 'wrong' }),
    });
    await assert.rejects(stranger.ensure(), StartError);
    assert.match(
      stranger.state.reason ?? '',
      /^The server at http:\/\/127\.0\.0\.1:\d+ refused the password\. Set the right one/,
    );
    await stranger.dispose();
  });

  async function startFailure(): Promise<StartError> {
    const error: unknown = await server.ensure().then(
      () => assert.fail('it started'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof StartError);
    return error;
  }
});
