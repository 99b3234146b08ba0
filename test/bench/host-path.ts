/** The whole path of an event through the host, from a stream's listener to the panel's message. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { EngineEvent } from '../../src/core/engine.ts';
import type { RecordBody } from '../../src/core/journal/record.ts';
import { systemClock } from '../../src/node/clock.ts';
import { JournalWriter } from '../../src/node/journal/journal-writer.ts';
import { Run } from '../../src/node/run/run.ts';
import { DIRECTORY, SESSION_ID, USER_MESSAGE_ID } from './turns.ts';

export interface HostPath {
  onEvents(events: readonly EngineEvent[]): void;
  /** Writes and shows what is pending. */
  flush(): void;
  /** Characters of all messages to the panel. */
  readonly panelChars: number;
  close(): void;
}

/** A run in the middle of a turn, with its journal on disk and a panel that listens. */
export function openHostPath(): HostPath {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-'));
  const run = new Run({
    id: 'bench',
    writer: new JournalWriter(folder),
    clock: systemClock,
    stallLimitMs: 180_000,
    onJournalError: (error) => {
      throw error;
    },
    onLeaseLost: () => {},
    recovery: 'auto',
    onRecover: () => Promise.resolve(),
    endLeftovers: () => Promise.resolve(),
    onReviewEffect: () => Promise.resolve(),
  });
  const before: RecordBody[] = [
    {
      kind: 'run-started',
      version: 1,
      runId: 'bench',
      type: 'prompt',
      title: 'Bench',
      workspace: DIRECTORY,
      engine: 'opencode',
      demo: false,
      owner: { pid: process.pid, startedAt: 0 },
      holdfast: '0',
    },
    { kind: 'session-ready', sessionId: SESSION_ID, title: 'Bench' },
    {
      kind: 'turn-drafted',
      turnId: 't1',
      sessionId: SESSION_ID,
      prompt: { messageId: USER_MESSAGE_ID, partId: 'prt_bench', text: 'go' },
      label: '',
    },
    { kind: 'prompt-send-started', turnId: 't1' },
  ];
  run.restore(before.map((body, index) => ({ seq: index + 1, at: 0, ...body })));
  let panelChars = 0;
  run.listen({ onOps: (ops) => (panelChars += JSON.stringify(ops).length) });
  return {
    onEvents: (events) => run.onEvents(events),
    flush: () => run.append({ kind: 'note', level: 'info', text: '' }),
    get panelChars() {
      return panelChars;
    },
    close() {
      run.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
