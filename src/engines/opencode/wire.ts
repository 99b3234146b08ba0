/**
 * What opencode 1.18.33 says over HTTP, as far as we read it. Loose: every shape may hold more than is named
 * here, and what is not named is neither checked nor copied.
 */
import * as v from 'valibot';

const Time = v.object({ created: v.number(), completed: v.optional(v.number()) });

export const WireError = v.object({
  name: v.string(),
  data: v.optional(
    v.object({
      message: v.optional(v.string()),
      statusCode: v.optional(v.number()),
      isRetryable: v.optional(v.boolean()),
      responseBody: v.optional(v.string()),
    }),
  ),
});
export type WireError = v.InferOutput<typeof WireError>;

const WireTokens = v.object({
  input: v.number(),
  output: v.number(),
  reasoning: v.number(),
  cache: v.object({ read: v.number(), write: v.number() }),
});

export const WireMessage = v.variant('role', [
  v.object({
    role: v.literal('user'),
    id: v.string(),
    sessionID: v.string(),
    time: Time,
    agent: v.optional(v.string()),
    model: v.optional(v.object({ providerID: v.string(), modelID: v.string() })),
  }),
  v.object({
    role: v.literal('assistant'),
    id: v.string(),
    sessionID: v.string(),
    time: Time,
    parentID: v.string(),
    providerID: v.string(),
    modelID: v.string(),
    agent: v.optional(v.string()),
    finish: v.optional(v.string()),
    error: v.optional(WireError),
    tokens: v.optional(WireTokens),
    cost: v.optional(v.number()),
  }),
]);
export type WireMessage = v.InferOutput<typeof WireMessage>;

const PartIds = { id: v.string(), sessionID: v.string(), messageID: v.string() };

const ToolState = v.object({
  status: v.picklist(['pending', 'running', 'completed', 'error']),
  input: v.optional(v.record(v.string(), v.unknown()), {}),
  title: v.optional(v.string()),
  output: v.optional(v.string()),
  error: v.optional(v.string()),
  metadata: v.optional(v.object({ output: v.optional(v.unknown()), sessionId: v.optional(v.unknown()) })),
  time: v.optional(v.object({ start: v.number(), end: v.optional(v.number()) })),
});

const TextPart = {
  ...PartIds,
  text: v.string(),
  synthetic: v.optional(v.boolean()),
  time: v.optional(v.object({ start: v.number(), end: v.optional(v.number()) })),
};

/** The parts that people see, and the request for a summary, which says that a message is the engine's. The rest (step boundaries, snapshots, patches, files, …) is `IGNORED_PARTS`. */
export const WirePart = v.variant('type', [
  v.object({ type: v.literal('text'), ...TextPart }),
  v.object({ type: v.literal('reasoning'), ...TextPart }),
  v.object({ type: v.literal('tool'), ...PartIds, tool: v.string(), callID: v.string(), state: ToolState }),
  v.object({ type: v.literal('compaction'), ...PartIds }),
]);
export type WirePart = v.InferOutput<typeof WirePart>;

export const IGNORED_PARTS: ReadonlySet<string> = new Set([
  'step-start',
  'step-finish',
  'snapshot',
  'patch',
  'file',
  'agent',
  'subtask',
  'retry',
]);

export const WireStatus = v.variant('type', [
  v.object({ type: v.literal('idle') }),
  v.object({ type: v.literal('busy') }),
  v.object({ type: v.literal('retry'), attempt: v.number(), message: v.string(), next: v.number() }),
]);
export type WireStatus = v.InferOutput<typeof WireStatus>;

export const WireSession = v.object({
  id: v.string(),
  parentID: v.optional(v.string()),
  title: v.string(),
  time: v.object({ updated: v.number() }),
});
export type WireSession = v.InferOutput<typeof WireSession>;

const AskedBy = v.optional(v.object({ callID: v.string() }));

export const WirePermission = v.object({
  id: v.string(),
  sessionID: v.string(),
  permission: v.string(),
  patterns: v.array(v.string()),
  always: v.array(v.string()),
  tool: AskedBy,
});
export type WirePermission = v.InferOutput<typeof WirePermission>;

export const WireQuestion = v.object({
  id: v.string(),
  sessionID: v.string(),
  questions: v.array(
    v.object({
      question: v.string(),
      header: v.string(),
      options: v.array(v.object({ label: v.string(), description: v.string() })),
      multiple: v.optional(v.boolean(), false),
      // The engine offers a free answer unless told otherwise.
      custom: v.optional(v.boolean(), true),
    }),
  ),
  tool: AskedBy,
});
export type WireQuestion = v.InferOutput<typeof WireQuestion>;

export const WireTodo = v.object({ content: v.string(), status: v.string() });

/** A changed file of a session. `file` is relative to the worktree. */
export const WireDiff = v.object({ file: v.string(), additions: v.number(), deletions: v.number() });

/** A stored message with its parts, as the message routes answer. */
export const WireStored = v.object({ info: WireMessage, parts: v.array(v.unknown()) });
export type WireStored = v.InferOutput<typeof WireStored>;
