/** Turns that go in circles: what an engine or a model would do for ever, and pay for. */
import { type Conversation, partsOf } from '../journal/conversation.ts';
import type { Loop } from '../recovery/incident.ts';
import { type TurnState, UNKNOWN_FINISH_LIMIT } from './state.ts';
import { ownAnswers } from './step.ts';

/** The same call with the same arguments that failed so often in a row fails again. */
const SAME_FAILURE_LIMIT = 3;
/** So many summaries of the conversation … */
const COMPACTION_LIMIT = 3;
/** … with fewer answers in between are a loop. A long turn that gets on has dozens from one to the next. */
const ANSWERS_BETWEEN = 10;

/** What the attempt repeats, if it does. Looks at its latest answers only. */
export function loopOf(turn: TurnState, conversation: Conversation): Loop | undefined {
  const own = ownAnswers(turn);
  if (unknownFinishes(own, conversation) >= UNKNOWN_FINISH_LIMIT) return 'unknown-finish';
  if (sameFailures(own, conversation) >= SAME_FAILURE_LIMIT) return 'same-failure';
  const [first, , last] = turn.compactedAt.slice(-COMPACTION_LIMIT);
  return first !== undefined && last !== undefined && last - first < ANSWERS_BETWEEN
    ? 'compaction'
    : undefined;
}

/** How many of the latest answers in a row ended without a reason. */
function unknownFinishes(own: readonly string[], conversation: Conversation): number {
  let count = 0;
  for (const id of own.slice(-2 * UNKNOWN_FINISH_LIMIT).toReversed()) {
    const info = conversation.messages.get(id)?.info;
    if (info?.completedAt === undefined) continue;
    if (info.finish !== 'unknown') break;
    count++;
  }
  return count;
}

/** How many of the latest calls in a row are one and the same that failed. */
function sameFailures(own: readonly string[], conversation: Conversation): number {
  let count = 0;
  let same: string | undefined;
  for (let at = own.length - 1; at >= 0; at--) {
    for (const { part } of partsOf(conversation, own[at] ?? '').toReversed()) {
      if (part.type !== 'tool') continue;
      if (part.failedCall === undefined || (same !== undefined && part.failedCall !== same)) return count;
      same = part.failedCall;
      count++;
      if (count >= SAME_FAILURE_LIMIT) return count;
    }
  }
  return count;
}
