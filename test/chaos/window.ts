/**
 * A window without its user interface, a program of its own. Its task is its argument, what happens goes to stdout, a
 * line of JSON each. A line on stdin lets it leave as a reload does; it ends when stdin does.
 */
import { createInterface } from 'node:readline';
import { openWorkspace, type OpenWorkspaceOptions } from '../../src/engines/open-workspace.ts';
import type { Run } from '../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';

export interface WindowTask {
  options: Omit<OpenWorkspaceOptions, 'log'>;
  /** Begins a turn; without one the window goes on with what was left, and ends what nobody holds. */
  prompt?: string;
}

export type WindowNews =
  | { news: 'record'; kind: string; streamed: boolean }
  /** The turn of its own prompt is over, or could not be begun: why. */
  | { news: 'over'; failure?: string }
  /** What was left has been gone on with to its end, or settled. */
  | { news: 'looked' };

function tell(news: WindowNews): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}

function watch(run: Run): void {
  run.listen({
    onRecord(record) {
      const { kind } = record;
      tell({ news: 'record', kind, streamed: kind === 'event' && record.event.type === 'delta' });
    },
  });
}

async function begin(host: WorkspaceHost, prompt: string): Promise<void> {
  try {
    const run = await host.startSession();
    await host.prompt(run, prompt);
    await run.ended();
    tell({ news: 'over' });
  } catch (error) {
    tell({ news: 'over', failure: String(error) });
  }
}

/** As the extension does when it is activated. */
async function comeBack(host: WorkspaceHost): Promise<void> {
  await host.reconcile();
  await Promise.all(host.activeRuns.map((run) => run.ended()));
  tell({ news: 'looked' });
}

const { options, prompt } = JSON.parse(process.argv[2] ?? '') as WindowTask;
const log = { info: () => {}, warn: (text: string) => process.stderr.write(`${text}\n`) };
const host = openWorkspace({ ...options, log });
host.onRun(watch);
const commands = createInterface({ input: process.stdin });
commands.on('line', () => void host.leave().then(() => process.exit(0)));
commands.on('close', () => process.exit(0));
await (prompt === undefined ? comeBack(host) : begin(host, prompt));
