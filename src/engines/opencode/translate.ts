/** From checked wire shapes to the shapes of the port. Pure; absent fields stay absent. */
import { createHash } from 'node:crypto';
import {
  FINISH_REASONS,
  type Ask,
  type EngineError,
  type EngineEvent,
  type EngineMessage,
  type EnginePart,
  type FinishReason,
  type SessionStatus,
  type TextPart,
  type Todo,
  type ToolPart,
} from '../../core/engine.ts';
import { toolClass, toolSummary, toolTitle } from './tools.ts';
import type {
  WireError,
  WireMessage,
  WirePart,
  WirePermission,
  WireQuestion,
  WireSession,
  WireStatus,
} from './wire.ts';

/** The tail of a tool's output that is kept: enough to see how it ended. The engine has the whole. */
export const MAX_OUTPUT_CHARS = 4_000;
/** Raw words of a provider, for the details view. */
const MAX_DETAIL_CHARS = 4_000;

export function engineError(wire: WireError | undefined): EngineError {
  if (wire === undefined) {
    return { name: 'UnknownError', message: 'The engine reported an error without saying which.' };
  }
  const whole = wire.data?.message || wire.name;
  // A refused prompt comes with a stack trace in its message (1.18.33).
  const line = whole.replace(/\n[^]*$/, '').trim();
  const error: EngineError = { name: wire.name, message: line };
  if (wire.data?.statusCode !== undefined) error.status = wire.data.statusCode;
  if (wire.data?.isRetryable !== undefined) error.retriable = wire.data.isRetryable;
  const code = errorCode(wire.data?.responseBody);
  if (code !== undefined) error.code = code;
  const detail = wire.data?.responseBody ?? (whole === line ? undefined : whole);
  if (detail !== undefined) error.detail = detail.slice(0, MAX_DETAIL_CHARS);
  return error;
}

/** Where providers have it: `{"error":{"code","type"}}` (OpenAI and those like it, Anthropic), or the same without `error`. */
function errorCode(body: string | undefined): string | undefined {
  if (body === undefined) return undefined;
  try {
    const parsed = JSON.parse(body) as { error?: unknown } | null;
    const { code, type } = (parsed?.error ?? parsed ?? {}) as { code?: unknown; type?: unknown };
    return [code, type].find((one) => typeof one === 'string' && /^[a-z][\w.-]{0,59}$/i.test(one)) as
      string | undefined;
  } catch {
    return undefined;
  }
}

export function engineMessage(wire: WireMessage): EngineMessage {
  const message: EngineMessage = { id: wire.id, role: wire.role, createdAt: wire.time.created };
  if (wire.agent !== undefined) message.agent = wire.agent;
  if (wire.role === 'user') {
    if (wire.model !== undefined) message.model = `${wire.model.providerID}/${wire.model.modelID}`;
    return message;
  }
  message.parentId = wire.parentID;
  message.model = `${wire.providerID}/${wire.modelID}`;
  if (wire.time.completed !== undefined) message.completedAt = wire.time.completed;
  if (wire.finish !== undefined) message.finish = finishReason(wire.finish);
  if (wire.error !== undefined) message.error = engineError(wire.error);
  if (wire.cost !== undefined) message.cost = wire.cost;
  if (wire.tokens !== undefined) {
    const { input, output, reasoning, cache } = wire.tokens;
    message.tokens = { input, output, reasoning, cacheRead: cache.read, cacheWrite: cache.write };
  }
  return message;
}

/** A reason that we have no word for is as good as none. */
function finishReason(finish: string): FinishReason {
  return (FINISH_REASONS as readonly string[]).includes(finish) ? (finish as FinishReason) : 'unknown';
}

/** @param directory the workspace, for paths in summaries */
export function enginePart(wire: WirePart, directory: string): EnginePart {
  switch (wire.type) {
    case 'tool':
      return toolPart(wire, directory);
    case 'compaction':
      return { type: 'text', id: wire.id, text: '', synthetic: true };
    default:
      return textPart(wire);
  }
}

function textPart(wire: Extract<WirePart, { type: 'text' | 'reasoning' }>): TextPart {
  const part: TextPart = { type: wire.type, id: wire.id, text: wire.text };
  if (wire.time !== undefined) {
    part.startedAt = wire.time.start;
    if (wire.time.end !== undefined) part.endedAt = wire.time.end;
  }
  if (wire.synthetic === true) part.synthetic = true;
  return part;
}

function toolPart(wire: Extract<WirePart, { type: 'tool' }>, directory: string): ToolPart {
  const { state } = wire;
  const part: ToolPart = {
    type: 'tool',
    id: wire.id,
    callId: wire.callID,
    tool: wire.tool,
    title: toolTitle(wire.tool),
    class: toolClass(wire.tool),
    status: state.status,
    summary: toolSummary(wire.tool, state.input, state.title ?? '', directory),
  };
  // While it runs, the output so far is repeated whole in the metadata with every update.
  const output = state.output ?? state.metadata?.output;
  if (typeof output === 'string') {
    part.output = tail(output, MAX_OUTPUT_CHARS);
    part.outputBytes = Buffer.byteLength(output);
  }
  if (state.error !== undefined) part.error = tail(state.error, MAX_OUTPUT_CHARS);
  // A call that cannot be carried out at all is renamed, and completed (1.18.33).
  if (state.status === 'error' || wire.tool === 'invalid')
    part.failedCall = callDigest(wire.tool, state.input);
  if (state.time !== undefined) {
    part.startedAt = state.time.start;
    if (state.time.end !== undefined) part.endedAt = state.time.end;
  }
  const child = state.metadata?.sessionId;
  if (typeof child === 'string') part.childSessionId = child;
  return part;
}

function callDigest(tool: string, input: Readonly<Record<string, unknown>>): string {
  return createHash('sha256')
    .update(`${tool} ${JSON.stringify(input)}`)
    .digest('hex')
    .slice(0, 16);
}

/** The last `max` characters, not beginning with half of one. */
function tail(text: string, max: number): string {
  if (text.length <= max) return text;
  const from = text.length - max;
  const code = text.charCodeAt(from);
  return text.slice(code >= 0xdc00 && code <= 0xdfff ? from + 1 : from);
}

export function sessionStatus(wire: WireStatus): SessionStatus {
  if (wire.type !== 'retry') return { type: wire.type };
  return { type: 'retry', attempt: wire.attempt, message: wire.message, nextAt: wire.next };
}

export function sessionEvent(wire: WireSession): EngineEvent {
  return {
    type: 'session',
    sessionId: wire.id,
    title: wire.title,
    updatedAt: wire.time.updated,
    ...(wire.parentID === undefined ? {} : { parentId: wire.parentID }),
  };
}

export function permissionAsk(wire: WirePermission): Ask {
  return {
    type: 'permission',
    id: wire.id,
    sessionId: wire.sessionID,
    permission: wire.permission,
    patterns: wire.patterns,
    always: wire.always,
    ...(wire.tool === undefined ? {} : { callId: wire.tool.callID }),
  };
}

export function questionAsk(wire: WireQuestion): Ask {
  return {
    type: 'question',
    id: wire.id,
    sessionId: wire.sessionID,
    questions: wire.questions,
    ...(wire.tool === undefined ? {} : { callId: wire.tool.callID }),
  };
}

const TODO_STATUSES: readonly string[] = [
  'pending',
  'in_progress',
  'completed',
  'cancelled',
] satisfies Todo['status'][];

/** The model writes the status; anything it makes up counts as not begun. */
export function todo(wire: { content: string; status: string }): Todo {
  const status = TODO_STATUSES.includes(wire.status) ? (wire.status as Todo['status']) : 'pending';
  return { content: wire.content, status };
}
