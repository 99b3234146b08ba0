/** One tool call as far as it is known: how far it came, and whether doing it again could do harm. */
import type { ToolClass, ToolPart } from '../engine.ts';
import { assertNever } from '../errors.ts';
import type { PartState } from '../journal/conversation.ts';

/** The result that the model is given for a call that was cut off. Known again by these very words. */
export const MAY_HAVE_RUN =
  'Interrupted: this was cut off while it ran. Whether it took effect is not known.';
/** The result of a call that had not begun. */
export const HAD_NOT_STARTED = 'Interrupted: this was cut off before it ran. It had not started.';

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

/** What is known of an attempt's end that its parts do not tell. */
export interface CutShort {
  /** Ids of calls that a permission held back to the end. */
  heldBack: ReadonlySet<string>;
  /** Ids of parts whose calls were under way when the turn was aborted: what the engine says of their end is ours. */
  aborted: ReadonlySet<string>;
}

/** The tool calls among these parts. */
export function toolsAmong(parts: readonly PartState[], cut: CutShort): ToolFact[] {
  return parts.flatMap(({ sessionId, messageId, part }) =>
    part.type === 'tool' ? [toolFact(sessionId, messageId, part, cut)] : [],
  );
}

function toolFact(sessionId: string, messageId: string, part: ToolPart, cut: CutShort): ToolFact {
  const state = progressOf(part, cut);
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

export function progressOf(part: ToolPart, { heldBack, aborted }: CutShort): ToolProgress {
  // opencode 1.18.33 calls an aborted command completed, whatever it has done by then.
  if (aborted.has(part.id)) return 'unknown';
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
