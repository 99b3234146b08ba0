/**
 * The port that every engine implements, and the one union of events that everything above it reads.
 *
 * An engine's own wire shapes never leave its folder under `src/engines`: they are parsed once, there,
 * into the shapes below. The schemas are the source of the types, because journals hold these events
 * and are read back years later by other versions.
 */
import * as v from 'valibot';

/** Milliseconds since the epoch, wall clock. */
const EpochMs = v.number();

/** The engines this version can drive. */
export const ENGINE_KINDS = ['opencode'] as const;
export type EngineKind = (typeof ENGINE_KINDS)[number];

/** An engine's error, reduced to what decisions and sentences need. `detail` is the raw text, for the details view only. */
export const EngineErrorSchema = v.object({
  /** The engine's own name of the error, e.g. `APIError`. */
  name: v.string(),
  message: v.string(),
  /** HTTP status of the model provider, when there was one. */
  status: v.optional(v.number()),
  retriable: v.optional(v.boolean()),
  /** The provider's own short name of the error, e.g. `insufficient_quota`. */
  code: v.optional(v.string()),
  detail: v.optional(v.string()),
});
export type EngineError = v.InferOutput<typeof EngineErrorSchema>;

/** What the engine says a session does right now. `retry` is the engine's own retry of a model call. */
export const SessionStatusSchema = v.variant('type', [
  v.object({ type: v.literal('idle') }),
  v.object({ type: v.literal('busy') }),
  v.object({ type: v.literal('retry'), attempt: v.number(), message: v.string(), nextAt: EpochMs }),
]);
export type SessionStatus = v.InferOutput<typeof SessionStatusSchema>;

export const TokenUseSchema = v.object({
  input: v.number(),
  output: v.number(),
  reasoning: v.number(),
  cacheRead: v.number(),
  cacheWrite: v.number(),
});

/**
 * How one model call ended. `stop` ends a turn; `tool-calls` is a step boundary; `length`, `content-filter`
 * and `error` fail it; `unknown` is what opencode reports for a model stream that ended without a reason.
 */
export const FINISH_REASONS = ['stop', 'tool-calls', 'length', 'content-filter', 'error', 'unknown'] as const;
export type FinishReason = (typeof FINISH_REASONS)[number];

export const EngineMessageSchema = v.object({
  id: v.string(),
  role: v.picklist(['user', 'assistant']),
  /** For an assistant message: the user message it answers. */
  parentId: v.optional(v.string()),
  createdAt: EpochMs,
  /** Set once the engine has closed the message; a crash leaves it unset for ever. */
  completedAt: v.optional(EpochMs),
  finish: v.optional(v.picklist(FINISH_REASONS)),
  error: v.optional(EngineErrorSchema),
  tokens: v.optional(TokenUseSchema),
  /** US dollars, as the engine computes it. */
  cost: v.optional(v.number()),
  model: v.optional(v.string()),
  agent: v.optional(v.string()),
});
export type EngineMessage = v.InferOutput<typeof EngineMessageSchema>;

/** Whether running a tool twice is harmless. Everything that is not known to be read-only is unsafe. */
export const TOOL_CLASSES = ['read-only', 'effectful', 'unknown'] as const;
export type ToolClass = (typeof TOOL_CLASSES)[number];

export const TOOL_STATUSES = ['pending', 'running', 'completed', 'error'] as const;

export const ToolPartSchema = v.object({
  type: v.literal('tool'),
  id: v.string(),
  callId: v.string(),
  /** The engine's name of the tool, e.g. `bash`. */
  tool: v.string(),
  /** A word or two for people: `Read`, `Search`, `Run`; absent where the engine's name must do. */
  title: v.optional(v.string()),
  class: v.picklist(TOOL_CLASSES),
  status: v.picklist(TOOL_STATUSES),
  /** One line for people: a path, a command, a pattern. At most 300 characters. */
  summary: v.string(),
  /** The tail of its output, at most 4,000 characters; `outputBytes` is the whole length. */
  output: v.optional(v.string()),
  outputBytes: v.optional(v.number()),
  error: v.optional(v.string()),
  startedAt: v.optional(EpochMs),
  endedAt: v.optional(EpochMs),
  /** Where the call failed: equal for calls of the same tool with the same arguments. */
  failedCall: v.optional(v.string()),
  /** The session of a sub-agent that this tool call runs. */
  childSessionId: v.optional(v.string()),
});
export type ToolPart = v.InferOutput<typeof ToolPartSchema>;

const TextPartSchema = v.object({
  type: v.picklist(['text', 'reasoning']),
  id: v.string(),
  text: v.string(),
  startedAt: v.optional(EpochMs),
  /** Set once the text is whole; before that, `text` may be empty and the deltas are all there is. */
  endedAt: v.optional(EpochMs),
  /** True for text that the engine wrote on its own account (compaction notices and the like). */
  synthetic: v.optional(v.boolean()),
});
export type TextPart = v.InferOutput<typeof TextPartSchema>;

export const EnginePartSchema = v.variant('type', [TextPartSchema, ToolPartSchema]);
export type EnginePart = v.InferOutput<typeof EnginePartSchema>;

export const PermissionAskSchema = v.object({
  type: v.literal('permission'),
  id: v.string(),
  sessionId: v.string(),
  /** The kind of thing asked for: `bash`, `edit`, `external_directory`, … */
  permission: v.string(),
  /** What exactly: the command, the path. */
  patterns: v.array(v.string()),
  /** The patterns that "always" would allow. */
  always: v.array(v.string()),
  callId: v.optional(v.string()),
});

export const QuestionAskSchema = v.object({
  type: v.literal('question'),
  id: v.string(),
  sessionId: v.string(),
  questions: v.array(
    v.object({
      question: v.string(),
      header: v.string(),
      options: v.array(v.object({ label: v.string(), description: v.string() })),
      multiple: v.boolean(),
      /** Whether a free text answer is allowed. */
      custom: v.boolean(),
    }),
  ),
  callId: v.optional(v.string()),
});

export const AskSchema = v.variant('type', [PermissionAskSchema, QuestionAskSchema]);
export type Ask = v.InferOutput<typeof AskSchema>;

/** What a user answers to an ask. `answers[i]` are the labels chosen for question i. */
export const AnswerSchema = v.variant('type', [
  v.object({
    type: v.literal('permission'),
    reply: v.picklist(['once', 'always', 'reject']),
    message: v.optional(v.string()),
  }),
  v.object({ type: v.literal('question'), answers: v.array(v.array(v.string())) }),
  v.object({ type: v.literal('dismiss') }),
]);
export type Answer = v.InferOutput<typeof AnswerSchema>;

export const TodoSchema = v.object({
  content: v.string(),
  status: v.picklist(['pending', 'in_progress', 'completed', 'cancelled']),
});
export type Todo = v.InferOutput<typeof TodoSchema>;

export const FileChangeSchema = v.object({
  /** Relative to the workspace, with forward slashes. */
  file: v.string(),
  additions: v.number(),
  deletions: v.number(),
});
export type FileChange = v.InferOutput<typeof FileChangeSchema>;

export const EngineEventSchema = v.variant('type', [
  v.object({
    type: v.literal('delta'),
    sessionId: v.string(),
    messageId: v.string(),
    partId: v.string(),
    text: v.string(),
  }),
  v.object({ type: v.literal('part'), sessionId: v.string(), messageId: v.string(), part: EnginePartSchema }),
  v.object({ type: v.literal('message'), sessionId: v.string(), message: EngineMessageSchema }),
  v.object({ type: v.literal('message-gone'), sessionId: v.string(), messageId: v.string() }),
  v.object({ type: v.literal('status'), sessionId: v.string(), status: SessionStatusSchema }),
  v.object({ type: v.literal('error'), sessionId: v.optional(v.string()), error: EngineErrorSchema }),
  v.object({ type: v.literal('ask'), sessionId: v.string(), ask: AskSchema }),
  v.object({ type: v.literal('ask-closed'), sessionId: v.string(), askId: v.string(), reply: v.string() }),
  v.object({
    type: v.literal('session'),
    sessionId: v.string(),
    parentId: v.optional(v.string()),
    title: v.string(),
    updatedAt: v.optional(EpochMs),
  }),
  v.object({ type: v.literal('session-gone'), sessionId: v.string() }),
  v.object({ type: v.literal('todos'), sessionId: v.string(), todos: v.array(TodoSchema) }),
  v.object({ type: v.literal('changes'), sessionId: v.string(), files: v.array(FileChangeSchema) }),
  v.object({ type: v.literal('compacted'), sessionId: v.string() }),
]);
/** One thing an engine said, whatever the engine. */
export type EngineEvent = v.InferOutput<typeof EngineEventSchema>;
export type AskEvent = Extract<EngineEvent, { type: 'ask' }>;

/** Permission rules of a session, first to last, the last match wins. */
export interface PermissionRule {
  permission: string;
  pattern: string;
  action: 'allow' | 'deny' | 'ask';
}

/** A prompt with the ids that make it safe to look up later. Written to the journal before it is sent. */
export const PromptSchema = v.object({
  messageId: v.string(),
  partId: v.string(),
  text: v.string(),
  /** `provider/model`, or absent for the engine's own default. */
  model: v.optional(v.string()),
  agent: v.optional(v.string()),
  /** Added to the system prompt of this turn. */
  system: v.optional(v.string()),
});
export type Prompt = v.InferOutput<typeof PromptSchema>;

/** Where an engine binary was found. */
export interface EngineBinary {
  path: string;
  version: string;
  /** How it was found: `setting`, `PATH`, the well-known place, or `Holdfast` where that has installed it. */
  source: string;
}

/** How to start a server, without secrets in argv. The password is in `env` alone. */
export interface LaunchSpec {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Recognises the ready line in stdout; group 1 is the base URL. */
  readyLine: RegExp;
  /** Ends the server's work before it is signalled: a POST to this path. Absent where a signal cuts nothing. */
  dispose?: { path: string; headers: Readonly<Record<string, string>> };
}

/**
 * One thing to put in order in a session whose server died in the middle of a turn:
 * - `text`: a text or reasoning part that the death emptied gets back what was seen of it, never an empty text;
 * - `tool`: a call that is still `pending` or `running` ends as an error with these words for the model;
 * - `discard`: an answer that was begun and has nothing worth keeping goes. One with a tool call in it stays, as
 *   the call may have had an effect that the model has to know of.
 */
export type Repair =
  | { kind: 'text'; messageId: string; partId: string; text: string }
  | { kind: 'tool'; messageId: string; partId: string; error: string }
  | { kind: 'discard'; messageId: string };

/** What the fate of a prompt was found to be when it was looked up by its ids. */
export type PromptFate = 'absent' | 'stored' | 'partly-stored';

/** A reply that says whether a session does something, taken from the server and not from events. */
export interface Snapshot {
  status: SessionStatus;
  /** Messages, parts and open asks of the session as events, oldest first: to be folded like any others. */
  events: EngineEvent[];
}

export interface StreamListener {
  /** The server accepted the stream. */
  onOpen(): void;
  /** Bytes of any kind came in: the only sign of life that counts. */
  onBytes(count: number): void;
  /** Events in order, all that one read of the socket held. */
  onEvents(events: EngineEvent[]): void;
  /** Kinds not in the union, or known kinds in a shape that does not fit. Never fatal. */
  onOdd(odd: { kind: string; problem: 'unknown' | 'malformed'; path?: string }): void;
  /** The stream ended, for whatever reason, exactly once. Nothing is called after it. */
  onEnd(reason: string): void;
}

export interface EngineSession {
  id: string;
  title: string;
  updatedAt: number;
}

/** Requests to one running server for one workspace. Errors are `RequestError`. */
export interface EngineClient {
  /** Resolves when a route of this workspace answers within `timeoutMs`; a health route can lie. */
  ready(timeoutMs: number): Promise<void>;
  /** Whether the process answers at all within `timeoutMs`. */
  health(timeoutMs: number): Promise<boolean>;
  /** Refuses (false) a server that answers without the password. */
  isProtected(): Promise<boolean>;
  /** Opens the one event stream of the server. The returned function closes it; `onEnd` is then not called. */
  stream(listener: StreamListener): () => void;
  /** The model a prompt without one would use, as `provider/model`; undefined when the engine has none. */
  defaultModel(): Promise<string | undefined>;
  createSession(options: { title: string; permission?: readonly PermissionRule[] }): Promise<EngineSession>;
  listSessions(limit: number): Promise<EngineSession[]>;
  send(sessionId: string, prompt: Prompt): Promise<void>;
  /** Looks a prompt up by its ids. */
  lookUp(sessionId: string, prompt: Prompt): Promise<PromptFate>;
  /** Re-reads what the server knows of a session. */
  snapshot(sessionId: string): Promise<Snapshot>;
  /**
   * Puts a turn in order that its server's death cut, so that sending its prompt again goes on where it ended. What
   * has to hold, in this order: no process of the dead server's tools is left, the new server is `ready` and
   * streamed from, `snapshot` says idle (its asks died with the server), the prompt of the cut turn is the newest of
   * the session, and its newest answer is not one that ended the turn. Repairs are for the parts without an end of
   * the answers without an end. Then the prompt is sent with its old ids; a `system` text may be new.
   *
   * A cut answer that has text and no tool call becomes the end of the model's next request, which a provider may not
   * take; discarding it and quoting the text in `system` avoids that.
   *
   * May be called again, whole: what is closed already, gone, or closed by somebody else is left alone. Nothing is
   * sent when something cannot be read. The repaired parts come as events, but an answer that was cut never gets a
   * `completedAt`: one that a newer answer follows is closed.
   *
   * @throws RequestError; status 409 while the session is busy
   */
  repair(sessionId: string, repairs: readonly Repair[]): Promise<void>;
  abort(sessionId: string): Promise<void>;
  answer(ask: Ask, answer: Answer): Promise<void>;
  /** Closes all sockets of this client. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  baseUrl: string;
  password: string | undefined;
  username?: string;
  /** Absolute path of the workspace folder; it travels with each request. */
  directory: string;
  /** What a server of our own was started with: it says where the engine keeps its log. */
  env?: Readonly<Record<string, string | undefined>>;
}

export interface LaunchOptions {
  binary: EngineBinary;
  password: string;
  /** The environment of our own process, to start from. */
  baseEnv: Readonly<Record<string, string | undefined>>;
  /** Extra folders for the end of PATH, e.g. where the editor keeps ripgrep. */
  extraPath: readonly string[];
  /** Engine configuration that wins over the user's files, e.g. a provider. */
  config?: Readonly<Record<string, unknown>>;
  /** Absolute path of the folder with the programs that come with Holdfast. */
  programs: string;
}

/** One kind of agent server. */
export interface Engine {
  readonly kind: EngineKind;
  /** Rules for a session whose agent may look at everything in the workspace and change nothing. */
  readonly readOnlyPermissions: readonly PermissionRule[];
  /** Finds the binary. Throws `EngineMissingError` with a sentence for people. */
  locate(options: {
    path?: string;
    /** Where Holdfast may have installed an engine of its own. */
    storage?: string;
    env: Readonly<Record<string, string | undefined>>;
  }): Promise<EngineBinary>;
  launch(options: LaunchOptions): LaunchSpec;
  /** Absolute path of the folder (or database) where a server with this environment keeps its sessions. */
  dataPath(env: Readonly<Record<string, string | undefined>>): string;
  connect(options: ConnectOptions): EngineClient;
  /** Fresh ids for a prompt; unique across sessions. */
  newPromptIds(): { messageId: string; partId: string };
}
