import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EngineClient } from '../../src/core/engine.ts';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { ROOT } from '../rig/paths.mjs';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { engineBinary, isolatedEnv, readyUrl } from './support/engine-process.ts';

const PASSWORD = 'a pass:word of this start';

describe('the real engine, located and started as we do it', function () {
  this.timeout(120_000);
  const engine = createOpencodeEngine();
  let root: string;
  let child: ChildProcess | undefined;
  let client: EngineClient | undefined;

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-start-')));
    await mkdir(join(root, 'workspace'));
  });
  afterEach(async () => {
    await client?.close();
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await rm(root, { recursive: true, force: true });
  });

  async function start(
    config?: Record<string, unknown>,
    env: Record<string, string> = {},
  ): Promise<EngineClient> {
    const baseEnv = { ...(await isolatedEnv(root)), ...env };
    const binary = await engine.locate({ path: engineBinary(), env: baseEnv });
    const spec = engine.launch({
      binary,
      password: PASSWORD,
      baseEnv,
      extraPath: [],
      programs: join(ROOT, 'dist'),
      ...(config === undefined ? {} : { config }),
    });
    child = spawn(spec.command, [...spec.args], {
      cwd: root,
      env: spec.env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const baseUrl = await readyUrl(child, spec.readyLine);
    client = engine.connect({ baseUrl, password: PASSWORD, directory: join(root, 'workspace') });
    return client;
  }

  it('S-11: is ready, healthy, and wants the password, which no command line shows', async () => {
    const server = await start(scriptedModelConfig('http://127.0.0.1:9/v1'), {
      OPENCODE_SERVER_USERNAME: 'somebody',
    });
    await server.ready(60_000);
    assert.equal(await server.health(10_000), true);
    assert.equal(await server.isProtected(), true);
    assert.equal(await server.defaultModel(), 'scripted/scripted');
    if (process.platform === 'linux') {
      const commandLine = await readFile(`/proc/${child?.pid}/cmdline`, 'utf8');
      assert.match(commandLine, /serve/);
      assert.equal(commandLine.includes(PASSWORD), false);
    }
  });

  it('has no model when no provider is there', async () => {
    const server = await start({ disabled_providers: ['opencode'] });
    await server.ready(60_000);
    assert.equal(await server.defaultModel(), undefined);
  });

  it('a broken configuration is healthy and not ready, and says where it is broken', async () => {
    const server = await start({ model: 7 });
    assert.equal(await server.health(10_000), true);
    await assert.rejects(server.ready(60_000), (error: Error) => {
      assert.match(error.message, /^Could not reach the workspace: the server answered 400: .*model/);
      return true;
    });
  });

  it('is found behind a folder on PATH', async () => {
    const found = await engine.locate({ env: { HOME: root, PATH: dirname(engineBinary()) } });
    assert.deepEqual([found.path, found.source], [await realpath(engineBinary()), 'PATH']);
    assert.match(found.version, /^\d+\.\d+\.\d+/);
  });
});
