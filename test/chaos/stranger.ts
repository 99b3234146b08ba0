/** A process that looks like a server of ours and is none, and an entry of the registry that points to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from '../../src/node/guardian/registry.ts';
import { PROTOCOL } from '../../src/node/guardian/protocol.ts';
import { identify, machineSpace } from '../../src/node/process/identity.ts';

/** Id of the entry. */
export const DECOY = 'decoy';

export class Stranger {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param engine whose name and command line it takes. @param servers folder of the registry. */
  static async start(folder: string, engine: string, servers: string): Promise<Stranger> {
    await mkdir(folder);
    const program = join(folder, 'opencode');
    await copyFile(await realpath('/bin/sh'), program);
    // The shell takes the engine's first argument for its script, which waits for us to close its input.
    await writeFile(join(folder, 'serve'), 'read line\n');
    const child = spawn(program, ['serve', '--hostname', '127.0.0.1', '--port', '0'], {
      argv0: engine,
      cwd: folder,
      env: { HOLDFAST_RIG_RUN: process.env['HOLDFAST_RIG_RUN'] ?? '' },
      stdio: ['pipe', 'ignore', 'ignore'],
      // It leads a group, as a server does.
      detached: true,
    });
    await once(child, 'spawn');
    const found = await identify(child.pid!);
    if (typeof found === 'string') throw new Error(`The stranger is ${found}.`);
    // Its pid was that of a guardian and of a server once.
    const recycled = { ...found, startedAt: 'long ago' };
    const registry = new Registry(servers);
    await registry.prepare();
    await registry.write({
      version: 1,
      protocol: PROTOCOL,
      id: DECOY,
      key: { name: DECOY, flavour: '' },
      state: 'running',
      guardian: recycled,
      server: recycled,
      ...(await machineSpace()),
      socket: '/nowhere/s',
      token: DECOY,
      workspace: folder,
      owner: DECOY,
      label: DECOY,
      startedAt: Date.now(),
    });
    return new Stranger(child);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop(): Promise<void> {
    if (!this.isAlive) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
