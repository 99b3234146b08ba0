/** From the decision to start to the first answer of a workspace route: the bare binary, and our own way. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { systemClock } from '../../src/node/clock.ts';
import { DirectHost } from '../../src/node/process/direct-host.ts';
import { OwnedServer } from '../../src/node/server/owned-server.ts';
import { engineBinary, isolatedEnv } from '../engine/support/engine-process.ts';

export interface StartTimes {
  bareMs: number;
  oursMs: number;
}

/** One start of each, one after the other, each in folders of its own. */
export async function timeStarts(): Promise<StartTimes> {
  return { bareMs: await inFolder(bare), oursMs: await inFolder(ours) };
}

async function inFolder(
  measure: (root: string, env: Record<string, string>) => Promise<number>,
): Promise<number> {
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

/** Locate, password, ready line, workspace route, the check that it is locked. */
async function ours(root: string, env: Record<string, string>): Promise<number> {
  const start = performance.now();
  const server = new OwnedServer({
    engine: createOpencodeEngine(),
    host: new DirectHost(path.join(root, 'storage'), systemClock),
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
  await server.ensure();
  const took = performance.now() - start;
  await server.dispose();
  return took;
}
