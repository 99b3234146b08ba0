/**
 * What the host and the panel say to each other, and the view of a run that the panel draws.
 *
 * The host owns all content. It sends a whole `snapshot` when the panel is ready, becomes visible again, or
 * asks for one, and numbered `patch`es in between. A panel that misses a number asks for a snapshot; so a
 * patch is never the only carrier of anything.
 *
 * Both directions are checked against these schemas on arrival.
 */
import * as v from 'valibot';

const EpochMs = v.number();

/** How much of a queued prompt is shown, UTF-16 units: more than fits into its lines. */
export const MAX_QUEUED_SHOWN = 300;

// --- The view of a run -------------------------------------------------------------------------------

const ToolRowSchema = v.object({
  kind: v.literal('tool'),
  id: v.string(),
  /** For people: `Read`, `Search`, `Run`, or the engine's own name. */
  title: v.string(),
  summary: v.string(),
  status: v.picklist(['pending', 'running', 'completed', 'error', 'unknown']),
  startedAt: v.optional(EpochMs),
  endedAt: v.optional(EpochMs),
  /** Tail of the output, or the error; shown when unfolded. */
  output: v.optional(v.string()),
  /** True for a tool of a sub-agent. */
  nested: v.optional(v.boolean()),
});
export type ToolRow = v.InferOutput<typeof ToolRowSchema>;

const FindingRowSchema = v.object({
  id: v.string(),
  severity: v.picklist(['critical', 'high', 'medium', 'low', 'info']),
  confidence: v.picklist(['high', 'medium', 'low']),
  title: v.string(),
  /** Markdown, untrusted. */
  body: v.string(),
  file: v.string(),
  /** Absent when the anchor is not in the file. */
  line: v.optional(v.number()),
  suggestion: v.optional(v.string()),
});
export type FindingRow = v.InferOutput<typeof FindingRowSchema>;

/** What a button does; each is a command of the palette too. */
export const CARD_ACTIONS = [
  'restart-server',
  'end-leftovers',
  'take-over',
  'show-log',
  'show-transcript',
  'run-review',
  'open-settings',
  'continue',
  'keep-as-is',
] as const;
export type CardAction = (typeof CARD_ACTIONS)[number];

export const RowSchema = v.variant('kind', [
  /** A prompt. `label` stands in for long generated ones ("Review 6 files"); the text unfolds. */
  v.object({
    kind: v.literal('you'),
    id: v.string(),
    text: v.string(),
    label: v.optional(v.string()),
    at: EpochMs,
  }),
  /** What the agent said. Markdown, untrusted. `gap` marks text whose beginning or end was never seen. */
  v.object({
    kind: v.literal('text'),
    id: v.string(),
    text: v.string(),
    done: v.boolean(),
    gap: v.optional(v.boolean()),
  }),
  v.object({
    kind: v.literal('thinking'),
    id: v.string(),
    text: v.string(),
    done: v.boolean(),
    startedAt: v.optional(EpochMs),
    endedAt: v.optional(EpochMs),
  }),
  ToolRowSchema,
  /** One quiet line: a phase began, the server restarted, the engine retries. */
  v.object({
    kind: v.literal('notice'),
    id: v.string(),
    text: v.string(),
    tone: v.picklist(['quiet', 'warn', 'error']),
  }),
  v.object({
    kind: v.literal('card'),
    id: v.string(),
    tone: v.picklist(['info', 'warn', 'error']),
    title: v.string(),
    text: v.string(),
    facts: v.array(v.object({ label: v.string(), value: v.string() })),
    /** Raw text for those who want it (error output, the provider's own words). */
    details: v.optional(v.string()),
    /** True once nobody needs it any more: one line, which unfolds. */
    folded: v.optional(v.boolean()),
    actions: v.array(v.picklist(CARD_ACTIONS)),
  }),
  v.object({
    kind: v.literal('permission'),
    id: v.string(),
    askId: v.string(),
    permission: v.string(),
    patterns: v.array(v.string()),
    always: v.array(v.string()),
    /** `open` waits for the user; the others are history. */
    state: v.picklist(['open', 'sent', 'allowed', 'denied', 'gone']),
  }),
  v.object({
    kind: v.literal('question'),
    id: v.string(),
    askId: v.string(),
    questions: v.array(
      v.object({
        question: v.string(),
        header: v.string(),
        options: v.array(v.object({ label: v.string(), description: v.string() })),
        multiple: v.boolean(),
        custom: v.boolean(),
      }),
    ),
    state: v.picklist(['open', 'sent', 'answered', 'dismissed', 'gone']),
    answers: v.optional(v.array(v.array(v.string()))),
  }),
  /** The result of a review, zero findings included. */
  v.object({
    kind: v.literal('findings'),
    id: v.string(),
    findings: v.array(FindingRowSchema),
    /** `6 files reviewed, 2 skipped` and the like. */
    coverage: v.string(),
    skipped: v.array(v.object({ file: v.string(), reason: v.string() })),
  }),
]);
export type Row = v.InferOutput<typeof RowSchema>;

export const HeaderSchema = v.object({
  runId: v.string(),
  type: v.picklist(['review', 'prompt']),
  /** `Review`, or the session's title. */
  title: v.string(),
  /** `Uncommitted changes on main · 6 files, +214 −61`; empty for a prompt. */
  scope: v.string(),
  startedAt: EpochMs,
  endedAt: v.optional(EpochMs),
  outcome: v.optional(
    v.picklist(['ok', 'error', 'incomplete', 'server-unreachable', 'session-stalled', 'interrupted']),
  ),
  /** All tokens of the run. */
  tokens: v.number(),
  /** US dollars; 0 when the engine reports none. */
  cost: v.number(),
  phases: v.array(v.object({ title: v.string(), state: v.picklist(['waiting', 'now', 'done', 'failed']) })),
  demo: v.boolean(),
  model: v.string(),
  /** `opencode 1.18.33` */
  engine: v.string(),
  /** In words: `ready`, `starting`, `stopped`, … */
  server: v.string(),
  turn: v.picklist(['none', 'sending', 'running', 'waiting', 'recovering', 'stopping', 'settled']),
  /** When the running turn's clock began. */
  turnStartedAt: v.optional(EpochMs),
  /** Since when silence counts while `turn` is `running`: the last progress, or the end of the engine's own wait. */
  progressAt: v.optional(EpochMs),
  /** Silence that will be acted on, ms. */
  stallLimitMs: v.number(),
  /** The engine's own retry of a model call. */
  retry: v.optional(v.object({ attempt: v.number(), message: v.string(), nextAt: EpochMs })),
  files: v.array(v.object({ file: v.string(), additions: v.number(), deletions: v.number() })),
  todos: v.array(
    v.object({
      content: v.string(),
      status: v.picklist(['pending', 'in_progress', 'completed', 'cancelled']),
    }),
  ),
  /** Whether another window does this run and the user may take it over. */
  canTakeOver: v.boolean(),
  /** Whether a prompt can be sent now; if not, `promptHint` says what becomes of it. */
  canSend: v.boolean(),
  /** Whether a prompt that is written now is queued. */
  canQueue: v.boolean(),
  /** Prompts to be sent by us when the turn has ended, in that order. */
  queue: v.object({
    /** `text` is the beginning of each, at most `MAX_QUEUED_SHOWN` long. */
    items: v.array(v.object({ id: v.string(), text: v.string() })),
    /** Why none is sent until the user says so, a clause without a full stop; absent while it flows. */
    paused: v.optional(v.string()),
  }),
  /** Whether anything of the run is under way, its server's start included. */
  canStop: v.boolean(),
  promptHint: v.string(),
  /** How many rows were dropped from the top to bound the view; the transcript has them. */
  droppedRows: v.number(),
});
export type Header = v.InferOutput<typeof HeaderSchema>;

/** The view of one run, as it is drawn. Rows are in the order they began. */
export interface RunView {
  header: Header;
  rows: Row[];
}

// --- Host to panel -----------------------------------------------------------------------------------

export const PatchOpSchema = v.variant('op', [
  /** Adds a row at the end, or replaces the one with its id. */
  v.object({ op: v.literal('row'), row: RowSchema }),
  /** Appends to the `text` of a row that is `at` UTF-16 units long. */
  v.object({ op: v.literal('append'), id: v.string(), at: v.number(), text: v.string() }),
  v.object({ op: v.literal('drop'), id: v.string() }),
  v.object({ op: v.literal('header'), header: HeaderSchema }),
]);
export type PatchOp = v.InferOutput<typeof PatchOpSchema>;

export const HostMessageSchema = v.variant('type', [
  /** `n` is the number the next patch adds one to. `hostNow` lets the panel correct for another machine's clock. */
  v.object({
    type: v.literal('snapshot'),
    n: v.number(),
    hostNow: EpochMs,
    /** Absent when no run is shown: `empty` then says what to do. */
    view: v.optional(v.object({ header: HeaderSchema, rows: v.array(RowSchema) })),
    /** What the user had typed, kept by the host across reloads. */
    draft: v.string(),
  }),
  v.object({ type: v.literal('patch'), n: v.number(), hostNow: EpochMs, ops: v.array(PatchOpSchema) }),
  /** Moves keyboard focus: to the first open ask, else to the prompt box. */
  v.object({ type: v.literal('focus') }),
  /** Puts a text that the user has written before into the prompt box, in front of what is there. */
  v.object({ type: v.literal('insert'), runId: v.string(), text: v.string() }),
]);
export type HostMessage = v.InferOutput<typeof HostMessageSchema>;

// --- Panel to host -----------------------------------------------------------------------------------

/** Longest text the host takes from the panel in one prompt, UTF-16 units. */
export const MAX_PROMPT_LENGTH = 200_000;
const PromptText = v.pipe(v.string(), v.maxLength(MAX_PROMPT_LENGTH));

/** Two texts that the user wrote, one after the other, as host and panel both put them; an empty one adds nothing. */
export function inFront(first: string, then: string): string {
  return first === '' || then === '' ? first + then : `${first}\n${then}`;
}

/** The run that the message is about, as the panel shows it: the host may show another one by now. */
const AboutRun = v.optional(v.string());

export const PanelMessageSchema = v.variant('type', [
  v.object({ type: v.literal('ready') }),
  /** A patch number was missed. */
  v.object({ type: v.literal('resync') }),
  v.object({ type: v.literal('send'), runId: AboutRun, text: PromptText }),
  /** To be sent when the running turn has ended; at once if it has by now. */
  v.object({ type: v.literal('queue'), runId: AboutRun, text: PromptText }),
  v.object({ type: v.literal('remove-queued'), runId: AboutRun, id: v.string() }),
  /** Takes a queued prompt back into the box. */
  v.object({ type: v.literal('edit-queued'), runId: AboutRun, id: v.string() }),
  v.object({ type: v.literal('resume-queue'), runId: AboutRun }),
  v.object({ type: v.literal('stop'), runId: AboutRun }),
  v.object({ type: v.literal('draft'), runId: AboutRun, text: PromptText }),
  v.object({
    type: v.literal('permission'),
    askId: v.string(),
    reply: v.picklist(['once', 'always', 'reject']),
  }),
  v.object({
    type: v.literal('question'),
    askId: v.string(),
    /** Labels chosen per question; absent to dismiss. */
    answers: v.optional(v.array(v.array(PromptText))),
  }),
  /** `file` is relative to the workspace; the host refuses anything outside it. */
  v.object({ type: v.literal('open-file'), file: v.string(), line: v.optional(v.number()) }),
  v.object({ type: v.literal('open-link'), url: v.pipe(v.string(), v.startsWith('https://')) }),
  v.object({ type: v.literal('action'), action: v.picklist(CARD_ACTIONS) }),
]);
export type PanelMessage = v.InferOutput<typeof PanelMessageSchema>;
