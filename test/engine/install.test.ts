import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EngineBinary } from '../../src/core/engine.ts';
import { InstallError } from '../../src/core/errors.ts';
import { installOpencode } from '../../src/engines/opencode/install.ts';
import { OPENCODE_VERSION } from '../../src/engines/opencode/installed.ts';
import { locateOpencode } from '../../src/engines/opencode/locate.ts';
import { platformPackage, thisMachine } from '../../src/engines/opencode/machine.ts';
import { isolatedEnv } from './support/engine-process.ts';

/** For a download of 60 MB with nothing in npm's cache. */
const DOWNLOAD_MS = 60_000;

describe('the real npm', function () {
  this.timeout(DOWNLOAD_MS);
  let root: string;
  let storage: string;
  let env: Record<string, string>;
  let registry: Server | undefined;

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-npm-')));
    storage = join(root, 'storage');
    env = {
      ...(await isolatedEnv(root)),
      // The engine gets a home of its own, npm is the user's.
      npm_config_userconfig: process.env['npm_config_userconfig'] ?? join(homedir(), '.npmrc'),
      npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm'),
      npm_config_fetch_retries: '0',
    };
  });
  afterEach(async () => {
    registry?.close();
    registry = undefined;
    await rm(root, { recursive: true, force: true });
  });

  const install = (): Promise<EngineBinary> =>
    installOpencode({
      storage,
      env,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      log: () => undefined,
    });

  const refusal = async (): Promise<string> => {
    const error: unknown = await install().then(
      (found) => assert.fail(`installed ${found.path}`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof InstallError, String(error));
    assert.deepEqual(await readdir(join(storage, 'engines')), []);
    return error.message;
  };

  it('installs the engine from its registry, and it runs', async () => {
    const { path } = await install();
    const { stdout } = await promisify(execFile)(path, ['--version'], { env });
    assert.equal(stdout.trim(), OPENCODE_VERSION);
    const nowhere = { ...env, PATH: join(root, 'nowhere'), HOME: root };
    assert.equal((await locateOpencode({ storage, env: nowhere })).path, path);
    assert.deepEqual(await readdir(join(storage, 'engines')), [`opencode-${OPENCODE_VERSION}`]);
  });

  it('refuses what does not match the checksum of the registry', async () => {
    const name = platformPackage(await thisMachine()) ?? assert.fail('this machine has no build');
    registry = createServer((request, response) => {
      if (request.url?.endsWith('.tgz') === true) return response.end('not what was published');
      const tarball = `http://${request.headers.host}/engine.tgz`;
      const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
      const published = { name, version: OPENCODE_VERSION, dist: { tarball, integrity } };
      response.setHeader('content-type', 'application/json');
      return response.end(JSON.stringify({ name, versions: { [OPENCODE_VERSION]: published } }));
    });
    await once(registry.listen(0, '127.0.0.1'), 'listening');
    const { port } = registry.address() as AddressInfo;
    env['npm_config_registry'] = `http://127.0.0.1:${port}/`;
    env['npm_config_cache'] = join(root, 'cache');
    assert.match(await refusal(), /: what was downloaded does not match the registry's checksum/);
  });

  it('says in a sentence that the registry cannot be reached', async () => {
    env['npm_config_registry'] = 'http://127.0.0.1:9/';
    env['npm_config_cache'] = join(root, 'cache');
    assert.match(
      await refusal(),
      /: the package registry \(127\.0\.0\.1:9\) could not be reached, as the connection was refused\./,
    );
  });
});
