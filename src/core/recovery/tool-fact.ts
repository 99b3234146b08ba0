/** One tool call as far as it is known: how far it came, and whether doing it again could do harm. */
import type { ToolClass, ToolPart } from '../engine.ts';
import { assertNever } from '../errors.ts';
import type { PartState } from '../journal/conversation.ts';

/** The result that the model is given for a call that ran when the server ended. Known again by these very words. */
export const MAY_HAVE_RUN =
  'Interrupted: the server ended while this ran. Whether it took effect is not known.';
/** The result of a call that had not begun. */
export const HAD_NOT_STARTED = 'Interrupted: the server ended before this ran. It had not started.';

/**
 * How far a tool call came.
 * - `not-started`: its arguments were still written, or a permission held it back to the end
 * - `unknown`: it ran, and nobody saw it end
 * - `finished`, `failed`: the engine said so
 */
export type ToolProgress = 'not-started' | 'unknown' | 'finished' | 'failed';

export interface ToolFact {
  /** Whose call it is: the turn's session, or that of a sub-agent. */
  sessionId: string;
  messageId: string;
  partId: string;
  callId: string;
  /** The engine's name. Untrusted, like `summary` and `error`. */
  tool: string;
  class: ToolClass;
  state: ToolProgress;
  /** What it does: a path, a command, a pattern. */
  summary: string;
  /** What a failed call said. */
  error?: string;
}

/** Whether running it again could do harm: its effect is not known, and it is not known to have none. */
export function isUnsafe(tool: Pick<ToolFact, 'class' | 'state'>): boolean {
  return tool.state === 'unknown' && tool.class !== 'read-only';
}

/** Whether the engine told its end. */
export function hasEnded(tool: Pick<ToolFact, 'state'>): boolean {
  return tool.state === 'finished' || tool.state === 'failed';
}

/** Whether the engine has it as under way. A call that a dead server left stays so for ever. */
export function isOpen(part: ToolPart): boolean {
  return part.status === 'pending' || part.status === 'running';
}

/** The tool calls among these parts. `heldBack` are the ids of calls that a permission held back to the end. */
export function toolsAmong(parts: readonly PartState[], heldBack: ReadonlySet<string>): ToolFact[] {
  return parts.flatMap(({ sessionId, messageId, part }) =>
    part.type === 'tool' ? [toolFact(sessionId, messageId, part, heldBack)] : [],
  );
}

function toolFact(
  sessionId: string,
  messageId: string,
  part: ToolPart,
  heldBack: ReadonlySet<string>,
): ToolFact {
  const state = progressOf(part, heldBack);
  return {
    sessionId,
    messageId,
    partId: part.id,
    callId: part.callId,
    tool: part.tool,
    class: part.class,
    state,
    summary: part.summary,
    ...(state === 'failed' && part.error !== undefined ? { error: part.error } : {}),
  };
}

export function progressOf(part: ToolPart, heldBack: ReadonlySet<string>): ToolProgress {
  switch (part.status) {
    case 'pending':
      return 'not-started';
    case 'running':
      // A tool that nobody knows may have asked in the middle of its work.
      return heldBack.has(part.callId) && part.class !== 'unknown' ? 'not-started' : 'unknown';
    case 'completed':
      return 'finished';
    case 'error':
      // Closed by an earlier recovery: no more is known than was known then.
      if (part.error === MAY_HAVE_RUN) return 'unknown';
      return part.error === HAD_NOT_STARTED ? 'not-started' : 'failed';
    default:
      return assertNever(part.status);
  }
}
