import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/core/clock.ts';
import type { ServerStateName } from '../../../src/core/journal/record.ts';
import type { ServerView } from '../../../src/core/server/view.ts';
import { systemClock } from '../../../src/node/clock.ts';
import { DirectHost } from '../../../src/node/process/direct-host.ts';
import { OwnedServer, type OwnedServerOptions } from '../../../src/node/server/owned-server.ts';
import type { ServerConnection, ServerDown } from '../../../src/node/server/server.ts';
import { FakeClock } from './fake-clock.ts';
import { type FakeClient, type Fixture, fakeEngine } from './fake-engine.ts';

/** An owned server on one of the fixtures, with everything it said about itself. */
export interface Bench {
  server: OwnedServer;
  states: ServerStateName[];
  downs: ServerDown[];
  /** Process ids, one for each generation that had a process. */
  pids: number[];
  /** The fixture for the next start. */
  use(fixture: Fixture): void;
  /** Resolves when a view fits, at once if the present one does. */
  until(fits: (view: ServerView) => boolean): Promise<ServerView>;
  log(): Promise<string>;
  storage: string;
  end(): Promise<void>;
}

export async function bench(
  fixture: Fixture,
  { clock = systemClock, ...more }: { clock?: Clock } & Partial<OwnedServerOptions> = {},
): Promise<Bench> {
  const storage = await mkdtemp(join(tmpdir(), 'holdfast-server-'));
  const host = new DirectHost(storage, clock);
  let current = fixture;
  const server = new OwnedServer({
    engine: fakeEngine(() => current),
    host,
    key: () => ({ name: 'fake', flavour: '' }),
    programs: storage,
    storage,
    clock,
    random: () => 0,
    directory: storage,
    env: process.env,
    choices: () => ({ extraPath: [], limits: { restarts: 3, readyTimeoutMs: 60_000 } }),
    ...more,
  });
  const states: ServerStateName[] = [server.state.state];
  const downs: ServerDown[] = [];
  const pids: number[] = [];
  server.onDown((down) => downs.push(down));
  server.onState((view) => {
    if (view.state !== states.at(-1)) states.push(view.state);
    if (view.pid !== undefined && !pids.includes(view.pid)) pids.push(view.pid);
  });
  return {
    server,
    states,
    downs,
    pids,
    storage,
    use: (next) => (current = next),
    until: (fits) => untilView(server, fits),
    log: () => readFile(host.logPath, 'utf8'),
    async end() {
      if (clock instanceof FakeClock) clock.thaw();
      for (const pid of pids) if (!isGone(-pid)) process.kill(-pid, 'SIGKILL');
      await server.dispose();
      await rm(storage, { recursive: true, force: true });
    },
  };
}

function untilView(server: OwnedServer, fits: (view: ServerView) => boolean): Promise<ServerView> {
  if (fits(server.state)) return Promise.resolve(server.state);
  return new Promise((resolve) => {
    const stop = server.onState((view) => {
      if (!fits(view)) return;
      stop();
      resolve(view);
    });
  });
}

/** Makes the server end itself with `code`, after its last words. */
export const makeExit = ({ client }: ServerConnection, code: number): Promise<void> =>
  (client as FakeClient).exit(code);

/** Whether a process (or, negative, a whole group) is not there any more. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

export function assertGone(pids: readonly number[]): void {
  assert.ok(pids.length > 0, 'there was a process');
  for (const pid of pids) assert.ok(isGone(pid), `process ${pid} is gone`);
}
