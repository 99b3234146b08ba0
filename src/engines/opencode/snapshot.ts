import * as v from 'valibot';
import type { EngineEvent, Snapshot } from '../../core/engine.ts';
import { SLOW_REQUEST_TIMEOUT_MS, type Requests } from './requests.ts';
import {
  engineMessage,
  enginePart,
  permissionAsk,
  questionAsk,
  sessionEvent,
  sessionStatus,
} from './translate.ts';
import { WirePart, WirePermission, WireQuestion, WireSession, WireStatus, WireStored } from './wire.ts';

/** The newest messages of a session: several turns. Older ones cannot have changed since they were seen. */
const MAX_MESSAGES = 200;
/** Sub-agents of sub-agents: opencode 1.18.33 does not let a sub-agent delegate unless told to. */
const MAX_DEPTH = 3;
/** Sub-agents looked at in one snapshot; a turn with more is followed by events alone. */
const MAX_CHILDREN = 50;

/**
 * Reads back what the server knows of a session and its sub-agents: status, messages, parts, open asks. Text
 * that still streams is empty here, the engine stores it when the part ends.
 *
 * @throws RequestError
 */
export async function readSnapshot(
  requests: Requests,
  sessionId: string,
  directory: string,
): Promise<Snapshot> {
  const operation = 'read the session';
  // The status first: whatever ends between these reads is then seen as ended by the messages, never the reverse.
  const statuses = await requests.get(operation, '/session/status', v.record(v.string(), WireStatus));
  const [own, found, said] = await Promise.all([
    requests.get(operation, `/session/${sessionId}`, WireSession),
    children(requests, operation, sessionId, 1),
    messages(requests, operation, sessionId, directory),
  ]);
  const helpers = found.slice(0, MAX_CHILDREN);
  const events: EngineEvent[] = [sessionEvent(own), ...said];
  for (const helper of helpers) {
    const status = sessionStatus(statuses[helper.id] ?? { type: 'idle' });
    events.push(sessionEvent(helper), { type: 'status', sessionId: helper.id, status });
    events.push(...(await messages(requests, operation, helper.id, directory)));
  }
  // An abort leaves its asks behind (1.18.33): those of an idle session can no longer be answered.
  const ids = [own, ...helpers].map(({ id }) => id);
  const asking = new Set(ids.filter((id) => statuses[id] !== undefined));
  events.push(...(await asks(requests, operation, asking)));
  return { status: sessionStatus(statuses[sessionId] ?? { type: 'idle' }), events };
}

async function children(
  requests: Requests,
  operation: string,
  sessionId: string,
  depth: number,
): Promise<WireSession[]> {
  const found = await requests.get(operation, `/session/${sessionId}/children`, v.array(WireSession));
  if (depth === MAX_DEPTH) return found;
  const deeper: WireSession[] = [];
  for (const child of found) deeper.push(...(await children(requests, operation, child.id, depth + 1)));
  return [...found, ...deeper];
}

async function messages(
  requests: Requests,
  operation: string,
  sessionId: string,
  directory: string,
): Promise<EngineEvent[]> {
  const stored = await requests.get(operation, `/session/${sessionId}/message`, v.array(WireStored), {
    query: { limit: MAX_MESSAGES },
    timeoutMs: SLOW_REQUEST_TIMEOUT_MS,
  });
  return stored.flatMap(({ info, parts }): EngineEvent[] => [
    { type: 'message', sessionId, message: engineMessage(info) },
    ...parts.flatMap((part): EngineEvent[] => {
      const known = v.safeParse(WirePart, part);
      if (!known.success) return [];
      return [{ type: 'part', sessionId, messageId: info.id, part: enginePart(known.output, directory) }];
    }),
  ]);
}

async function asks(
  requests: Requests,
  operation: string,
  sessions: ReadonlySet<string>,
): Promise<EngineEvent[]> {
  if (sessions.size === 0) return [];
  const [permissions, questions] = await Promise.all([
    requests.get(operation, '/permission', v.array(WirePermission)),
    requests.get(operation, '/question', v.array(WireQuestion)),
  ]);
  return [...permissions.map(permissionAsk), ...questions.map(questionAsk)]
    .filter((ask) => sessions.has(ask.sessionId))
    .map((ask) => ({ type: 'ask', sessionId: ask.sessionId, ask }));
}
