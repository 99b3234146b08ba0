/** Why an attempt did not end well, and the records that say so and what was decided. */
import * as v from 'valibot';
import { EngineErrorSchema } from '../engine.ts';
import { OUTCOMES } from '../outcome.ts';

/** `auto` follows the table, `ask` asks before anything is sent again, `off` sends nothing again. */
export const RECOVERY_MODES = ['auto', 'ask', 'off'] as const;
export type RecoveryMode = (typeof RECOVERY_MODES)[number];

export const STALL_CLOCKS = ['first-byte', 'model', 'tool'] as const;
/** Whose silence it is: of a model that has not begun to answer, of one that has, of a tool that runs. */
export type StallClock = (typeof STALL_CLOCKS)[number];

export const MODEL_TROUBLES = [
  'sign-in',
  'quota',
  'not-found',
  'refused',
  'too-long',
  'rate-limit',
  'provider',
  'connection',
  'other',
] as const;
/**
 * Whose trouble a failed model call is:
 * - `sign-in`, `quota`, `not-found`: the user can do something about it, and nothing helps before that
 * - `refused`, `too-long`: of this very request; the same one is refused again
 * - `rate-limit`, `provider`, `connection`: may be gone by itself later
 */
export type ModelTrouble = (typeof MODEL_TROUBLES)[number];

export const LOOPS = ['unknown-finish', 'same-failure', 'compaction', 'forgotten-call'] as const;
/**
 * How a turn goes in circles: answers that end without a reason, one call that fails again and again, summaries, or a
 * model that is asked again without being told what has run, and so does it again.
 */
export type Loop = (typeof LOOPS)[number];

/** `go-on` and `keep` are the user's; `nobody` says that there is nobody to ask. */
export const RECOVERY_CHOICES = ['go-on', 'keep', 'nobody'] as const;
export type RecoveryChoice = (typeof RECOVERY_CHOICES)[number];

/**
 * What happened, as far as the decision needs it. No words of a provider: they are untrusted and stay in the details.
 *
 * - `server-died`: the process of an owned server ended; `code` and `signal` are both absent when nobody saw it end
 * - `owner-gone`: the window that did the turn went away, and so did the server; whether on purpose nobody knows
 * - `server-unreachable`: a server without a process handle was away
 * - `session-stalled`: the server lived, and the clock of that name ran out after `silentMs`
 * - `model-failed`: the engine gave a model call up; `retriable` only where the same call may go well by itself later
 * - `looped`: the turn was going in circles, and was stopped
 */
export const IncidentSchema = v.variant('type', [
  v.object({
    type: v.literal('server-died'),
    code: v.optional(v.number()),
    signal: v.optional(v.string()),
    /** True when we ended it: the user restarted it, or it did nothing any more in another turn. */
    expected: v.optional(v.boolean()),
  }),
  v.object({ type: v.literal('owner-gone') }),
  v.object({ type: v.literal('server-unreachable') }),
  v.object({
    type: v.literal('session-stalled'),
    clock: v.picklist(STALL_CLOCKS),
    silentMs: v.number(),
  }),
  v.object({
    type: v.literal('model-failed'),
    /** HTTP status of the provider, where there was one. */
    status: v.optional(v.number()),
    retriable: v.boolean(),
    trouble: v.picklist(MODEL_TROUBLES),
    /** How often the engine had asked the model by then, its own retries included. */
    tries: v.number(),
  }),
  v.object({ type: v.literal('looped'), loop: v.picklist(LOOPS) }),
]);
export type Incident = v.InferOutput<typeof IncidentSchema>;

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The facts of the failed attempt as they stand in the journal: numbers, nothing that was said or done. */
export const FactsSummarySchema = v.object({
  visible: v.boolean(),
  finalAnswer: v.boolean(),
  complete: v.boolean(),
  /** Texts with a missed piece. */
  gaps: Count,
  subAgents: Count,
  asks: Count,
  tools: v.object({
    finished: Count,
    failed: Count,
    'not-started': Count,
    unknown: Count,
    /** Of the unknown: those that are not known to be read-only. */
    unsafe: Count,
  }),
});
export type FactsSummary = v.InferOutput<typeof FactsSummarySchema>;

/** An attempt at a turn failed. */
export const IncidentRecordSchema = v.object({
  kind: v.literal('incident'),
  turnId: v.string(),
  attempt: v.number(),
  cause: IncidentSchema,
  facts: FactsSummarySchema,
  /** What the engine said of a failed model call, for the details. */
  error: v.optional(EngineErrorSchema),
});

export const DECISION_TYPES = ['accept', 'follow', 'replay', 'resume', 'offer', 'ask', 'stop'] as const;

/** Whether it is the user who has to say what becomes of the turn. */
export function asksUser({ decision }: { decision: (typeof DECISION_TYPES)[number] }): boolean {
  return decision === 'ask' || decision === 'offer';
}

/** What is done about it. Taken again after every wait, so that an attempt can have several; the last one counts. */
export const DecisionRecordSchema = v.object({
  kind: v.literal('decision'),
  turnId: v.string(),
  attempt: v.number(),
  decision: v.picklist(DECISION_TYPES),
  /** Row of the decision table, 1 to 10. */
  rule: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Sentences for people. */
  reason: v.string(),
  /** With `stop`: how the turn ends. */
  outcome: v.optional(v.picklist(OUTCOMES)),
  /** With `ask`: the calls whose effect is not known, a line each. */
  tools: v.optional(v.array(v.string())),
  /** Recoveries of the turn, this one included where it is one, of `limit`. */
  n: Count,
  limit: Count,
});
