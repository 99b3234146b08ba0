/**
 * What was said and done in a run's session and its sub-agents' sessions: the fold over engine events.
 *
 * The state is updated in place, so that the cost of an event does not grow with the length of the
 * conversation. Whoever folds owns the state; nobody else changes it.
 */
import type {
  Ask,
  EngineEvent,
  EngineMessage,
  EnginePart,
  FileChange,
  SessionStatus,
  TextPart,
  Todo,
  ToolPart,
} from '../engine.ts';

export interface MessageState {
  sessionId: string;
  info: EngineMessage;
}

/**
 * A text whose `text` is what has been seen so far. `gap` marks one of which a piece was missed on the wire
 * and that the engine has not yet given in full; the first such piece is missing at character `gapAt`. Nothing is
 * missing in between where nothing was told after it: the text is then only shorter than it may have become.
 */
export type PartState = { sessionId: string; messageId: string; part: ToolPart } | TextState;
export type TextState = {
  sessionId: string;
  messageId: string;
  part: TextPart;
  gap: boolean;
  gapAt?: number;
};

export interface Conversation {
  /** The run's own session first, then those of its sub-agents. */
  sessions: Map<string, { parentId?: string; title: string; status: SessionStatus }>;
  messages: Map<string, MessageState>;
  /** Ids of the user messages among them, in the order in which they were first told. */
  prompts: string[];
  parts: Map<string, PartState>;
  /** Ids of the parts of a message, in the order in which they were first told. */
  partsOf: Map<string, string[]>;
  /** Tool calls that have not ended, by part id: few, however long the conversation. */
  openTools: Map<string, { messageId: string; part: ToolPart }>;
  /** Asks that wait for an answer. */
  asks: Map<string, Ask>;
  todos: readonly Todo[];
  changes: readonly FileChange[];
}

export function newConversation(): Conversation {
  return {
    sessions: new Map(),
    messages: new Map(),
    prompts: [],
    parts: new Map(),
    partsOf: new Map(),
    openTools: new Map(),
    asks: new Map(),
    todos: [],
    changes: [],
  };
}

/** Whether an event belongs to one of these sessions: it is about one, or about a new sub-agent of one. */
export function concerns(sessions: { has(sessionId: string): boolean }, event: EngineEvent): boolean {
  if (event.sessionId === undefined) return false;
  if (sessions.has(event.sessionId)) return true;
  return event.type === 'session' && event.parentId !== undefined && sessions.has(event.parentId);
}

/** Folds one event. Events of other sessions must have been left out; what is older than what is known changes nothing. */
export function applyEvent(conversation: Conversation, event: EngineEvent): void {
  switch (event.type) {
    case 'delta':
      return applyDelta(conversation, event);
    case 'part':
      return applyPart(conversation, event);
    case 'message': {
      const { message, sessionId } = event;
      const isOver = conversation.messages.get(message.id)?.info.completedAt !== undefined;
      if (isOver && message.completedAt === undefined) return;
      if (message.role === 'user' && !conversation.messages.has(message.id))
        conversation.prompts.push(message.id);
      conversation.messages.set(message.id, { sessionId, info: message });
      return;
    }
    case 'message-gone':
      conversation.messages.delete(event.messageId);
      conversation.prompts = conversation.prompts.filter((id) => id !== event.messageId);
      for (const id of conversation.partsOf.get(event.messageId) ?? []) {
        conversation.parts.delete(id);
        conversation.openTools.delete(id);
      }
      conversation.partsOf.delete(event.messageId);
      return;
    case 'session': {
      const known = conversation.sessions.get(event.sessionId);
      conversation.sessions.set(event.sessionId, {
        ...(event.parentId === undefined ? {} : { parentId: event.parentId }),
        title: event.title,
        status: known?.status ?? { type: 'idle' },
      });
      return;
    }
    case 'status': {
      const session = conversation.sessions.get(event.sessionId);
      if (session) session.status = event.status;
      return;
    }
    case 'ask':
      conversation.asks.set(event.ask.id, event.ask);
      return;
    case 'ask-closed':
      conversation.asks.delete(event.askId);
      return;
    case 'todos':
      conversation.todos = event.todos;
      return;
    case 'changes':
      conversation.changes = event.files;
      return;
    default:
      // `error`, `compacted` and `session-gone` change nothing that is kept here.
      return;
  }
}

/** Marks every text that was still being written: the stream was away, and deltas are told only once. */
export function markGaps(conversation: Conversation): void {
  for (const state of conversation.parts.values()) {
    if (isText(state) && state.part.endedAt === undefined) {
      state.gap = true;
      state.gapAt ??= state.part.text.length;
    }
  }
}

/** Whether the engine has a call as under way. One that a dead server left stays so for ever. */
export function isOpen(part: ToolPart): boolean {
  return part.status === 'pending' || part.status === 'running';
}

/** The parts of a message, in order. */
export function partsOf(conversation: Conversation, messageId: string): PartState[] {
  return (conversation.partsOf.get(messageId) ?? []).flatMap((id) => conversation.parts.get(id) ?? []);
}

export function isText(state: PartState): state is TextState {
  return state.part.type !== 'tool';
}

/**
 * The parts of a message that make up what it says. When a model call fails in the middle of a text, opencode 1.18.33
 * calls again into the same message: the old text stays without an end, and is no part of the answer once the new one
 * has begun. It was shown, and stays so.
 */
export function partsSaid(conversation: Conversation, messageId: string): PartState[] {
  return partsOf(conversation, messageId).filter(
    (state, index, all) =>
      !isText(state) ||
      state.part.endedAt !== undefined ||
      !all.slice(index + 1).some(({ part }) => part.type === state.part.type && part.text !== ''),
  );
}

function applyDelta(conversation: Conversation, event: Extract<EngineEvent, { type: 'delta' }>): void {
  const state = conversation.parts.get(event.partId);
  if (state === undefined) {
    // Its start was missed, so what came before is not known.
    const part: TextPart = { type: 'text', id: event.partId, text: event.text };
    put(conversation, {
      sessionId: event.sessionId,
      messageId: event.messageId,
      part,
      gap: true,
      gapAt: 0,
    });
    return;
  }
  if (isText(state) && state.part.endedAt === undefined) state.part.text += event.text;
}

function applyPart(conversation: Conversation, event: Extract<EngineEvent, { type: 'part' }>): void {
  const { sessionId, messageId, part } = event;
  if (isOlder(conversation.parts.get(part.id)?.part, part)) return;
  if (part.type === 'tool') {
    put(conversation, { sessionId, messageId, part });
    if (isOpen(part)) conversation.openTools.set(part.id, { messageId, part });
    else conversation.openTools.delete(part.id);
    return;
  }
  const before = conversation.parts.get(part.id);
  if (part.endedAt !== undefined || before === undefined || !isText(before)) {
    put(conversation, { sessionId, messageId, part: { ...part }, gap: false });
    return;
  }
  // While a text is written the engine's stored copy is empty (opencode 1.18.33): what was seen is worth more.
  const text = part.text.length >= before.part.text.length ? part.text : before.part.text;
  put(conversation, { ...before, sessionId, messageId, part: { ...part, text } });
}

/**
 * What was read back may be newer than what the stream still has to tell. An end is never taken back, so whatever comes
 * after it and has none is of before.
 */
function isOlder(known: EnginePart | undefined, told: EnginePart): boolean {
  if (known === undefined) return false;
  if (known.type === 'tool') return !isOpen(known) && told.type === 'tool' && isOpen(told);
  return known.endedAt !== undefined && told.type !== 'tool' && told.endedAt === undefined;
}

function put(conversation: Conversation, state: PartState): void {
  const { id } = state.part;
  if (!conversation.parts.has(id)) {
    const known = conversation.partsOf.get(state.messageId);
    if (known === undefined) conversation.partsOf.set(state.messageId, [id]);
    else known.push(id);
  }
  conversation.parts.set(id, state);
}
