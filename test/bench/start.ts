/**
 * From the decision to start to the first answer of a workspace route: the bare binary, our own way with the server as
 * a child of this process, and our own way with a guardian that holds it; and what such a guardian takes meanwhile.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { systemClock } from '../../src/node/clock.ts';
import { GuardianHost } from '../../src/node/guardian/guardian-host.ts';
import { DirectHost } from '../../src/node/process/direct-host.ts';
import { parentOf } from '../../src/node/process/identity.ts';
import type { ProcessHost, ProcessSpec } from '../../src/node/process/process-host.ts';
import { OwnedServer } from '../../src/node/server/owned-server.ts';
import { engineBinary, isolatedEnv } from '../engine/support/engine-process.ts';
import { type Footprint, footprintAtRest } from './footprint.ts';

/** As `open-workspace.ts` has them; nobody goes away here, so that they never count. */
const GRACES = { busyMs: 120_000, idleMs: 10_000 };
/** Where `npm run bench` has just built our programs. */
const PROGRAMS = path.resolve('dist');

export interface StartTimes {
  bareMs: number;
  directMs: number;
  guardedMs: number;
  /** Undefined where the system does not tell. */
  guardian: Footprint | undefined;
}

type Way = (root: string, env: Record<string, string>) => Promise<number>;

/** One start of each, one after the other, each in folders of its own. */
export async function timeStarts(): Promise<StartTimes> {
  let guardian: Footprint | undefined;
  const bareMs = await inFolder(bare);
  const directMs = await inFolder((root, env) =>
    ours(root, env, new DirectHost(storageOf(root), systemClock)),
  );
  const guardedMs = await inFolder((root, env) =>
    ours(root, env, guarded(root), async (serverPid) => {
      const pid = await parentOf(serverPid);
      guardian = pid === undefined ? undefined : await footprintAtRest(pid);
    }),
  );
  return { bareMs, directMs, guardedMs, guardian };
}

async function inFolder(measure: Way): Promise<number> {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-start-'));
  fs.mkdirSync(path.join(root, 'workspace'));
  try {
    return await measure(root, await isolatedEnv(root));
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

/** What a user's script would do: spawn, wait for the line, ask. */
async function bare(root: string, env: Record<string, string>): Promise<number> {
  const start = performance.now();
  const child = spawn(engineBinary(), ['serve', '--port', '0', '--hostname', '127.0.0.1'], {
    env,
    cwd: root,
  });
  let out = '';
  const url = await new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const found = /listening on (http:\/\/\S+)/.exec(out)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  const response = await fetch(`${url}/path`, {
    headers: { 'x-opencode-directory': path.join(root, 'workspace') },
  });
  await response.text();
  const took = performance.now() - start;
  child.kill('SIGTERM');
  await once(child, 'exit');
  return took;
}

/** Locate, password, ready line, workspace route, the check that it is locked. @param look at the server's pid */
async function ours(
  root: string,
  env: Record<string, string>,
  host: ProcessHost,
  look: (pid: number) => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const start = performance.now();
  const server = new OwnedServer({
    engine: createOpencodeEngine(),
    host,
    key: () => ({ name: 'opencode', flavour: '' }),
    programs: PROGRAMS,
    storage: root,
    clock: systemClock,
    random: Math.random,
    directory: path.join(root, 'workspace'),
    env,
    choices: () => ({
      enginePath: engineBinary(),
      extraPath: [],
      limits: { restarts: 3, readyTimeoutMs: 60_000 },
    }),
  });
  try {
    const { pid } = await server.ensure();
    const took = performance.now() - start;
    if (pid !== undefined) await look(pid);
    return took;
  } finally {
    await server.dispose();
  }
}

/** A server that is ready at once: the start of opencode varies by more than all that a guardian takes. */
const QUICK = `console.log('listening on http://127.0.0.1:1/'); setInterval(() => {}, 1e6)`;

/** From the decision to the ready line of a server that has nothing to do first. */
export async function timeQuickStarts(): Promise<{ directMs: number; guardedMs: number }> {
  const quick = (hostIn: (root: string) => ProcessHost) =>
    inFolder(async (root, env) => {
      const spec: ProcessSpec = {
        command: process.execPath,
        args: ['-e', QUICK],
        env,
        readyLine: /^listening on (\S+)$/,
        secrets: [],
        label: 'quick server',
        handover: '',
      };
      const host = hostIn(root);
      const start = performance.now();
      const held = await host.hold({ name: 'quick', flavour: '' }, () => Promise.resolve(spec));
      await held.process.readyLine;
      const took = performance.now() - start;
      await held.process.end();
      return took;
    });
  return {
    directMs: await quick((root) => new DirectHost(storageOf(root), systemClock)),
    guardedMs: await quick(guarded),
  };
}

function guarded(root: string): GuardianHost {
  return new GuardianHost({
    storage: storageOf(root),
    program: path.join(PROGRAMS, 'guardian.cjs'),
    clock: systemClock,
    graces: () => GRACES,
    label: 'bench',
    workspace: path.join(root, 'workspace'),
    log: { warn: (text) => process.stderr.write(`${text}\n`) },
  });
}

function storageOf(root: string): string {
  return path.join(root, 'storage', 'servers');
}
