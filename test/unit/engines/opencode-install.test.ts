import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InstallError } from '../../../src/core/errors.ts';
import { installOpencode, type InstallStep } from '../../../src/engines/opencode/install.ts';
import { OPENCODE_VERSION } from '../../../src/engines/opencode/installed.ts';
import { locateOpencode } from '../../../src/engines/opencode/locate.ts';
import { platformPackage, thisMachine } from '../../../src/engines/opencode/machine.ts';
import { isAlive } from '../../../src/node/process/tree.ts';

const PLACE = `opencode-${OPENCODE_VERSION}`;
const ENGINE = `#!/bin/sh\necho ${OPENCODE_VERSION}\n`;

describe('installing opencode', function () {
  if (process.platform === 'win32') return;
  let root: string;
  let storage: string;
  let name: string;
  let lines: string[];
  let steps: InstallStep[];

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-install-')));
    storage = join(root, 'storage');
    name = platformPackage(await thisMachine()) ?? assert.fail('this machine has no build');
    lines = [];
    steps = [];
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function put(path: string, content: string): Promise<string> {
    const whole = join(root, path);
    await mkdir(dirname(whole), { recursive: true });
    await writeFile(whole, content);
    await chmod(whole, 0o755);
    return whole;
  }

  /** An npm on a private PATH; its own commands are found by the PATH that it sets for itself. */
  const npm = (script: string): Promise<string> =>
    put('bin/npm', `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);

  /** Installs a binary as the real npm does. */
  const installs = (binary: string): string => `
    mkdir -p node_modules/${name}/bin
    cat > node_modules/${name}/bin/opencode <<'END'\n${binary}END
    chmod 755 node_modules/${name}/bin/opencode
    echo '{"name":"${name}","version":"${OPENCODE_VERSION}"}' > node_modules/${name}/package.json`;

  /** Prints what the real npm (11.19) said, and ends as it did. */
  const fails = (output: string): string => `cat >&2 <<'END'\n${output}\nEND\nexit 1`;

  const install = (signal = new AbortController().signal, onLine?: (line: string) => void) =>
    installOpencode({
      storage,
      // A home of its own, so that no engine of this machine is found.
      env: { HOME: root, PATH: join(root, 'bin'), HOLDFAST_RIG_RUN: process.env['HOLDFAST_RIG_RUN'] },
      signal,
      onProgress: (step) => steps.push(step),
      log: (line) => {
        lines.push(line);
        onLine?.(line);
      },
    });

  const refusal = async (): Promise<InstallError> => {
    const error: unknown = await install().then(
      (found) => assert.fail(`installed ${found.path}`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof InstallError, String(error));
    return error;
  };

  const inEngines = async (): Promise<string[]> => (await readdir(join(storage, 'engines'))).toSorted();

  it('installs the version that everything is tested with', async () => {
    const rig = JSON.parse(await readFile('test/rig/engine/package.json', 'utf8')) as {
      dependencies: Record<string, string>;
    };
    assert.equal(rig.dependencies['opencode-ai'], OPENCODE_VERSION);
  });

  it('asks npm for the one package of this machine, without scripts, and puts it where it is found', async () => {
    await npm(`echo "arguments: $*"; echo "wanted: $(cat package.json)"; ${installs(ENGINE)}`);
    const installed = await install();
    const path = join(storage, 'engines', PLACE, 'bin', 'opencode');
    assert.deepEqual(installed, { path, version: OPENCODE_VERSION, source: 'Holdfast' });
    assert.deepEqual(
      await locateOpencode({ storage, env: { HOME: root, PATH: join(root, 'nothing') } }),
      installed,
    );
    assert.deepEqual(await inEngines(), [PLACE]);
    assert.deepEqual(steps, ['downloading', 'checking']);
    assert.match(lines[0] ?? '', /^arguments: install .*--ignore-scripts/);
    assert.equal(lines[1], `wanted: {"private":true,"dependencies":{"${name}":"${OPENCODE_VERSION}"}}`);
  });

  it('does nothing where it is installed already, and makes good one that does not run', async () => {
    await npm(`echo ran; ${installs(ENGINE)}`);
    await install();
    await install();
    assert.deepEqual(lines, ['ran']);
    await put(`storage/engines/${PLACE}/bin/opencode`, 'half of it');
    const { path } = await install();
    assert.equal(await readFile(path, 'utf8'), ENGINE);
    assert.deepEqual(await inEngines(), [PLACE]);
  });

  it('takes the one that another window has put there meanwhile', async () => {
    const other = `${ENGINE}# of another window\n`;
    await npm(`${installs(ENGINE)}
      mkdir -p ../${PLACE}/bin; cat > ../${PLACE}/bin/opencode <<'END'\n${other}END
      chmod 755 ../${PLACE}/bin/opencode`);
    const { path } = await install();
    assert.equal(await readFile(path, 'utf8'), other);
    assert.deepEqual(await inEngines(), [PLACE]);
  });

  it('says what to do where there is no npm', async () => {
    await mkdir(join(root, 'bin'));
    const { message, retriable } = await refusal();
    assert.match(message, /^npm, .*was not found on PATH\. Install Node\.js.*"holdfast\.engine\.path"/);
    assert.equal(retriable, false);
  });

  const REQUEST = 'npm error network request to https://registry.example/opencode-linux-x64 failed, reason:';
  const answers: [what: string, output: string, says: RegExp, retriable: boolean][] = [
    [
      'no network',
      `npm http fetch GET https://registry.example/opencode-linux-x64 attempt 1 failed with ENOTFOUND\nnpm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error errno ENOTFOUND\n${REQUEST} getaddrinfo ENOTFOUND registry.example\nnpm error network This is a problem related to network connectivity.\nnpm notice Changelog: https://elsewhere.example/npm/releases`,
      /: the package registry \(registry\.example\) could not be reached, as its name is not known here\. Check the network/,
      true,
    ],
    [
      'a resolver that does not answer',
      `npm error code EAI_AGAIN\n${REQUEST} getaddrinfo EAI_AGAIN registry.example`,
      /as its name is not known here/,
      true,
    ],
    [
      'a refused connection',
      'npm error code ECONNREFUSED\nnpm error FetchError: request to http://127.0.0.1:9/opencode-linux-x64 failed, reason: connect ECONNREFUSED 127.0.0.1:9\nnpm error     at ClientRequest.<anonymous> (index.js:130:14)',
      /\(127\.0\.0\.1:9\) could not be reached, as the connection was refused/,
      true,
    ],
    [
      'a registry that is silent',
      'npm ERR! code ETIMEDOUT',
      /registry could not be reached, as no answer came in time/,
      true,
    ],
    [
      'a proxy that wants a password',
      'npm http fetch GET 407 https://registry.example/opencode-linux-x64 23ms (cache skip)\nnpm error code E407\nnpm error 407 Proxy Authentication Required - GET https://registry.example/opencode-linux-x64',
      /: the proxy asks for a user name and a password \(407\)/,
      false,
    ],
    [
      'a version that is not there',
      'npm error code ETARGET\nnpm error notarget No matching version found for opencode-linux-x64@1.18.33.',
      /: the package registry does not have opencode-\S+ 1\.18\.33\.$/,
      false,
    ],
    [
      'a package that is not there',
      'npm error code E404\nnpm error 404 Not Found - GET https://registry.example/opencode-linux-x64',
      /\(registry\.example\) does not have opencode-/,
      false,
    ],
    [
      'another checksum than the registry says',
      'npm warn tarball tarball data for opencode-linux-x64@https://registry.example/x.tgz (sha512-q/t/3w==) seems to be corrupted. Trying again.\nnpm error code EINTEGRITY\nnpm error sha512-q/t/3w== integrity checksum failed when using sha512: wanted sha512-q/t/3w== but got sha512-vxMi==. (15 bytes)',
      /: what was downloaded does not match the registry's checksum and was thrown away\.$/,
      true,
    ],
    [
      'a refusal',
      'npm error code E403\nnpm error 403 403 Forbidden - GET https://registry.example/opencode-linux-x64 - no',
      /\(registry\.example\) refused the request \(403\)\.$/,
      false,
    ],
    [
      'a registry with trouble',
      'npm error code E503\nnpm error 503 Service Unavailable - GET https://registry.example/opencode-linux-x64',
      /has trouble \(503\)\.$/,
      true,
    ],
    [
      'a login page in between',
      'npm error code FETCH_ERROR\nnpm error errno FETCH_ERROR\nnpm error invalid json response body at https://registry.example/opencode-linux-x64 reason: Unexpected token',
      /what answers as the package registry \(registry\.example\) is none/,
      true,
    ],
    [
      'a certificate of the company',
      'npm error code SELF_SIGNED_CERT_IN_CHAIN\nnpm error request to https://registry.example/x failed, reason: self-signed certificate in certificate chain',
      /the certificate of the package registry \(registry\.example\) is not trusted \(SELF_SIGNED_CERT_IN_CHAIN\)/,
      false,
    ],
    [
      'a full disk',
      'npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write\nnpm error code ENOSPC\nnpm error syscall write',
      /: the disk is full\.$/,
      true,
    ],
    [
      'a cache of somebody else',
      'npm error code EACCES\nnpm error syscall mkdir\nnpm error path /home/me/.npm\nnpm error errno EACCES',
      /: npm may not write to \/home\/me\/\.npm \(EACCES\)\.$/,
      false,
    ],
    [
      'anything else',
      'sh: exec: node: not found',
      /: npm ended with exit code 1\. The log has its words\.$/,
      true,
    ],
  ];
  for (const [what, output, says, retriable] of answers) {
    it(`names ${what} in a sentence, keeps npm's words for the log, and leaves nothing`, async () => {
      await npm(`mkdir -p node_modules/.${name}-half/bin; ${fails(output)}`);
      const error = await refusal();
      assert.match(error.message, /^npm could not install opencode-[\w-]+: /);
      assert.match(error.message, says);
      assert.ok(!error.message.includes('\n') && error.message.length < 260, error.message);
      assert.equal(error.retriable, retriable);
      assert.deepEqual(lines, output.split('\n'));
      assert.deepEqual(await inEngines(), []);
    });
  }

  it('believes npm that the disk is full, also where npm ends well', async () => {
    await npm(
      `echo 'npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write' >&2; ${installs(ENGINE)}`,
    );
    assert.match((await refusal()).message, /: the disk is full\.$/);
    assert.deepEqual(await inEngines(), []);
  });

  it('refuses what does not run or is another version, and leaves nothing', async () => {
    await npm(installs('#!/bin/sh\nkill -ILL $$\n'));
    const broken = await refusal();
    assert.match(broken.message, /^opencode was downloaded but cannot be used: it cannot run \(/);
    assert.equal(broken.retriable, false);
    await npm(installs('#!/bin/sh\necho 1.18.34\n'));
    assert.match((await refusal()).message, /it is version 1\.18\.34 and not 1\.18\.33\.$/);
    assert.deepEqual(await inEngines(), []);
  });

  it('ends npm and all that it started when cancelled, and leaves nothing', async () => {
    await npm('mkdir node_modules; sleep 600 & echo "pids $$ $!"; wait');
    const cancel = new AbortController();
    let pids: number[] = [];
    const error: unknown = await install(cancel.signal, (line) => {
      pids = line.split(' ').slice(1).map(Number);
      cancel.abort();
    }).catch((reason: unknown) => reason);
    assert.equal((error as { kind?: unknown }).kind, 'cancelled');
    assert.equal(pids.length, 2);
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(await inEngines(), []);
  });

  it('starts nothing when it is cancelled already', async () => {
    await npm(`echo ran; ${installs(ENGINE)}`);
    const error: unknown = await install(AbortSignal.abort()).catch((reason: unknown) => reason);
    assert.equal((error as { kind?: unknown }).kind, 'cancelled');
    assert.deepEqual(lines, []);
    assert.deepEqual(await inEngines(), []);
  });

  it('clears away a try that was cut off, and not one that another window is at', async () => {
    const { pid: dead } = spawnSync('/bin/true');
    await put(`storage/engines/.installing-${dead}-a/node_modules/half`, '');
    await put(`storage/engines/.installing-${process.ppid}-b/package.json`, '{}');
    await npm(installs(ENGINE));
    await install();
    assert.deepEqual(await inEngines(), [`.installing-${process.ppid}-b`, PLACE]);
  });

  it('says so where its storage cannot be used', async () => {
    await npm(installs(ENGINE));
    await put('storage', 'a file');
    assert.match((await refusal()).message, /^opencode could not be installed: E(?:EXIST|NOTDIR)/);
  });

  it('knows the package of every machine that opencode is built for', () => {
    const modern = { avx2: true, musl: false };
    const names = [
      { platform: 'linux', arch: 'x64', ...modern },
      { platform: 'linux', arch: 'x64', avx2: false, musl: true },
      { platform: 'linux', arch: 'arm64', avx2: false, musl: true },
      { platform: 'darwin', arch: 'arm64', avx2: false, musl: false },
      { platform: 'darwin', arch: 'x64', avx2: false, musl: false },
      { platform: 'win32', arch: 'x64', avx2: false, musl: false },
      { platform: 'win32', arch: 'arm64', avx2: false, musl: false },
      { platform: 'linux', arch: 'riscv64', ...modern },
      { platform: 'freebsd', arch: 'x64', ...modern },
    ] as const;
    assert.deepEqual(names.map(platformPackage), [
      'opencode-linux-x64',
      'opencode-linux-x64-baseline-musl',
      'opencode-linux-arm64-musl',
      'opencode-darwin-arm64',
      'opencode-darwin-x64-baseline',
      'opencode-windows-x64-baseline',
      'opencode-windows-arm64',
      undefined,
      undefined,
    ]);
  });
});
