/** What is done when an attempt at a turn failed: the decision table. Pure and total; the first row that matches wins. */
import type { StopCause } from '../journal/record.ts';
import type { Outcome } from '../outcome.ts';
import { assertNever } from '../errors.ts';
import type { AttemptFacts } from './facts.ts';
import type { Incident, RecoveryMode } from './incident.ts';
import { hasEnded, isUnsafe, type ToolFact } from './tool-fact.ts';
import { canBeTakenLater, type ModelFailure } from './model-trouble.ts';
import { incidentSentence, remedy, toolLine } from './wording.ts';

/** Recoveries of one turn. A turn that fails a fourth time is not helped by trying. */
export const RECOVERIES_PER_TURN = 3;
/** A session that has ended its server so often, each time when it was gone on with, is left alone. */
const DEATHS_PER_TURN = 3;
const BY_HAND = 'Continue by hand when the cause is gone.';
/** Tool calls named in a reason; the card names all. */
const MAX_NAMED = 3;

export interface DecisionInput {
  facts: AttemptFacts;
  incident: Incident;
  /** A stop or close that came since the facts were taken. */
  stop?: StopCause;
  /**
   * How the turn stands with its server: `gone` when no process works on it any more, `working` by the server's own
   * word, `unknown` when that cannot be had.
   */
  server: 'gone' | 'working' | 'unknown';
  /** `restarts` is spent when a server would have to be started and none may be. */
  budget: { recoveries: { used: number; limit: number }; restarts: 'left' | 'spent' };
  /** Whether this incident was answered with a replay already. */
  replayedBefore: boolean;
  /** How often the server died under this turn. */
  deaths: number;
  /** Whether the session has gone on with another prompt. */
  overtaken: boolean;
  mode: RecoveryMode;
  /** Whether the user, knowing this incident, has said to go on. */
  agreed: boolean;
  /** Part ids of the calls in doubt that the user knew of then. */
  known: readonly string[];
}

interface Decided {
  /** Row of the table. */
  rule: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;
  /** Sentences for people: what happened, what was kept, what is unknown, what follows. */
  reason: string;
  /** Recoveries of this turn, this one included where it is one, of `limit`. */
  n: number;
  limit: number;
}

export type Decision = Decided &
  (
    | { type: 'accept' }
    | { type: 'follow' }
    /** Send the same prompt with its old ids. */
    | { type: 'replay' }
    /** Repair the session, then send the same prompt with a notice. */
    | { type: 'resume' }
    /** End the turn, and offer to continue it. */
    | { type: 'offer' }
    /** `tools` are the calls whose effect is not known. */
    | { type: 'ask'; tools: readonly ToolFact[] }
    | { type: 'stop'; outcome: Outcome }
  );

/** Taken again, with what is known then, after every wait. */
export function decide(input: DecisionInput): Decision {
  const { facts, incident, server, budget, mode, agreed } = input;
  const { used, limit } = budget.recoveries;
  const still = { n: used, limit };
  const unsafe = facts.tools.filter(isUnsafe);
  const say = (...sentences: string[]): string => reasonOf(input, unsafe, sentences);
  const stops = [input.stop, facts.stop];

  if (stops.includes('user')) {
    return { ...still, type: 'stop', rule: 1, outcome: 'interrupted', reason: say('Stopped by you.') };
  }
  if (stops.includes('close')) {
    const reason = say('Stopped because Holdfast was closed.', 'It is offered again next time.');
    return { ...still, type: 'stop', rule: 2, outcome: 'interrupted', reason };
  }
  if (facts.finalAnswer && facts.subAgents.length === 0 && facts.tools.every(hasEnded)) {
    return { ...still, type: 'accept', rule: 3, reason: say('The answer was complete by then.') };
  }
  if (incident.type === 'owner-gone' && !agreed && mode !== 'off') {
    return { ...still, type: 'offer', rule: 2, reason: say('Nothing was sent again.') };
  }
  // One that still works on it although it was told to stop is what has stalled.
  const isDeaf = server === 'working' && wasToldToStop(incident);
  if (server === 'working' && !isDeaf) {
    const reason = say('The server still works on the turn, so nothing is sent.');
    return { ...still, type: 'follow', rule: 4, reason };
  }
  const failed = { ...still, type: 'stop', rule: 7, outcome: outcomeOf(incident) } as const;
  if (input.overtaken) {
    return { ...failed, reason: say('The session has gone on with another prompt since.') };
  }
  if (mode === 'off') return { ...failed, reason: say('Recovery is switched off.') };
  if (budget.restarts === 'spent') return { ...failed, reason: say() };
  if (incident.type === 'model-failed' && !canBeTakenLater(incident))
    return { ...failed, reason: say(remedy(incident)) };
  if (!facts.complete || server === 'unknown' || isDeaf) {
    const reason = say('What the agent did meanwhile could not be read back.', 'Go on only if that is safe.');
    return { ...still, type: 'ask', rule: 5, tools: unsafe, reason };
  }
  // What has come to light since the user agreed is asked about too.
  if (unsafe.some(({ partId }) => !agreed || !input.known.includes(partId))) {
    const reason = say('Going on could do it twice.');
    return { ...still, type: 'ask', rule: 6, tools: unsafe, reason };
  }
  if (!agreed && used >= limit) {
    return { ...failed, reason: say(`The recoveries of this turn are used up (${used}/${limit}).`, BY_HAND) };
  }
  if (!agreed && input.deaths >= DEATHS_PER_TURN) {
    const times = input.deaths - 1;
    return {
      ...failed,
      reason: say(`It has ended the server ${times} times when it was gone on with.`, BY_HAND),
    };
  }
  // The engine has tried a failed model call again by itself, as often as that makes sense.
  if (!agreed && incident.type === 'model-failed')
    return { ...still, type: 'offer', rule: 10, reason: say(...whenToContinue(incident)) };
  // The next attempt tells the model what the engine would not have.
  if (!agreed && incident.type === 'looped' && incident.loop !== 'forgotten-call') {
    const reason = say('Continue if it should be given another try.');
    return { ...still, type: 'offer', rule: 10, reason };
  }
  // With nothing unsafe left, every effectful call is known to have ended or not to have begun.
  // A model that went in circles does so again unless it is told.
  const isUntouched =
    !facts.visible && facts.tools.length === 0 && !input.replayedBefore && incident.type !== 'looped';
  const [rule, way] = isUntouched ? ([8, 'replay'] as const) : ([9, 'resume'] as const);
  if (mode === 'ask' && !agreed) {
    const reason = say('Recovery is set to ask first.');
    return { ...still, type: 'ask', rule, tools: [], reason };
  }
  const n = agreed ? used : used + 1;
  const of = agreed ? '' : ` (${n}/${limit})`;
  const next =
    way === 'replay'
      ? `Nothing had been shown or begun, so the same prompt is sent again${of}.`
      : `The turn goes on in the same session${of}.`;
  return { n, limit, type: way, rule, reason: say(next) };
}

function whenToContinue(incident: ModelFailure): string[] {
  const what = remedy(incident);
  return what === '' ? ['Continue to try once more.'] : [what, 'Then continue.'];
}

function wasToldToStop({ type }: Incident): boolean {
  return type === 'session-stalled' || type === 'looped';
}

/** How a turn ends that is not gone on with. */
export function outcomeOf(incident: Incident): Outcome {
  switch (incident.type) {
    case 'server-died':
    case 'server-unreachable':
      return 'server-unreachable';
    case 'session-stalled':
      return 'session-stalled';
    case 'owner-gone':
      return 'interrupted';
    case 'model-failed':
    case 'looped':
      return 'error';
    default:
      return assertNever(incident);
  }
}

function reasonOf({ facts, incident }: DecisionInput, unsafe: readonly ToolFact[], end: string[]): string {
  const named = unsafe.slice(0, MAX_NAMED).map((tool) => `“${toolLine(tool)}”`);
  const more = unsafe.length > MAX_NAMED ? ` and ${unsafe.length - MAX_NAMED} more` : '';
  return [
    incidentSentence(incident),
    ...(facts.visible ? ['What was shown is kept.'] : []),
    ...(facts.gaps.length > 0 ? ['A piece of its text was never received.'] : []),
    ...(unsafe.length > 0 ? [`Whether this took effect is not known: ${named.join(', ')}${more}.`] : []),
    ...end.filter((sentence) => sentence !== ''),
  ].join(' ');
}
