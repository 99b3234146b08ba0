/** The card of a recovery: what happened, what is done about it, and, once that is over, one line. */
import { assertNever } from '../errors.ts';
import type { Row } from '../protocol.ts';
import type { Incident } from '../recovery/incident.ts';
import { incidentSentence } from '../recovery/wording.ts';
import type { RecordOf } from './record.ts';

type Card = Extract<Row, { kind: 'card' }>;

const AGREED = 'Going on with this turn, as you said';
/** Row of the decision table: a call that changes something was cut off. */
const EFFECT_UNKNOWN = 6;
const NOT_KNOWN = 'not known';
const UNKNOWN_EFFECT = 'with unknown effect';
const MENDED: ReadonlyMap<string, string> = new Map([
  ['Server died', 'Server restarted'],
  ['Server unreachable', 'Connected again'],
]);

export function recoveryId(record: { turnId: string; attempt: number }): string {
  return `recovery:${record.turnId}:${record.attempt}`;
}

/** An attempt failed, and nothing is decided yet. */
export function incidentCard(record: RecordOf<'incident'>): Card {
  return {
    kind: 'card',
    id: recoveryId(record),
    tone: 'info',
    title: incidentTitle(record.cause),
    text: `${incidentSentence(record.cause)} ${kept(record)}`.trim(),
    facts: factsOf(record),
    actions: ['show-log'],
  };
}

function kept({ facts }: RecordOf<'incident'>): string {
  return facts.visible ? 'What was shown is kept.' : '';
}

/**
 * The same card once it is decided what becomes of the turn. Taken again, a decision takes the place of the one before.
 * @returns undefined when the card that ends the turn says all that this one would.
 */
export function decidedCard(card: Card, record: RecordOf<'decision'>): Card | undefined {
  const { decision, n, limit } = record;
  switch (decision) {
    case 'replay':
    case 'resume':
      return {
        ...card,
        tone: 'info',
        title: card.title === AGREED ? AGREED : `${mended(card)}, retrying ${n}/${limit}`,
        text: record.reason,
        actions: ['show-log'],
      };
    case 'follow':
      return folded({ ...card, title: `${mended(card)}; the turn went on by itself` });
    case 'accept':
      return folded({ ...card, title: `${card.title}; the answer was complete` });
    case 'ask':
    case 'offer':
      return askingCard(card, record);
    case 'stop':
      return undefined;
    default:
      return assertNever(decision);
  }
}

function askingCard(card: Card, { decision, rule, reason, tools = [] }: RecordOf<'decision'>): Card {
  // Of calls that are named their number says nothing.
  const known = card.facts.filter(
    ({ label, value }) => label !== NOT_KNOWN && value !== count(tools.length, UNKNOWN_EFFECT),
  );
  return {
    ...card,
    tone: 'warn',
    title: decision === 'ask' ? 'Go on with this turn?' : 'Continue this turn?',
    // The reason names the calls; here they stand below it.
    text: rule === EFFECT_UNKNOWN && tools.length > 0 ? effectUnknown(reason, tools.length) : reason,
    facts: [...tools.map((tool) => ({ label: NOT_KNOWN, value: `\`${tool}\`` })), ...known],
    actions: ['continue', 'keep-as-is', 'show-log'],
  };
}

function effectUnknown(reason: string, count: number): string {
  const [happened = ''] = reason.split(/(?<=\.) /, 1);
  const which = count === 1 ? 'this ran, and whether it' : 'these ran, and whether they';
  return `${happened.replace(/\.$/, '')} while ${which} took effect is not known. If you continue, the agent is told to look at that first.`;
}

/** With the evidence for whoever is asked. */
export function evidentCard(card: Card, record: RecordOf<'workspace-changes'>): Card {
  return { ...card, facts: [...card.facts, { label: 'changed meanwhile', value: changesText(record) }] };
}

/** `src/a.ts, src/b.ts and 3 more`; `no file` where nothing changed. */
export function changesText({ files, more }: RecordOf<'workspace-changes'>): string {
  if (files.length === 0) return 'no file';
  return `${files.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** It was answered. @returns undefined when that ends the turn, whose own card says so. */
export function answeredCard(card: Card, { choice }: RecordOf<'recovery-answered'>): Card | undefined {
  if (choice !== 'go-on') return undefined;
  return { ...card, tone: 'info', title: AGREED, actions: ['show-log'] };
}

/** What is left of the card when its turn is over. */
export function endedCard(card: Card, isRecovered: boolean): Card {
  if (card.folded === true) return card;
  return folded({ ...card, tone: 'info', title: endedTitle(card, isRecovered) });
}

function endedTitle({ title, actions }: Card, isRecovered: boolean): string {
  if (actions.includes('continue')) return 'Not gone on with';
  if (title === AGREED)
    return isRecovered ? 'Recovered: gone on with, as you said' : 'Gone on with, as you said';
  return isRecovered ? `Recovered: ${title}` : title;
}

function folded(card: Card): Card {
  return { ...card, folded: true, actions: [] };
}

/** What the title of a failure becomes once its cause is mended. */
function mended({ title }: Card): string {
  const [head = title] = title.split(', retrying ', 1);
  return MENDED.get(head) ?? head;
}

function incidentTitle(cause: Incident): string {
  switch (cause.type) {
    case 'server-died':
      return 'Server died';
    case 'owner-gone':
      return 'Left unfinished';
    case 'server-unreachable':
      return 'Server unreachable';
    case 'session-stalled':
      return cause.clock === 'tool' ? 'Tool silent' : 'Model silent';
    case 'model-failed':
      return 'Model call failed';
    default:
      return assertNever(cause);
  }
}

/** Numbers of what is known, without the zeros. */
function factsOf({ facts: { tools, gaps, subAgents, asks } }: RecordOf<'incident'>): Card['facts'] {
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
