/** Tells a run record by record, as a driver would: decisions that the fold proposes are appended at once. */
import type { EngineEvent, EngineMessage, Prompt, ToolPart } from '../../../src/core/engine.ts';
import type { JournalRecord, RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import {
  isOvertaken,
  newRunState,
  type RunEffect,
  type RunState,
  stepRun,
} from '../../../src/core/journal/state.ts';
import { RunViewFold } from '../../../src/core/journal/view.ts';
import type { RecoveryMode } from '../../../src/core/recovery/incident.ts';

export const SESSION = 'ses_1';
export const PROMPT: Prompt = { messageId: 'msg_user', partId: 'prt_user', text: 'Do it' };

export class Story {
  readonly state: RunState = newRunState();
  readonly view = new RunViewFold(this.state, { stallLimitMs: 180_000 });
  readonly records: JournalRecord[] = [];
  /** Effects other than decisions, in order. */
  readonly effects: Exclude<RunEffect, { type: 'record' }>[] = [];
  now = 1000;

  tell(...bodies: RecordBody[]): this {
    const queue = [...bodies];
    for (let body = queue.shift(); body !== undefined; body = queue.shift()) {
      if (isOvertaken(this.state, body)) continue;
      const record: JournalRecord = { seq: this.state.seq + 1, at: this.now, ...body };
      this.records.push(record);
      for (const effect of stepRun(this.state, record)) {
        if (effect.type === 'record') queue.push(effect.body);
        else this.effects.push(effect);
      }
      this.view.apply(record);
    }
    return this;
  }

  /** One after the other: what follows from each comes before the next. `tell` has them come at once. */
  each(...bodies: readonly RecordBody[]): this {
    for (const body of bodies) this.tell(body);
    return this;
  }

  events(...events: EngineEvent[]): this {
    return this.tell(...events.map((event): RecordBody => ({ kind: 'event', event })));
  }

  after(ms: number): this {
    this.now += ms;
    return this;
  }

  timer(name: string): this {
    return this.tell({ kind: 'timer', turnId: 't1', name });
  }

  /** Timers armed and not cancelled since, by name. */
  get armed(): string[] {
    const armed = new Set<string>();
    for (const effect of this.effects) {
      if (effect.type === 'timer') armed.add(effect.name);
      if (effect.type === 'cancel-timer') armed.delete(effect.name);
    }
    return [...armed];
  }

  get settled(): RecordOf<'turn-settled'> | undefined {
    return this.records.find((record) => record.kind === 'turn-settled');
  }

  rows<K extends string>(kind: K) {
    return this.view
      .snapshot()
      .rows.filter((row): row is Extract<typeof row, { kind: K }> => row.kind === kind);
  }
}

/** A run with a session and a server. */
export function begin(type: 'review' | 'prompt' = 'prompt'): Story {
  return new Story().tell(
    {
      kind: 'run-started',
      version: 1,
      runId: 'r1',
      type,
      title: 'Test',
      workspace: '/w',
      engine: 'opencode',
      demo: false,
      owner: { pid: 1, startedAt: 0 },
      holdfast: '0.0.0',
    },
    { kind: 'server', generation: 1, state: 'ready' },
    { kind: 'session-ready', sessionId: SESSION, title: 'Test' },
  );
}

/** As far as a prompt that has left for the server. */
export function sent(type: 'review' | 'prompt' = 'prompt', recovery: RecoveryMode = 'off'): Story {
  return begin(type).tell(
    { kind: 'turn-drafted', turnId: 't1', sessionId: SESSION, prompt: PROMPT, label: '', recovery },
    { kind: 'attempt-started', turnId: 't1', attempt: 1 },
    { kind: 'prompt-send-started', turnId: 't1' },
  );
}

/** As far as a turn that the engine works on, with one open answer. */
export function running(type: 'review' | 'prompt' = 'prompt', recovery: RecoveryMode = 'off'): Story {
  return sent(type, recovery)
    .tell({ kind: 'prompt-send-completed', turnId: 't1' })
    .events(userPart, busy, answer({}));
}

export const busy: EngineEvent = { type: 'status', sessionId: SESSION, status: { type: 'busy' } };
export const idle: EngineEvent = { type: 'status', sessionId: SESSION, status: { type: 'idle' } };
export const userPart: EngineEvent = {
  type: 'part',
  sessionId: SESSION,
  messageId: PROMPT.messageId,
  part: { type: 'text', id: PROMPT.partId, text: PROMPT.text },
};

export function userMessage(id: string): EngineEvent {
  return { type: 'message', sessionId: SESSION, message: { id, role: 'user', createdAt: 1 } };
}

export function answer(fields: Partial<EngineMessage>): EngineEvent {
  const message: EngineMessage = {
    id: 'msg_a',
    role: 'assistant',
    parentId: PROMPT.messageId,
    createdAt: 1000,
    ...fields,
  };
  return { type: 'message', sessionId: SESSION, message };
}

export function finished(fields: Partial<EngineMessage> = {}): EngineEvent {
  return answer({ completedAt: 2000, finish: 'stop', ...fields });
}

export function text(
  value: string,
  fields: { id?: string; endedAt?: number; messageId?: string } = {},
): EngineEvent {
  const { id = 'prt_text', messageId = 'msg_a', endedAt } = fields;
  const part = { type: 'text' as const, id, text: value, ...(endedAt === undefined ? {} : { endedAt }) };
  return { type: 'part', sessionId: SESSION, messageId, part };
}

export function delta(value: string, partId = 'prt_text'): EngineEvent {
  return { type: 'delta', sessionId: SESSION, messageId: 'msg_a', partId, text: value };
}

export function tool(
  status: ToolPart['status'],
  fields: Partial<ToolPart> = {},
  sessionId = SESSION,
): EngineEvent {
  const part: ToolPart = {
    type: 'tool',
    id: 'prt_tool',
    callId: 'call_1',
    tool: 'bash',
    title: 'Run',
    class: 'effectful',
    status,
    summary: 'npm test',
    ...fields,
  };
  return { type: 'part', sessionId, messageId: 'msg_a', part };
}
