/** From the facts of an attempt to its outcome. Pure and total: every set of facts has one. */
import type { EngineError, EngineMessage, ToolPart } from '../engine.ts';
import type { Conversation } from '../journal/conversation.ts';
import type { Exit, RecordOf, StopCause } from '../journal/record.ts';
import { incidentSentence } from '../recovery/wording.ts';
import { exitInWords } from '../server/exit.ts';
import type { Silence } from './state.ts';

/** What is known of an attempt. */
export interface Facts {
  /** The assistant messages that answer the prompt, oldest first. */
  answers: readonly EngineMessage[];
  /** Tools of those answers that have not ended. */
  outstanding: readonly ToolPart[];
  stop?: StopCause;
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
  /** It was stopped because it was silent for so long. */
  stalled?: Silence;
}

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
  if (facts.stop === 'loop') {
    return ended(
      'error',
      'The model ended its answer without a reason twice in a row, so the turn was stopped before it could go on for ever.',
    );
  }
  if (cause.stalled !== undefined) return stalled(cause.stalled, facts);
  if (cause.unreachable === true) return unreachable(cause, facts);
  if (cause.sendFailed === true) return failed(facts.lastError, 'The server refused the prompt');
  if (last?.error?.name === 'MessageAbortedError')
    return ended('interrupted', 'Stopped by another client of the same server.');
  if (last?.error !== undefined) return failed(last.error, 'The model call failed');
  switch (last?.finish) {
    case 'length':
      return ended('incomplete', 'The answer was cut off at the model’s output limit.');
    case 'content-filter':
      return ended('error', 'The model’s provider withheld the answer (content filter).');
    case 'error':
      return failed(facts.lastError, 'The model call failed');
    case 'tool-calls':
      return ended('incomplete', 'The turn ended at a tool call that was not carried out.');
    default:
      break;
  }
  if (facts.lastError !== undefined) {
    return failed(facts.lastError, facts.accepted ? 'The turn failed' : 'The server refused the prompt');
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

function failed(error: EngineError | undefined, what: string): Settlement {
  if (error === undefined) return ended('error', `${what}.`);
  return {
    outcome: 'error',
    inferred: false,
    message: sentence(`${what}: ${modelErrorInWords(error)}`),
    error,
  };
}

/** The provider's raw text stays in the details; this is the explanation. */
function modelErrorInWords(error: EngineError): string {
  switch (error.status) {
    case 401:
    case 403:
      return 'the model’s provider did not accept the sign-in. Check the API key or sign in again';
    case 404:
      return 'the model’s provider does not know this model or address';
    case 429:
      return 'the model’s provider limits the rate of requests. Try again later';
    default:
      break;
  }
  if (error.status !== undefined && error.status >= 500)
    return `the model’s provider answered with an error (HTTP ${error.status})`;
  return error.message;
}

function ended(outcome: Settlement['outcome'], message: string): Settlement {
  return { outcome, inferred: false, message };
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
