/**
 * The records of a run. Everything that happens becomes one of these; everything shown or decided is a fold
 * over them. They are checked against these schemas when written and when read.
 *
 * Loose about extra fields (another version may have written them), strict about `kind`.
 */
import * as v from 'valibot';
import { AnswerSchema, ENGINE_KINDS, EngineErrorSchema, EngineEventSchema, PromptSchema } from '../engine.ts';
import { OUTCOMES } from '../outcome.ts';
import {
  DecisionRecordSchema,
  IncidentRecordSchema,
  LOOPS,
  RECOVERY_CHOICES,
  RECOVERY_MODES,
  STALL_CLOCKS,
} from '../recovery/incident.ts';
import { FindingSchema, ReviewScopeSchema } from '../review/finding.ts';

/** Version of the record format. A reader refuses nothing newer, it only counts what it does not know. */
export const RECORD_VERSION = 1;

/** How a process ended. `signal` and `code` are alternatives; both absent when it could not be started. */
export const ExitSchema = v.object({
  code: v.optional(v.number()),
  signal: v.optional(v.string()),
  /** The last lines of its error output, secrets removed. */
  stderrTail: v.string(),
  /** True when we asked for it. */
  expected: v.boolean(),
});
export type Exit = v.InferOutput<typeof ExitSchema>;

/** The process that does a run: its id and when it began, epoch ms. */
export const OwnerSchema = v.object({ pid: v.number(), startedAt: v.number() });

/** A process of the agent's tools; `startedAt` is epoch ms. */
const LeftoverSchema = v.object({ pid: v.number(), command: v.string(), startedAt: v.number() });

/** The coarse states of a server that a run needs to know. See `server/lifecycle.ts` for the machine. */
export const SERVER_STATES = [
  'stopped',
  'starting',
  'ready',
  'unresponsive',
  'backing-off',
  'failed',
  'stopping',
  'connecting',
  'unreachable',
] as const;
export type ServerStateName = (typeof SERVER_STATES)[number];

export const STOP_CAUSES = ['user', 'close', 'loop'] as const;
/** Why a turn was stopped on purpose: by the user, by closing the window or the command, by the loop guard. */
export type StopCause = (typeof STOP_CAUSES)[number];

/** Silence of each clock that is acted on, ms. */
const StallLimitsSchema = v.object({ firstByteMs: v.number(), modelMs: v.number(), toolMs: v.number() });
export type StallLimits = v.InferOutput<typeof StallLimitsSchema>;

export const RecordBodySchema = v.variant('kind', [
  v.object({ kind: v.literal('event'), event: EngineEventSchema }),
  v.object({
    kind: v.literal('run-started'),
    version: v.number(),
    runId: v.string(),
    type: v.picklist(['review', 'prompt']),
    title: v.string(),
    /** Absolute path of the workspace folder. */
    workspace: v.string(),
    engine: v.picklist(ENGINE_KINDS),
    engineVersion: v.optional(v.string()),
    model: v.optional(v.string()),
    /** True when the embedded demo model answers; shown wherever the run is shown. */
    demo: v.boolean(),
    /** Who writes this journal: a run without a live owner cannot be running. */
    owner: OwnerSchema,
    holdfast: v.string(),
  }),
  /**
   * Another process does the run from here on: its owner went away (`return`: a reload, a crash of the window), or a
   * person took it over. What was told while nobody listened is read from the server.
   */
  v.object({
    kind: v.literal('owner'),
    owner: OwnerSchema,
    reason: v.picklist(['return', 'take-over']),
    /** True when the server that did it is gone too. */
    serverGone: v.optional(v.boolean()),
  }),
  /** Processes of the agent's tools outlived the server of that generation. */
  v.object({ kind: v.literal('leftovers'), generation: v.number(), processes: v.array(LeftoverSchema) }),
  /** None of them is left: the user had them ended, or their grace was over. */
  v.object({ kind: v.literal('leftovers-ended'), generation: v.number() }),
  /** The scope of a review was resolved. */
  v.object({ kind: v.literal('scope'), scope: ReviewScopeSchema }),
  v.object({ kind: v.literal('step-started'), stepId: v.string(), phase: v.string(), title: v.string() }),
  /** The exit check of a step. `problems` name what is wrong or missing, in the words of the repair prompt. */
  v.object({
    kind: v.literal('gate'),
    stepId: v.string(),
    /** `repair` asks the model once more, `fail` ends the step. */
    verdict: v.picklist(['accept', 'repair', 'fail']),
    problems: v.array(v.string()),
  }),
  v.object({ kind: v.literal('step-ended'), stepId: v.string(), outcome: v.picklist(OUTCOMES) }),
  /** The anchored result of a review. `dropped` names what the model reported and the gate refused, with the reason. */
  v.object({
    kind: v.literal('findings'),
    findings: v.array(FindingSchema),
    dropped: v.array(v.object({ title: v.string(), reason: v.string() })),
    /** The model's own summary. Markdown, untrusted. */
    summary: v.optional(v.string()),
  }),
  /** The state of the server this run uses changed. `generation` counts its processes (or connections). */
  v.object({
    kind: v.literal('server'),
    generation: v.number(),
    state: v.picklist(SERVER_STATES),
    exit: v.optional(ExitSchema),
    reason: v.optional(v.string()),
    engineVersion: v.optional(v.string()),
  }),
  v.object({
    kind: v.literal('stream'),
    generation: v.number(),
    state: v.picklist(['open', 'lost']),
    reason: v.optional(v.string()),
  }),
  v.object({ kind: v.literal('session-ready'), sessionId: v.string(), title: v.string() }),
  /** Ids are made and written down before anything is sent. */
  v.object({
    kind: v.literal('turn-drafted'),
    turnId: v.string(),
    sessionId: v.string(),
    prompt: PromptSchema,
    label: v.string(),
    /** The queued prompt that this is: it leaves the queue with this very record. */
    queuedId: v.optional(v.string()),
    /** What recovery may do by itself; absent means `off`. */
    recovery: v.optional(v.picklist(RECOVERY_MODES)),
    /** Absent where no clock runs. */
    limits: v.optional(StallLimitsSchema),
  }),
  v.object({
    kind: v.literal('attempt-started'),
    turnId: v.string(),
    attempt: v.number(),
    /** What the model is told of the attempt before, beside the prompt. */
    notice: v.optional(v.string()),
  }),
  IncidentRecordSchema,
  DecisionRecordSchema,
  /** Files that changed since the turn began, the latest first: evidence for whoever answers a decision that asks. */
  v.object({
    kind: v.literal('workspace-changes'),
    turnId: v.string(),
    files: v.array(v.string()),
    /** How many there are beyond those. */
    more: v.number(),
  }),
  /** The answer to a decision that asks or offers. */
  v.object({
    kind: v.literal('recovery-answered'),
    turnId: v.string(),
    choice: v.picklist(RECOVERY_CHOICES),
  }),
  /** The session was put in order for the next attempt; `problem` says why it could not be. */
  v.object({ kind: v.literal('session-mended'), turnId: v.string(), problem: v.optional(v.string()) }),
  /** No server could be had for going on. */
  v.object({ kind: v.literal('recovery-failed'), turnId: v.string(), reason: v.string() }),
  /** Written while a turn ran, to be sent by us when that has ended well. */
  v.object({ kind: v.literal('prompt-queued'), id: v.string(), text: v.string() }),
  /** It is not to be sent any more: removed, or taken back to be written anew. */
  v.object({
    kind: v.literal('prompt-unqueued'),
    id: v.string(),
    cause: v.picklist(['removed', 'edited']),
  }),
  /** The user lets the queue go on, or it is paused for a reason that no other record tells; a clause for people. */
  v.object({
    kind: v.literal('queue'),
    state: v.picklist(['flowing', 'paused']),
    reason: v.optional(v.string()),
  }),
  v.object({ kind: v.literal('prompt-send-started'), turnId: v.string() }),
  v.object({ kind: v.literal('prompt-send-completed'), turnId: v.string() }),
  v.object({
    kind: v.literal('prompt-send-failed'),
    turnId: v.string(),
    /** False when the server refused it for good; true when its fate had to be looked up and stayed unknown. */
    fateUnknown: v.boolean(),
    error: EngineErrorSchema,
  }),
  /** The turn was silent for too long: the server is asked how it stands, the turn stopped, the server restarted. */
  v.object({
    kind: v.literal('stall'),
    turnId: v.string(),
    clock: v.picklist(STALL_CLOCKS),
    silentMs: v.number(),
    rung: v.picklist(['status', 'abort', 'restart']),
  }),
  /** The model's provider asks for a longer wait: nothing is asked of it before `until`, epoch ms. */
  v.object({ kind: v.literal('parked'), turnId: v.string(), until: v.number() }),
  v.object({ kind: v.literal('timer'), turnId: v.string(), name: v.string() }),
  /** The server's own word on the session, read after the events that came before this record. */
  v.object({
    kind: v.literal('synced'),
    turnId: v.string(),
    /** `unknown` when the server did not answer. */
    status: v.picklist(['idle', 'busy', 'retry', 'unknown']),
  }),
  v.object({
    kind: v.literal('stop-requested'),
    turnId: v.optional(v.string()),
    cause: v.picklist(STOP_CAUSES),
    /** With `loop`: which. */
    loop: v.optional(v.picklist(LOOPS)),
  }),
  v.object({ kind: v.literal('answered'), askId: v.string(), answer: AnswerSchema }),
  v.object({
    kind: v.literal('turn-settled'),
    turnId: v.string(),
    outcome: v.picklist(OUTCOMES),
    /** True when the end was concluded from a final answer and not told by the engine. */
    inferred: v.boolean(),
    /** A sentence for people. */
    message: v.optional(v.string()),
    error: v.optional(EngineErrorSchema),
  }),
  v.object({
    kind: v.literal('run-ended'),
    outcome: v.picklist(OUTCOMES),
    /** A sentence for people. */
    message: v.optional(v.string()),
    /** The `kind` of the error that ended it, where one did: see `errors.ts`. */
    errorKind: v.optional(v.string()),
  }),
  /** Something worth keeping that changes no state: a parsing oddity, a warning about a setting. */
  v.object({ kind: v.literal('note'), level: v.picklist(['info', 'warning']), text: v.string() }),
]);

export type RecordBody = v.InferOutput<typeof RecordBodySchema>;
export type RecordKind = RecordBody['kind'];

/** A record as it stands in the journal: `seq` counts from 1 without gaps; `at` is wall clock, epoch ms. */
export type JournalRecord = RecordBody & { seq: number; at: number };
export type RecordOf<K extends RecordKind> = Extract<JournalRecord, { kind: K }>;

const EnvelopeSchema = v.object({ seq: v.pipe(v.number(), v.integer(), v.minValue(1)), at: v.number() });

/** Parses one line of a journal. `undefined` for a kind this version does not know; throws on anything malformed. */
export function parseRecord(value: unknown): JournalRecord | undefined {
  const envelope = v.parse(EnvelopeSchema, value);
  const result = v.safeParse(RecordBodySchema, value);
  if (result.success) return { ...result.output, seq: envelope.seq, at: envelope.at };
  if (isUnknownKind(value)) return undefined;
  const issue = result.issues[0];
  throw new Error(`${v.getDotPath(issue) ?? 'record'}: ${issue.message}`);
}

const KNOWN_KINDS = new Set<string>(RecordBodySchema.options.map((option) => option.entries.kind.literal));

function isUnknownKind(value: unknown): boolean {
  const kind = (value as { kind?: unknown }).kind;
  return typeof kind === 'string' && !KNOWN_KINDS.has(kind);
}
