import type { Header, Row } from '../src/core/protocol.ts';
import { plainText } from './markdown.ts';
import { count } from './time.ts';

/** Longest text read out at once, UTF-16 units; the rest can be read in place. */
const MAX_SPOKEN = 400;

/** What a screen reader says when `before` becomes `after`: finished messages, asks and errors, never tokens. */
export function announcementsFor(before: Row | undefined, after: Row): string[] {
  switch (after.kind) {
    case 'text': {
      const wasDone = before?.kind === 'text' && before.done;
      return after.done && !wasDone && after.text !== ''
        ? [shorten(plainText(after.text.slice(0, MAX_SPOKEN * 2)))]
        : [];
    }
    case 'permission':
      return before === undefined && after.state === 'open'
        ? [shorten(`Permission needed: ${after.permission} ${after.patterns.join(', ')}`)]
        : [];
    case 'question':
      return before === undefined && after.state === 'open'
        ? [shorten(`Question: ${after.questions.map((each) => each.question).join(' ')}`)]
        : [];
    case 'card':
      return cardAnnouncements(before, after);
    case 'notice':
      return before === undefined && after.tone !== 'quiet' ? [shorten(after.text)] : [];
    case 'findings':
      return before === undefined
        ? [`Review result: ${count(after.findings.length, 'finding')}. ${after.coverage}`]
        : [];
    case 'you':
    case 'thinking':
    case 'tool':
      return [];
  }
}

/** A card changes as what it tells of goes on: each new title is heard, the folding of what is over is not. */
function cardAnnouncements(before: Row | undefined, after: Extract<Row, { kind: 'card' }>): string[] {
  const isKnown = before?.kind === 'card' && (before.title === after.title || after.folded === true);
  if (isKnown) return [];
  const words = isAsking(after)
    ? ['Needs you:', after.title, after.text, ...after.facts.map(({ label, value }) => `${label}: ${value}.`)]
    : [`${after.title}.`, after.text];
  return [shorten(words.join(' ').replaceAll('`', ''))];
}

/** Whether a card waits for the user's decision. */
export function isAsking(card: Extract<Row, { kind: 'card' }>): boolean {
  return card.actions.includes('keep-as-is');
}

export function announceHeader(before: Header, after: Header): string[] {
  const ended =
    after.outcome === undefined || after.outcome === before.outcome
      ? []
      : [`${after.title}: ${outcomeWord(after.outcome)}`];
  return [...ended, ...announceQueue(before.queue, after.queue)];
}

/** That a prompt is queued, and that none of them is sent any more; not that they are, since the turn tells that. */
function announceQueue(before: Header['queue'], after: Header['queue']): string[] {
  const { items, paused } = after;
  const waiting = items.length === 1 ? '' : `, ${items.length} wait`;
  const isNew = items.at(-1) !== undefined && !before.items.some(({ id }) => id === items.at(-1)?.id);
  return [
    ...(isNew ? [`Queued${waiting}${paused === undefined ? '' : '; the queue is paused'}`] : []),
    ...(paused !== undefined && before.paused === undefined && !isNew ? [`Queue paused: ${paused}`] : []),
  ];
}

/** How a run ended, in a word or two for a badge. */
export function outcomeWord(outcome: NonNullable<Header['outcome']>): string {
  switch (outcome) {
    case 'ok':
      return 'Done';
    case 'error':
      return 'Failed';
    case 'incomplete':
      return 'Incomplete';
    case 'server-unreachable':
      return 'Server gone';
    case 'session-stalled':
      return 'Stalled';
    case 'interrupted':
      return 'Stopped';
  }
}

function shorten(text: string): string {
  return text.length <= MAX_SPOKEN ? text : `${text.slice(0, MAX_SPOKEN)}…`;
}
