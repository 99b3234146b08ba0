/** What has to be put in order in a session before a cut turn goes on in it. */
import type { Repair } from '../engine.ts';
import {
  type Conversation,
  isOpen,
  isText,
  type PartState,
  partsSaid,
  type TextState,
} from '../journal/conversation.ts';
import type { TurnState } from '../turn/state.ts';
import { cutShort, hasGapInside } from './facts.ts';
import { type CutShort, HAD_NOT_STARTED, MAY_HAVE_RUN, progressOf } from './tool-fact.ts';

/** Stands in a text where a piece of it was never received. */
const GAP_MARK = ' […] ';

/**
 * The repairs for the turn's own session, in the order of its messages. To be made once the session was read back, so
 * that what the engine has stored meanwhile is known. Sub-agents' sessions are not gone on with.
 *
 * An answer without an end has to keep what was shown of it: opencode 1.18.33 stores a text when it ends, so the
 * journal alone has it. Its open calls end as errors. One with neither is discarded, which gives the model a clean
 * beginning.
 */
export function repairsOf(turn: TurnState, conversation: Conversation): Repair[] {
  return turn.answers.flatMap((messageId): Repair[] => {
    const info = conversation.messages.get(messageId)?.info;
    if (info === undefined || info.completedAt !== undefined) return [];
    const parts = partsSaid(conversation, messageId);
    if (!parts.some(isWorthKeeping)) return [{ kind: 'discard', messageId }];
    return parts.flatMap((state) => repairOf(state, cutShort(turn)));
  });
}

function repairOf(state: PartState, cut: CutShort): Repair[] {
  const { messageId } = state;
  if (!isText(state)) {
    const { part } = state;
    if (!isOpen(part)) return [];
    const error = progressOf(part, cut) === 'not-started' ? HAD_NOT_STARTED : MAY_HAVE_RUN;
    return [{ kind: 'tool', messageId, partId: part.id, error }];
  }
  const { part } = state;
  if (part.endedAt !== undefined || part.text === '') return [];
  return [{ kind: 'text', messageId, partId: part.id, text: textSeen(state) }];
}

function isWorthKeeping({ part }: PartState): boolean {
  return part.type === 'tool' || part.text.trim() !== '';
}

function textSeen(state: TextState): string {
  const { text } = state.part;
  if (!hasGapInside(state)) return text;
  return `${text.slice(0, state.gapAt)}${GAP_MARK}${text.slice(state.gapAt)}`.trim();
}
