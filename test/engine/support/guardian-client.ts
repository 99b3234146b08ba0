/**
 * A client of guardians in a process of its own. Its task is a line of JSON on stdin, and so is every command after
 * it; what happens goes to stdout, a line of JSON each.
 */
import { createInterface } from 'node:readline';
import type { ProcessEnd } from '../../../src/core/server/exit-text.ts';
import { systemClock } from '../../../src/node/clock.ts';
import { GuardianHost } from '../../../src/node/guardian/guardian-host.ts';
import type { HostedProcess, ProcessKey, ProcessSpec } from '../../../src/node/process/process-host.ts';

export interface ClientTask {
  storage: string;
  program: string;
  graces: { busyMs: number; idleMs: number };
  key: ProcessKey;
  spec: Omit<ProcessSpec, 'readyLine'>;
}

export type ClientCommand = 'busy' | 'end' | 'release';

export type ClientNews =
  | { type: 'held'; pid: number; handover: string; found: boolean }
  | { type: 'failed'; message: string }
  | { type: 'ready'; url: string }
  | ({ type: 'exited' } & ProcessEnd)
  | { type: 'leftovers'; pids: number[] }
  | { type: 'done'; command: ClientCommand };

export const READY_LINE = /^fake server listening on (http:\/\/\S+)$/;

function tell(news: ClientNews): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}

async function hold({ storage, program, graces, key, spec }: ClientTask): Promise<HostedProcess> {
  const host = new GuardianHost({
    storage,
    program,
    clock: systemClock,
    graces: () => graces,
    label: 'test client',
    workspace: storage,
    log: { warn: (text) => process.stderr.write(`${text}\n`) },
  });
  const held = await host.hold(key, () => Promise.resolve({ ...spec, readyLine: READY_LINE }));
  tell({ type: 'held', pid: held.process.pid, handover: held.handover, found: held.found });
  void held.process.readyLine.then((match) => tell({ type: 'ready', url: match[1] ?? '' }));
  void held.process.exited.then((end) => tell({ type: 'exited', ...end }));
  void held.process.leftovers.then((all) => tell({ type: 'leftovers', pids: all.map(({ pid }) => pid) }));
  return held.process;
}

async function run(): Promise<void> {
  let held: HostedProcess | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    if (held === undefined) {
      held = await hold(JSON.parse(line) as ClientTask);
      continue;
    }
    const command = JSON.parse(line) as ClientCommand;
    if (command === 'busy') held.setBusy(true);
    else if (command === 'end') await held.end();
    else await held.release();
    tell({ type: 'done', command });
  }
}

if (process.argv[2] === 'run') {
  run().catch((error: Error) => {
    tell({ type: 'failed', message: error.message });
    process.exit(1);
  });
}
