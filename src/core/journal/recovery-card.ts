/** The card of a recovery: what happened, what is done about it, and, once that is over, one line. */
import { assertNever } from '../errors.ts';
import type { Row } from '../protocol.ts';
import type { Incident } from '../recovery/incident.ts';
import { incidentSentence } from '../recovery/wording.ts';
import type { RecordOf } from './record.ts';

type Card = Extract<Row, { kind: 'card' }>;

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

/** The same card once it is decided what becomes of the turn. */
export function decidedCard(card: Card, record: RecordOf<'decision'>): Card {
  const { decision, reason, n, limit, tools = [] } = record;
  switch (decision) {
    case 'replay':
    case 'resume':
      return {
        ...card,
        tone: 'info',
        title: `${card.title}, retrying ${n}/${limit}`,
        text: reason,
        actions: ['show-log'],
      };
    case 'follow':
      return folded({ ...card, title: `${card.title}; the turn went on by itself` });
    case 'accept':
      return folded({ ...card, title: `${card.title}; the answer was complete` });
    case 'ask':
    case 'offer':
      return {
        ...card,
        tone: 'warn',
        title: decision === 'ask' ? 'Go on with this turn?' : 'Continue this turn?',
        text: reason,
        facts: [...tools.map((tool) => ({ label: 'not known', value: `\`${tool}\`` })), ...card.facts],
        actions: ['continue', 'keep-as-is', 'show-log'],
      };
    case 'stop':
      return folded(card);
    default:
      return assertNever(decision);
  }
}

/** The user has answered it. */
export function answeredCard(card: Card, { choice }: RecordOf<'recovery-answered'>): Card {
  if (choice !== 'go-on') return folded({ ...card, tone: 'info', title: 'Kept as it is' });
  return { ...card, tone: 'info', title: 'Going on with this turn, as you said', actions: ['show-log'] };
}

/** What is left of the card when its turn is over. */
export function endedCard(card: Card, isRecovered: boolean): Card {
  if (card.folded === true) return card;
  return folded({ ...card, tone: 'info', title: isRecovered ? `Recovered: ${card.title}` : card.title });
}

function folded(card: Card): Card {
  return { ...card, folded: true, actions: [] };
}

function incidentTitle(cause: Incident): string {
  switch (cause.type) {
    case 'server-died':
      return 'Server restarted';
    case 'owner-gone':
      return 'Left unfinished';
    case 'server-unreachable':
      return 'Connected again';
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
    count(tools.unknown, 'with unknown effect'),
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
