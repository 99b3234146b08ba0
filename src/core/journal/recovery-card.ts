/** The card of a recovery: what happened, what is done about it, and, once that is over, one line. */
import { assertNever } from '../errors.ts';
import type { Row } from '../protocol.ts';
import { asksUser, type Incident, type ModelTrouble } from '../recovery/incident.ts';
import { incidentSentence } from '../recovery/wording.ts';
import type { RecordOf } from './record.ts';

type Card = Extract<Row, { kind: 'card' }>;

/** What its records have told of one incident so far. */
export interface Recovery {
  readonly incident: RecordOf<'incident'>;
  /** The last decision: taken again, it takes the place of the one before. */
  readonly decision?: RecordOf<'decision'>;
  /** The last decision that asked, and the evidence that was found for whoever answers. */
  readonly question?: { decision: RecordOf<'decision'>; changes?: RecordOf<'workspace-changes'> };
  /** The answer to it. */
  readonly choice?: RecordOf<'recovery-answered'>['choice'];
  /** Whether its turn ended well; absent while it goes on. */
  readonly recovered?: boolean;
}

/** Row of the decision table: a call that changes something was cut off. */
const EFFECT_UNKNOWN = 6;
const UNKNOWN_EFFECT = 'with unknown effect';

export function recoveryId(record: { turnId: string; attempt: number }): string {
  return `recovery:${record.turnId}:${record.attempt}`;
}

export function decided(recovery: Recovery, decision: RecordOf<'decision'>): Recovery {
  if (!asksUser(decision)) return { ...recovery, decision };
  const { choice: _choice, ...rest } = recovery;
  return { ...rest, decision, question: { decision } };
}

export function withEvidence(recovery: Recovery, changes: RecordOf<'workspace-changes'>): Recovery {
  const { question } = recovery;
  return question === undefined ? recovery : { ...recovery, question: { ...question, changes } };
}

/** @returns undefined when another card says all that this one would: that of the turn's end. */
export function recoveryCard(recovery: Recovery): Card | undefined {
  const { incident, decision, question, choice, recovered } = recovery;
  // Whoever keeps the turn as it is reads so at its end, and so does whoever has no recovery left.
  if (decision?.decision === 'stop' || choice === 'keep' || choice === 'nobody') return undefined;
  const isAsked = decision !== undefined && asksUser(decision) && choice === undefined;
  const isOver =
    recovered !== undefined || decision?.decision === 'follow' || decision?.decision === 'accept';
  return {
    kind: 'card',
    id: recoveryId(incident),
    tone: isAsked && !isOver ? 'warn' : 'info',
    title: titleOf(recovery),
    text: textOf(recovery),
    facts: [...(question === undefined ? knownOf(incident) : evidenceOf(incident, question))],
    ...(incident.error === undefined ? {} : { details: incident.error.detail ?? incident.error.message }),
    ...(isOver
      ? { folded: true, actions: [] }
      : { actions: isAsked ? ['continue', 'keep-as-is', ...waysOut(incident.cause)] : ['show-log'] }),
  };
}

/** A server reads its sign-ins when it starts. */
function waysOut(cause: Incident): Card['actions'] {
  const isSignIn = cause.type === 'model-failed' && cause.trouble === 'sign-in';
  return isSignIn ? ['restart-server', 'show-log'] : ['show-log'];
}

function titleOf({ incident, decision, choice, recovered }: Recovery): string {
  const { cause } = incident;
  if (choice === 'go-on') {
    if (recovered === undefined) return 'Going on with this turn, as you said';
    return recovered ? 'Recovered: gone on with, as you said' : 'Gone on with, as you said';
  }
  if (decision === undefined) return incidentTitle(cause);
  const { decision: way, n, limit } = decision;
  switch (way) {
    case 'ask':
    case 'offer':
      if (recovered !== undefined) return 'Not gone on with';
      return way === 'ask' ? 'Go on with this turn?' : 'Continue this turn?';
    case 'replay':
    case 'resume': {
      const title = `${mendedTitle(cause)}, retrying ${n}/${limit}`;
      return recovered === true ? `Recovered: ${title}` : title;
    }
    case 'follow':
      return `${mendedTitle(cause)}; the turn went on by itself`;
    case 'accept':
      return `${incidentTitle(cause)}; the answer was complete`;
    case 'stop':
      return incidentTitle(cause);
    default:
      return assertNever(way);
  }
}

function textOf({ incident, decision, question, choice }: Recovery): string {
  if (question !== undefined && (decision === question.decision || choice === undefined)) {
    const { rule, reason, tools = [] } = question.decision;
    // The reason names the calls; here they stand below it.
    return rule === EFFECT_UNKNOWN && tools.length > 0 ? effectUnknown(reason, tools.length) : reason;
  }
  if (decision?.decision === 'replay' || decision?.decision === 'resume') return decision.reason;
  return `${incidentSentence(incident.cause)} ${incident.facts.visible ? 'What was shown is kept.' : ''}`.trim();
}

function effectUnknown(reason: string, count: number): string {
  const [happened = ''] = reason.split(/(?<=\.) /, 1);
  const which = count === 1 ? 'this ran, and whether it' : 'these ran, and whether they';
  return `${happened.replace(/\.$/, '')} while ${which} took effect is not known. If you continue, the agent is told to look at that first.`;
}

function evidenceOf(
  incident: RecordOf<'incident'>,
  { decision: { tools = [] }, changes }: NonNullable<Recovery['question']>,
): Card['facts'] {
  return [
    ...tools.map((tool) => ({ label: 'not known', value: `\`${tool}\`` })),
    // Of calls that are named their number says nothing.
    ...knownOf(incident).filter(({ value }) => value !== count(tools.length, UNKNOWN_EFFECT)),
    ...(changes === undefined ? [] : [{ label: 'changed meanwhile', value: changesText(changes) }]),
  ];
}

/** `src/a.ts, src/b.ts and 3 more`; `no file` where nothing changed. */
export function changesText({ files, more }: RecordOf<'workspace-changes'>): string {
  if (files.length === 0) return 'no file';
  return `${files.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What the title of a failure becomes once its cause is mended. */
function mendedTitle(cause: Incident): string {
  switch (cause.type) {
    case 'server-died':
      return 'Server restarted';
    case 'server-unreachable':
      return 'Connected again';
    case 'owner-gone':
    case 'session-stalled':
    case 'model-failed':
    case 'looped':
      return incidentTitle(cause);
    default:
      return assertNever(cause);
  }
}

function incidentTitle(cause: Incident): string {
  switch (cause.type) {
    case 'server-died':
      return cause.expected === true ? 'Server restarting' : 'Server died';
    case 'owner-gone':
      return 'Left unfinished';
    case 'server-unreachable':
      return 'Server unreachable';
    case 'session-stalled':
      return cause.clock === 'tool' ? 'Tool silent' : 'Model silent';
    case 'model-failed':
      return TROUBLE_TITLES[cause.trouble];
    case 'looped':
      return cause.loop === 'forgotten-call' ? 'Stopped before a repeat' : 'Going in circles';
    default:
      return assertNever(cause);
  }
}

const TROUBLE_TITLES: Readonly<Record<ModelTrouble, string>> = {
  'sign-in': 'Sign-in refused',
  quota: 'Quota used up',
  'not-found': 'Model not found',
  refused: 'Request refused',
  'too-long': 'Conversation too long',
  'rate-limit': 'Rate limited',
  provider: 'Model’s provider failing',
  connection: 'Model’s provider unreachable',
  other: 'Model call failed',
};

/** Numbers of what is known, without the zeros. */
function knownOf({ facts: { tools, gaps, subAgents, asks } }: RecordOf<'incident'>): Card['facts'] {
  const calls = [
    count(tools.finished, 'finished'),
    count(tools.failed, 'failed'),
    count(tools['not-started'], 'not started'),
    count(tools.unknown, UNKNOWN_EFFECT),
  ].filter((text) => text !== '');
  return [
    ...(calls.length > 0 ? [{ label: 'tool calls', value: calls.join(', ') }] : []),
    ...(subAgents > 0 ? [{ label: 'sub-agents', value: `${subAgents} cut off` }] : []),
    ...(asks > 0 ? [{ label: 'open requests', value: String(asks) }] : []),
    ...(gaps > 0 ? [{ label: 'gaps', value: `${gaps} in its text` }] : []),
  ];
}

function count(number: number, what: string): string {
  return number === 0 ? '' : `${number} ${what}`;
}
