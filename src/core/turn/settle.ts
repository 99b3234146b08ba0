/** From the facts of an attempt to its outcome. Pure and total: every set of facts has one. */
import type { EngineError, EngineMessage, ToolPart } from '../engine.ts';
import type { Conversation } from '../journal/conversation.ts';
import type { Exit, RecordOf, StopCause } from '../journal/record.ts';
import type { Loop } from '../recovery/incident.ts';
import { modelFailure } from '../recovery/model-trouble.ts';
import { incidentSentence, loopSentence, remedy } from '../recovery/wording.ts';
import { exitInWords } from '../server/exit.ts';
import type { Silence } from './state.ts';

/** What is known of an attempt. */
export interface Facts {
  /** The assistant messages that answer the prompt, oldest first. */
  answers: readonly EngineMessage[];
  /** Tools of those answers that have not ended. */
  outstanding: readonly ToolPart[];
  stop?: StopCause;
  loop?: Loop;
  lastError?: EngineError;
  /** Whether the server is known to have stored the prompt. */
  accepted: boolean;
}

/** Why the turn is settled now, where the engine did not say so. */
export interface SettleCause {
  /** A final answer stood long enough. */
  inferred?: boolean;
  /** The server is gone or cannot be reached. */
  unreachable?: boolean;
  exit?: Exit;
  reason?: string;
  /** The prompt never left, or was refused. */
  sendFailed?: boolean;
  /** Its session was deleted. */
  gone?: boolean;
  /** It was stopped because it was silent for so long. */
  stalled?: Silence;
}

/** A model call that failed without a word. */
const UNTOLD: EngineError = { name: 'UnknownError', message: 'The engine did not say why.' };

type Settlement = Omit<RecordOf<'turn-settled'>, 'kind' | 'turnId' | 'seq' | 'at'>;

/**
 * The final answer, if there is one: a closed message without an error that ends by itself. A message that
 * ends in tool calls is a step boundary, however complete it looks.
 */
export function finalAnswer(facts: Pick<Facts, 'answers'>): EngineMessage | undefined {
  const last = facts.answers.at(-1);
  if (last?.completedAt === undefined || last.error !== undefined) return undefined;
  return last.finish === 'stop' ? last : undefined;
}

/** Tools of the given messages that have not ended, those of sub-agents among them through their parent's call. */
export function outstandingTools(conversation: Conversation, messageIds: ReadonlySet<string>): ToolPart[] {
  const open = [...conversation.openTools.values()];
  return open.filter(({ messageId }) => messageIds.has(messageId)).map(({ part }) => part);
}

/** The outcome of an attempt, and the sentence that explains it. First match wins. */
export function settlement(facts: Facts, cause: SettleCause): Settlement {
  const last = facts.answers.at(-1);
  const end = finalAnswer(facts);
  if (end !== undefined && facts.outstanding.length === 0) {
    return { outcome: 'ok', inferred: cause.inferred === true || cause.unreachable === true };
  }
  if (facts.stop === 'user') return ended('interrupted', 'Stopped by you.');
  if (facts.stop === 'close') return ended('interrupted', 'Stopped because Holdfast was closed.');
  if (cause.gone === true)
    return ended(
      'interrupted',
      `Its session was deleted by another client of the same server.${kept(facts)}`,
    );
  // A journal of before names no loop; there was one kind then.
  if (facts.stop === 'loop') return ended('error', loopSentence(facts.loop ?? 'unknown-finish'));
  if (cause.stalled !== undefined) return stalled(cause.stalled, facts);
  if (cause.unreachable === true) return unreachable(cause, facts);
  if (cause.sendFailed === true) return refused(facts.lastError);
  if (last?.error?.name === 'MessageAbortedError')
    return ended('interrupted', 'Stopped by another client of the same server.');
  if (last?.error !== undefined) return failed(last.error);
  switch (last?.finish) {
    case 'length':
      return ended('incomplete', 'The answer was cut off at the model’s output limit.');
    case 'content-filter':
      return ended('error', 'The model’s provider withheld the answer (content filter).');
    case 'error':
      return failed(facts.lastError ?? UNTOLD);
    case 'tool-calls':
      return ended('incomplete', 'The turn ended at a tool call that was not carried out.');
    default:
      break;
  }
  if (facts.lastError !== undefined) {
    return facts.accepted ? failed(facts.lastError) : refused(facts.lastError);
  }
  if (!facts.accepted) return ended('error', 'The server took the prompt but did not store it.');
  if (last !== undefined && last.completedAt === undefined) {
    // An engine that lives closes its messages, also those of a turn that was stopped.
    return ended(
      'incomplete',
      'The server came back without this turn: it was restarted while the turn ran. What it had answered so far is kept.',
    );
  }
  return ended('incomplete', 'The engine went idle without a full answer.');
}

function unreachable(cause: SettleCause, facts: Facts): Settlement {
  const what = cause.exit
    ? `The server ${exitInWords(cause.exit)}`
    : (cause.reason ?? facts.lastError?.message ?? 'The server cannot be reached');
  return ended('server-unreachable', `${sentence(what)}${kept(facts)}`);
}

function stalled(silence: Silence, facts: Facts): Settlement {
  const what = incidentSentence({ type: 'session-stalled', ...silence });
  return ended('session-stalled', `${what} The turn was stopped.${kept(facts)}`);
}

function kept({ answers }: Facts): string {
  return answers.length > 0 ? ' What it had answered so far is kept.' : '';
}

/**
 * The error of the model call that the attempt ended with, where it ended so. What ends by being aborted, at a limit or
 * at a boundary has no such error, whatever was told before.
 */
export function modelError(facts: Facts): EngineError | undefined {
  const last = facts.answers.at(-1);
  if (last?.error !== undefined) return wasAborted(last.error) ? undefined : last.error;
  switch (last?.finish) {
    case 'error':
      return facts.lastError ?? UNTOLD;
    case 'stop':
    case 'length':
    case 'content-filter':
    case 'tool-calls':
      return undefined;
    default:
      return facts.lastError === undefined || wasAborted(facts.lastError) ? undefined : facts.lastError;
  }
}

function wasAborted({ name }: EngineError): boolean {
  return name === 'MessageAbortedError';
}

/** the provider's own words stay in the details; an engine's own error has no other ones. */
function failed(error: EngineError): Settlement {
  const cause = modelFailure(error, 0);
  const message =
    cause.trouble === 'other' && error !== UNTOLD
      ? sentence(`The model call failed: ${error.message}`)
      : `${incidentSentence(cause)} ${remedy(cause)}`.trim();
  return { outcome: 'error', inferred: false, message, error };
}

function refused(error: EngineError | undefined): Settlement {
  const what = 'The server refused the prompt';
  if (error === undefined) return ended('error', `${what}.`);
  return { outcome: 'error', inferred: false, message: sentence(`${what}: ${error.message}`), error };
}

function ended(outcome: Settlement['outcome'], message: string): Settlement {
  return { outcome, inferred: false, message };
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
