import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LaunchSpec } from '../../../src/core/engine.ts';
import { createOpencodeEngine } from '../../../src/engines/opencode/engine.ts';
import { engineBinary, isolatedEnv, readyUrl } from './engine-process.ts';

/** The real engine, started as an owned server is: what it is given, and the folder that everything of it is in. */
export interface OwnedEngine {
  spec: LaunchSpec;
  password: string;
  root: string;
  /** A workspace whose path has a space. */
  directory: string;
  remove(): Promise<void>;
}

export interface OwnedSetup {
  config: Readonly<Record<string, unknown>>;
  env?: Readonly<Record<string, string>>;
  /** The user who is to own its folders; our own when absent. */
  uid?: number | undefined;
}

/** What is needed to start it; nothing runs yet. The companion is the one in `dist/`. */
export async function prepareOwned({ config, env, uid }: OwnedSetup): Promise<OwnedEngine> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-owned-')));
  const directory = join(root, 'work space');
  await mkdir(directory);
  await mkdir(join(root, 'home'));
  const password = randomBytes(32).toString('base64url');
  const spec = createOpencodeEngine().launch({
    binary: { path: engineBinary(), version: '1.18.33', source: 'test' },
    password,
    baseEnv: { ...(await isolatedEnv(root)), ...env },
    extraPath: [],
    config,
    programs: resolve('dist'),
  });
  if (uid !== undefined) await giveTo(root, uid);
  return { spec, password, root, directory, remove: () => rm(root, { recursive: true, force: true }) };
}

async function giveTo(folder: string, uid: number): Promise<void> {
  await chown(folder, uid, uid);
  for (const entry of await readdir(folder, { recursive: true })) await chown(join(folder, entry), uid, uid);
}

export interface OwnedServer {
  baseUrl: string;
  child: ChildProcess;
  pid: number;
  /** Everything it wrote so far. */
  output(): string;
  end(): Promise<void>;
}

export async function startOwned({ spec, root }: OwnedEngine, uid?: number): Promise<OwnedServer> {
  const child = spawn(spec.command, spec.args, {
    cwd: root,
    env: spec.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  }
  const baseUrl = await readyUrl(child, spec.readyLine, () => output);
  return {
    baseUrl,
    child,
    pid: child.pid!,
    output: () => output,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

interface Told {
  info: { role: string };
  parts: { type: string; state?: { status: string; output?: string; error?: string } }[];
}

/** A request of an owned server's client. */
export async function ask<T>(
  { spec }: OwnedEngine,
  baseUrl: string,
  directory: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await fetch(baseUrl + path, {
    headers: {
      ...spec.dispose!.headers,
      'x-opencode-directory': directory,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Sends a prompt in a session of its own and resolves at the end of the turn with what its tools put out. */
export async function toolOutput(
  engine: OwnedEngine,
  baseUrl: string,
  prompt: string,
  directory = engine.directory,
): Promise<string> {
  const { id } = await ask<{ id: string }>(engine, baseUrl, directory, '/session', {});
  const parts = [{ type: 'text', text: prompt }];
  await ask(engine, baseUrl, directory, `/session/${id}/message`, { parts });
  const told = await ask<Told[]>(engine, baseUrl, directory, `/session/${id}/message`);
  return told
    .flatMap((message) => message.parts)
    .flatMap(({ state }) => (state === undefined ? [] : [state.output ?? state.error ?? '']))
    .join('\n');
}
