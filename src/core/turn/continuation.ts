/**
 * What the engine itself adds to a turn whose conversation has become too long for the model. opencode 1.18.33 asks
 * for a summary with a user message that holds an empty text of its own, and goes on with another one: a text of its
 * own, or the prompt once more. The answers after that are answers to the latter. The prompt that is sent again with its
 * old ids goes on there too: the model gets the summary, what came after it, and not the prompt once more.
 */
import { type Conversation, partsOf } from '../journal/conversation.ts';
import type { TurnState } from './state.ts';

interface Continuation {
  /** User messages that go on with the turn. */
  ids: readonly string[];
  /** Whether somebody's prompt came after them. */
  overtaken: boolean;
}

/** The user messages after a turn's prompt, as far as the engine wrote them. There are few. */
export function continuationOf(turn: TurnState, conversation: Conversation): Continuation {
  const { prompts, messages } = conversation;
  const first = prompts.lastIndexOf(turn.prompt.messageId);
  const ids: string[] = [];
  if (first < 0) return { ids, overtaken: false };
  let isSummarised = false;
  for (const id of prompts.slice(first + 1)) {
    if (messages.get(id)?.sessionId !== turn.sessionId) continue;
    const texts = ownTexts(id, turn, conversation);
    const asksForSummary = texts?.length === 1 && texts[0] === '';
    if (texts === undefined || !(asksForSummary || isSummarised)) return { ids, overtaken: true };
    if (!asksForSummary) ids.push(id);
    isSummarised = asksForSummary;
  }
  return { ids, overtaken: false };
}

/** The texts of a user message that may be the engine's own; undefined where somebody else wrote it. */
function ownTexts(messageId: string, turn: TurnState, conversation: Conversation): string[] | undefined {
  const texts = partsOf(conversation, messageId).map(({ part }) =>
    part.type !== 'tool' && (part.synthetic === true || part.text === turn.prompt.text)
      ? part.text
      : undefined,
  );
  const own = texts.filter((text) => text !== undefined);
  return own.length === texts.length && own.length > 0 ? own : undefined;
}
