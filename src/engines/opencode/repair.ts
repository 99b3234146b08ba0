import * as v from 'valibot';
import type { Repair } from '../../core/engine.ts';
import { RequestError } from '../../core/errors.ts';
import type { Requests } from './requests.ts';
import { withRetries, type Sleep } from './retry.ts';
import { WireStatus, WireStored } from './wire.ts';

const OPERATION = 'repair the session';

type Kept = Record<string, unknown>;
/** A part as it is stored. It is sent back whole, so what is not named here has to be kept. */
const StoredText = v.looseObject({
  id: v.string(),
  type: v.picklist(['text', 'reasoning']),
  text: v.string(),
  time: v.optional(v.looseObject({ start: v.number(), end: v.optional(v.number()) })),
});
const StoredTool = v.looseObject({
  id: v.string(),
  type: v.literal('tool'),
  state: v.looseObject({
    status: v.picklist(['pending', 'running', 'completed', 'error']),
    input: v.record(v.string(), v.unknown()),
    metadata: v.optional(v.looseObject({})),
    time: v.optional(v.looseObject({ start: v.number() })),
  }),
});
const AnyPart = v.looseObject({ id: v.string(), type: v.string() });

type Change = { path: string; part?: Kept };

/**
 * See `EngineClient.repair`. All that is to be changed is read before anything is changed. opencode 1.18.33 refuses
 * to delete a message of a busy session, but writes any part at any time: over one that still streams, and as a new
 * one where there is none of that id. So the status is asked for and only what was just read is written; that nobody
 * sends a prompt in between is up to the one owner of the session.
 *
 * @throws RequestError
 */
export function repairSession(
  requests: Requests,
  sleep: Sleep,
  sessionId: string,
  repairs: readonly Repair[],
): Promise<void> {
  if (repairs.length === 0) return Promise.resolve();
  // As a whole: what was done before a try failed is left alone by the next one.
  return withRetries(sleep, async () => {
    const statuses = await requests.get(OPERATION, '/session/status', v.record(v.string(), WireStatus));
    if ((statuses[sessionId]?.type ?? 'idle') !== 'idle') {
      throw new RequestError(OPERATION, false, `Could not ${OPERATION}: it is at work.`, 409);
    }
    const changes: Change[] = [];
    for (const [messageId, wanted] of byMessage(repairs)) {
      const path = `/session/${sessionId}/message/${messageId}`;
      const stored = await unlessGone(requests.get(OPERATION, path, WireStored));
      if (stored !== undefined) changes.push(...changesOf(stored, wanted, path));
    }
    for (const { path, part } of changes) {
      await unlessGone(
        part === undefined ? requests.delete(OPERATION, path) : requests.patch(OPERATION, path, part),
      );
    }
  });
}

function byMessage(repairs: readonly Repair[]): Map<string, Repair[]> {
  const grouped = new Map<string, Repair[]>();
  for (const repair of repairs) {
    grouped.set(repair.messageId, [...(grouped.get(repair.messageId) ?? []), repair]);
  }
  return grouped;
}

async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) return undefined;
    throw error;
  }
}

function changesOf({ info, parts }: WireStored, repairs: readonly Repair[], path: string): Change[] {
  const known = parts.map((part) => parsed(AnyPart, part));
  return repairs.flatMap((repair): Change[] => {
    if (repair.kind === 'discard') {
      const isCut = info.role === 'assistant' && info.time.completed === undefined;
      return isCut && known.every((part) => part.type !== 'tool') ? [{ path }] : [];
    }
    const part = known.find(({ id }) => id === repair.partId);
    const changed = part && (repair.kind === 'text' ? filled(part, repair.text) : closed(part, repair.error));
    return changed === undefined ? [] : [{ path: `${path}/part/${repair.partId}`, part: changed }];
  });
}

/** With its text; undefined for a part that ended or has one. The end is set, because no more will come. */
function filled(part: Kept, text: string): Kept | undefined {
  const stored = parsed(StoredText, part);
  if (text === '' || stored.text !== '' || stored.time?.end !== undefined) return undefined;
  const now = Date.now();
  return { ...stored, text, time: { start: now, ...stored.time, end: now } };
}

/**
 * As a call that failed; undefined for one that ended. The output so far stays in its metadata, where people see it;
 * the model is told the error alone (1.18.33), unless the metadata said `interrupted`.
 */
function closed(part: Kept, error: string): Kept | undefined {
  const { state, ...rest } = parsed(StoredTool, part);
  if (state.status === 'completed' || state.status === 'error') return undefined;
  const now = Date.now();
  return {
    ...rest,
    state: {
      status: 'error',
      input: state.input,
      error,
      ...(state.metadata !== undefined && { metadata: state.metadata }),
      time: { start: state.time?.start ?? now, end: now },
    },
  };
}

function parsed<S extends v.GenericSchema>(schema: S, part: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, part);
  if (result.success) return result.output;
  const message = `Could not ${OPERATION}: a part of it has an unexpected shape.`;
  throw new RequestError(OPERATION, false, message);
}
