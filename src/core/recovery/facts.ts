/** What is known about one attempt at a turn: a fold over what the journal holds already. Pure. */
import type { Ask, ToolPart } from '../engine.ts';
import {
  type Conversation,
  isOpen,
  isText,
  type PartState,
  partsOf,
  type TextState,
} from '../journal/conversation.ts';
import type { StopCause } from '../journal/record.ts';
import { finalAnswer } from '../turn/settle.ts';
import type { TurnState } from '../turn/state.ts';
import type { FactsSummary } from './incident.ts';
import {
  type CutShort,
  hasEnded,
  isUnsafe,
  type ToolFact,
  type ToolProgress,
  toolsAmong,
} from './tool-fact.ts';

/**
 * The facts of an attempt's failed step: neither what earlier attempts did nor the steps that this one completed is in
 * them, since a completed step is stored with its results and never done again.
 */
export interface AttemptFacts {
  /** Whether any text, reasoning or tool call of it was shown. */
  visible: boolean;
  /** Its tool calls, oldest first, and the calls of its sub-agents that had not ended. */
  tools: readonly ToolFact[];
  /** Sessions of sub-agents that had not ended. */
  subAgents: readonly string[];
  finalAnswer: boolean;
  /** Part ids of texts with a missed piece in between. */
  gaps: readonly string[];
  /** What waited for an answer when the process ended. */
  asks: readonly Ask[];
  stop?: StopCause;
  /** False while the server may have done something that was neither heard nor read back. */
  complete: boolean;
}

/** Sub-agents of sub-agents; a session further down counts as nobody's. */
const MAX_DEPTH = 8;

/**
 * The facts of the current attempt. Walks the attempt's own messages and the open tool calls, nothing else.
 *
 * @param told `whole` when the stream was open to the end, or the session was read back since; else `in-part`
 */
export function factsOf(
  turn: TurnState,
  conversation: Conversation,
  told: 'whole' | 'in-part',
): AttemptFacts {
  const messageIds = failedStep(turn, conversation);
  const parts = messageIds.flatMap((id) => partsOf(conversation, id));
  const cut = cutShort(turn);
  const own = toolsAmong(parts, cut);
  const subAgents = parts.flatMap(({ part }) =>
    part.type === 'tool' && isUnended(part, cut) && part.childSessionId !== undefined
      ? [part.childSessionId]
      : [],
  );
  const last = conversation.messages.get(messageIds.at(-1) ?? '')?.info;
  return {
    visible: parts.some(({ part }) => part.type === 'tool' || part.text !== ''),
    tools: [...own, ...openCallsOf(subAgents, conversation, cut)],
    subAgents,
    finalAnswer: last !== undefined && finalAnswer({ answers: [last] }) !== undefined,
    gaps: parts.filter(hasGapInside).map(({ part }) => part.id),
    asks: turn.asked.asks,
    ...(turn.stop === undefined ? {} : { stop: turn.stop }),
    complete: told === 'whole',
  };
}

/** The tool calls of the whole turn, oldest first, whatever attempt made them: for the notice. */
export function turnTools(turn: TurnState, conversation: Conversation): ToolFact[] {
  const parts = turn.answers.flatMap((id) => partsOf(conversation, id));
  return toolsAmong(parts, cutShort(turn));
}

/** Whether a text lacks a piece in between, and not only what it might have become. */
export function hasGapInside(state: PartState): state is TextState {
  return isText(state) && state.gap && state.gapAt !== undefined && state.part.text.length > state.gapAt;
}

export function summaryOf(facts: AttemptFacts): FactsSummary {
  const count = (state: ToolProgress): number => facts.tools.filter((tool) => tool.state === state).length;
  return {
    visible: facts.visible,
    finalAnswer: facts.finalAnswer,
    complete: facts.complete,
    gaps: facts.gaps.length,
    subAgents: facts.subAgents.length,
    asks: facts.asks.length,
    tools: {
      finished: count('finished'),
      failed: count('failed'),
      'not-started': count('not-started'),
      unknown: count('unknown'),
      unsafe: facts.tools.filter(isUnsafe).length,
    },
  };
}

/** Answers of this attempt from the first one that is not a completed step. */
function failedStep(turn: TurnState, conversation: Conversation): string[] {
  const own = turn.answers.slice(turn.answersBefore).filter((id) => conversation.messages.has(id));
  const first = own.findIndex((id) => !isCompletedStep(id, conversation, cutShort(turn)));
  return first < 0 ? [] : own.slice(first);
}

function isCompletedStep(messageId: string, conversation: Conversation, cut: CutShort): boolean {
  const info = conversation.messages.get(messageId)?.info;
  if (info?.completedAt === undefined || info.error !== undefined || info.finish !== 'tool-calls')
    return false;
  return toolsAmong(partsOf(conversation, messageId), { heldBack: new Set(), aborted: cut.aborted }).every(
    hasEnded,
  );
}

export function cutShort(turn: TurnState): CutShort {
  return { heldBack: callsHeldBack(turn), aborted: new Set(turn.cutTools) };
}

/** Whether a call was under way when the attempt was cut off. */
function isUnended(part: ToolPart, { aborted }: CutShort): boolean {
  return isOpen(part) || aborted.has(part.id);
}

/** Call ids that an unanswered permission held back when the process ended. */
function callsHeldBack(turn: TurnState): Set<string> {
  if (turn.asked.type === 'open') return new Set();
  return new Set(
    turn.asked.asks.flatMap((ask) =>
      ask.type === 'permission' && ask.callId !== undefined ? [ask.callId] : [],
    ),
  );
}

function openCallsOf(subAgents: readonly string[], conversation: Conversation, cut: CutShort): ToolFact[] {
  if (subAgents.length === 0) return [];
  const outstanding = new Set(subAgents);
  const isTheirs = (sessionId: string | undefined, depth = 0): boolean => {
    if (sessionId === undefined || depth > MAX_DEPTH) return false;
    if (outstanding.has(sessionId)) return true;
    return isTheirs(conversation.sessions.get(sessionId)?.parentId, depth + 1);
  };
  return [...new Set([...conversation.openTools.keys(), ...cut.aborted])]
    .flatMap((id) => conversation.parts.get(id) ?? [])
    .filter(({ sessionId }) => isTheirs(sessionId))
    .flatMap((state) => toolsAmong([state], cut));
}
