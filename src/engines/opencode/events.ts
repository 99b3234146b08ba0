import * as v from 'valibot';
import type { EngineEvent } from '../../core/engine.ts';
import {
  engineError,
  engineMessage,
  enginePart,
  permissionAsk,
  questionAsk,
  sessionEvent,
  sessionStatus,
  todo,
} from './translate.ts';
import {
  IGNORED_PARTS,
  WireDiff,
  WireError,
  WireMessage,
  WirePart,
  WirePermission,
  WireQuestion,
  WireSession,
  WireStatus,
  WireTodo,
} from './wire.ts';

/** What could not be read. */
export interface Odd {
  kind: string;
  problem: 'unknown' | 'malformed';
  path?: string;
}

/** Makes the event of a checked payload, or none where there is nothing to tell. */
type Mapping = (properties: unknown, directory: string) => EngineEvent | undefined;

function mapping<S extends v.GenericSchema>(
  schema: S,
  map: (properties: v.InferOutput<S>, directory: string) => EngineEvent | undefined,
): Mapping {
  return (properties, directory) => map(v.parse(schema, properties), directory);
}

const session = v.object({ info: WireSession });
const sessionId = v.object({ sessionID: v.string() });
const reply = { sessionID: v.string(), requestID: v.string() };

/** The kinds that mean something to us, by opencode 1.18.33's name. Deltas are apart, see `readDelta`. */
const MAPPINGS: Readonly<Record<string, Mapping>> = {
  'session.created': mapping(session, ({ info }) => sessionEvent(info)),
  'session.updated': mapping(session, ({ info }) => sessionEvent(info)),
  'session.deleted': mapping(sessionId, (p) => ({ type: 'session-gone', sessionId: p.sessionID })),
  'session.status': mapping(v.object({ sessionID: v.string(), status: WireStatus }), (p) => ({
    type: 'status',
    sessionId: p.sessionID,
    status: sessionStatus(p.status),
  })),
  'session.error': mapping(
    v.object({ sessionID: v.optional(v.string()), error: v.optional(WireError) }),
    (p) => ({
      type: 'error',
      error: engineError(p.error),
      ...(p.sessionID === undefined ? {} : { sessionId: p.sessionID }),
    }),
  ),
  'session.diff': mapping(v.object({ sessionID: v.string(), diff: v.array(WireDiff) }), (p) => ({
    type: 'changes',
    sessionId: p.sessionID,
    files: p.diff.map((change) => ({ ...change, file: change.file.replaceAll('\\', '/') })),
  })),
  'session.compacted': mapping(sessionId, (p) => ({ type: 'compacted', sessionId: p.sessionID })),
  'message.updated': mapping(v.object({ info: WireMessage }), ({ info }) => ({
    type: 'message',
    sessionId: info.sessionID,
    message: engineMessage(info),
  })),
  'message.removed': mapping(v.object({ sessionID: v.string(), messageID: v.string() }), (p) => ({
    type: 'message-gone',
    sessionId: p.sessionID,
    messageId: p.messageID,
  })),
  'message.part.updated': mapping(v.object({ part: WirePart }), ({ part }, directory) => ({
    type: 'part',
    sessionId: part.sessionID,
    messageId: part.messageID,
    part: enginePart(part, directory),
  })),
  'permission.asked': mapping(WirePermission, (p) => ({
    type: 'ask',
    sessionId: p.sessionID,
    ask: permissionAsk(p),
  })),
  'question.asked': mapping(WireQuestion, (p) => ({
    type: 'ask',
    sessionId: p.sessionID,
    ask: questionAsk(p),
  })),
  'permission.replied': mapping(v.object({ ...reply, reply: v.string() }), (p) => closed(p, p.reply)),
  'question.replied': mapping(v.object(reply), (p) => closed(p, 'answered')),
  'question.rejected': mapping(v.object(reply), (p) => closed(p, 'dismissed')),
  'todo.updated': mapping(v.object({ sessionID: v.string(), todos: v.array(WireTodo) }), (p) => ({
    type: 'todos',
    sessionId: p.sessionID,
    todos: p.todos.map(todo),
  })),
};

function closed(p: { sessionID: string; requestID: string }, how: string): EngineEvent {
  return { type: 'ask-closed', sessionId: p.sessionID, askId: p.requestID, reply: how };
}

/**
 * Kinds that say nothing to us. `sync` is the durable twin that follows each stored event with the same id;
 * `session.idle` always comes with a `session.status` of its own; connected and heartbeat are signs of life
 * of the stream, which counts bytes; the rest belongs to other clients.
 */
const IGNORED: ReadonlySet<string> = new Set([
  'sync',
  'session.idle',
  'server.connected',
  'server.heartbeat',
  'server.instance.disposed',
  'global.disposed',
  'message.part.removed',
  'file.edited',
  'file.watcher.updated',
  'vcs.branch.updated',
  'project.updated',
  'project.directories.updated',
  'plugin.added',
  'catalog.updated',
  'integration.updated',
  'integration.connection.updated',
  'reference.updated',
  'models-dev.refreshed',
  'installation.updated',
  'installation.update-available',
  'lsp.updated',
  'lsp.client.diagnostics',
  'mcp.tools.changed',
  'mcp.browser.open.failed',
  'command.executed',
  'pty.created',
  'pty.updated',
  'pty.exited',
  'pty.deleted',
  'workspace.ready',
  'workspace.failed',
  'workspace.status',
  'worktree.ready',
  'worktree.failed',
  'tui.prompt.append',
  'tui.command.execute',
  'tui.toast.show',
  'tui.session.select',
]);
/** Families of the engine's second API, which its first one repeats in the kinds above. */
const IGNORED_PREFIXES = ['session.next.', 'permission.v2.', 'question.v2.'];

export interface FrameReader {
  /** The events in the data of frames of `/global/event`, in order. */
  read(frames: readonly string[]): EngineEvent[];
  /** Sets the workspace whose frames count, in the engine's own spelling of its path. */
  setDirectory(directory: string): void;
}

/**
 * Reads `/global/event` for one workspace. Most frames are noise (twins, other workspaces, start-up chatter)
 * and are dropped by a look at their first characters, without being parsed.
 *
 * @param onOdd told about every frame that could not be read; counting them is the caller's
 */
export function createFrameReader(directory: string, onOdd: (odd: Odd) => void): FrameReader {
  let workspace = directory;
  let prefix = directoryPrefix(directory);

  const readPayload = (kind: string, properties: unknown): EngineEvent | undefined => {
    if (kind === 'message.part.delta') return readDelta(properties, onOdd);
    const map = Object.hasOwn(MAPPINGS, kind) ? MAPPINGS[kind] : undefined;
    if (map === undefined) {
      if (!isIgnored(kind)) onOdd({ kind, problem: 'unknown' });
      return undefined;
    }
    if (kind === 'message.part.updated') {
      const type = (properties as { part?: { type?: unknown } } | undefined)?.part?.type;
      if (typeof type === 'string' && !PART_TYPES.has(type)) {
        if (!IGNORED_PARTS.has(type)) onOdd({ kind: `${kind} ${type}`, problem: 'unknown' });
        return undefined;
      }
    }
    try {
      return map(properties, workspace);
    } catch (error) {
      if (!(error instanceof v.ValiError)) throw error;
      onOdd({ kind, problem: 'malformed', path: v.getDotPath(error.issues[0]) ?? 'properties' });
      return undefined;
    }
  };

  const readFrame = (frame: string): EngineEvent | undefined => {
    const isWorkspaces = frame.startsWith(prefix);
    if (!isWorkspaces && frame.startsWith(DIRECTORY_KEY)) return undefined;
    if (isWorkspaces) {
      const delta = peekDelta(frame, prefix.length);
      if (delta !== undefined) return delta;
    }
    const peeked = peekKind(frame);
    if (peeked !== undefined && isIgnored(peeked)) return undefined;
    let envelope: Envelope | undefined;
    try {
      envelope = JSON.parse(frame) as Envelope;
    } catch {
      onOdd({ kind: peeked ?? 'frame', problem: 'malformed', path: 'json' });
      return undefined;
    }
    const kind = envelope?.payload?.type;
    if (typeof kind !== 'string') {
      onOdd({ kind: 'frame', problem: 'malformed', path: 'payload.type' });
      return undefined;
    }
    if (envelope?.directory !== undefined && envelope.directory !== workspace) return undefined;
    return readPayload(kind, envelope?.payload?.properties);
  };

  return {
    read(frames) {
      const events: EngineEvent[] = [];
      for (const frame of frames) {
        const event = readFrame(frame);
        if (event !== undefined) events.push(event);
      }
      return events;
    },
    setDirectory(next) {
      workspace = next;
      prefix = directoryPrefix(next);
    },
  };
}

interface Envelope {
  directory?: unknown;
  payload?: { type?: unknown; properties?: unknown };
}

const PART_TYPES: ReadonlySet<string> = new Set(
  WirePart.options.map((option) => option.entries.type.literal),
);

const DIRECTORY_KEY = '{"directory":"';
const directoryPrefix = (directory: string): string => `{"directory":${JSON.stringify(directory)},`;

const isIgnored = (kind: string): boolean =>
  IGNORED.has(kind) || IGNORED_PREFIXES.some((prefix) => kind.startsWith(prefix));

const PAYLOAD_KEY = '"payload":{';
const KIND = /(?:"id":"\w*",)?"type":"([\w.-]+)"/y;

/**
 * The kind of a frame without parsing it, or undefined where its keys are not in the order that opencode
 * 1.18.33 writes. The first such key is the real one: quotes inside of strings are escaped.
 */
function peekKind(frame: string): string | undefined {
  const at = frame.indexOf(PAYLOAD_KEY);
  if (at < 0) return undefined;
  KIND.lastIndex = at + PAYLOAD_KEY.length;
  return KIND.exec(frame)?.[1];
}

const DELTA_TYPE = '","type":"message.part.delta","properties":{"sessionID":"';
const DELTA_KEYS = ['","messageID":"', '","partID":"', '","field":"text","delta":'] as const;
const DELTA_END = '"}}}';
/** Where a delta's type stands at the latest: behind a project's and an event's id. */
const MAX_HEAD_CHARS = 400;

/**
 * A delta without parsing its frame, of which nine tenths are ids: three of four frames are deltas. Undefined
 * where the keys are not as opencode 1.18.33 writes them; the frame is then parsed like any other.
 */
function peekDelta(frame: string, from: number): EngineEvent | undefined {
  const type = frame.slice(from, from + MAX_HEAD_CHARS).indexOf(DELTA_TYPE);
  if (type < 0 || !frame.endsWith(DELTA_END)) return undefined;
  let at = from + type + DELTA_TYPE.length;
  const ids: string[] = [];
  for (const key of DELTA_KEYS) {
    const end = frame.indexOf('"', at);
    if (!frame.startsWith(key, end)) return undefined;
    ids.push(frame.slice(at, end));
    at = end + key.length;
  }
  const [sessionId = '', messageId = '', partId = ''] = ids;
  const inner = frame.slice(at + 1, -DELTA_END.length);
  // Most have nothing that JSON would write otherwise.
  if (frame[at] === '"' && !/["\\]/.test(inner))
    return { type: 'delta', sessionId, messageId, partId, text: inner };
  try {
    const text: unknown = JSON.parse(frame.slice(at, 1 - DELTA_END.length));
    return typeof text === 'string' ? { type: 'delta', sessionId, messageId, partId, text } : undefined;
  } catch {
    return undefined;
  }
}

/** By hand, because nine of ten events are of this kind: a schema costs more than the rest of the way. */
function readDelta(properties: unknown, onOdd: (odd: Odd) => void): EngineEvent | undefined {
  const { sessionID, messageID, partID, field, delta } = (properties ?? {}) as Record<string, unknown>;
  if (
    typeof sessionID === 'string' &&
    typeof messageID === 'string' &&
    typeof partID === 'string' &&
    typeof delta === 'string' &&
    field === 'text'
  ) {
    return { type: 'delta', sessionId: sessionID, messageId: messageID, partId: partID, text: delta };
  }
  const checks = { sessionID, messageID, partID, delta, field: field === 'text' ? field : undefined };
  const path = Object.entries(checks).find(([, value]) => typeof value !== 'string')?.[0] ?? 'properties';
  onOdd({ kind: 'message.part.delta', problem: 'malformed', path });
  return undefined;
}
