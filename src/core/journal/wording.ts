/** The words in which a run's ends and checks are shown. */
import { assertNever } from '../errors.ts';
import type { Row } from '../protocol.ts';
import { incidentSentence, parkedSentence } from '../recovery/wording.ts';
import { type Outcome, outcomeTitle } from '../outcome.ts';
import type { RecordOf } from './record.ts';
import { canContinue, type RunState } from './state.ts';

type Card = Extract<Row, { kind: 'card' }>;

/** The card that says why a turn or a run did not end well, what is kept, and what can be done. */
export function endCard(
  id: string,
  record: RecordOf<'turn-settled'> | RecordOf<'run-ended'>,
  state: RunState,
): Card {
  const { outcome } = record;
  const cause = record.kind === 'run-ended' ? record.errorKind : undefined;
  const exit = outcome === 'server-unreachable' ? state.server.exit : undefined;
  const detail = exit?.stderrTail || (record.kind === 'turn-settled' ? record.error?.detail : undefined);
  return {
    kind: 'card',
    id,
    tone: outcome === 'interrupted' ? 'info' : outcome === 'incomplete' ? 'warn' : 'error',
    title: outcomeTitle(outcome),
    text: record.message ?? '',
    facts: [],
    ...(detail === undefined || detail === '' ? {} : { details: detail }),
    actions: [...(canContinue(state) ? (['continue'] as const) : []), ...waysOut(outcome, cause)],
  };
}

function waysOut(outcome: Outcome, cause: string | undefined): Card['actions'] {
  if (outcome === 'server-unreachable') return ['restart-server', 'show-log'];
  if (outcome === 'interrupted') return [];
  if (cause === 'engine-missing' || cause === 'model-missing') return ['open-settings', 'show-log'];
  return ['show-log'];
}

export function gateNotice(record: RecordOf<'gate'>): Row {
  const first = record.problems[0] ?? 'it did not fit the form';
  const more = record.problems.length > 1 ? ` (and ${record.problems.length - 1} more)` : '';
  return {
    kind: 'notice',
    id: `gate:${record.seq}`,
    text: `The answer was not usable: ${first}${more}`,
    tone: 'warn',
  };
}

export function leftoversId(generation: number): string {
  return `leftovers:${generation}`;
}

/** What the agent's tools left running when their server died. Side effects go on in there, so a person has to know. */
export function leftoversCard({ generation, processes, at }: RecordOf<'leftovers'>): Card {
  const one = processes.length === 1;
  return {
    kind: 'card',
    id: leftoversId(generation),
    tone: 'warn',
    title: one ? 'A process of the agent still runs' : `${processes.length} processes of the agent still run`,
    text: `The server that started ${one ? 'it' : 'them'} is gone. ${one ? 'It is' : 'They are'} ended when the grace is over, or now if you say so.`,
    facts: processes.map(({ command, startedAt }) => ({
      label: `since ${Math.max(0, Math.round((at - startedAt) / 1000))} s`,
      value: command,
    })),
    actions: ['end-leftovers', 'show-log'],
  };
}

/** The same card once they were ended. */
export function endedLeftovers(card: Card): Card {
  return {
    ...card,
    tone: 'info',
    title: 'Processes that the agent had left behind were ended',
    text: '',
    folded: true,
    actions: [],
  };
}

/** What is done about a silence, for the notice, the transcript and the command line. */
export function stallText({ rung, clock, silentMs }: RecordOf<'stall'>): string {
  switch (rung) {
    case 'status': {
      const what = incidentSentence({ type: 'session-stalled', clock, silentMs }).replace(/\.$/, '');
      return `${what}; asking the server how the session stands`;
    }
    case 'abort':
      return 'There is no other sign of life, so the turn is being stopped';
    case 'restart':
      return 'The turn could not be stopped, so the server is restarted';
    default:
      return assertNever(rung);
  }
}

export function stallNotice(record: RecordOf<'stall'>): Row {
  return { kind: 'notice', id: `stall:${record.seq}`, text: stallText(record), tone: 'quiet' };
}

export function parkedNotice({ turnId, until, at }: RecordOf<'parked'>): Row {
  return { kind: 'notice', id: `parked:${turnId}`, text: parkedSentence(until, at), tone: 'warn' };
}

export function notMendedNotice({ seq, problem }: RecordOf<'session-mended'>): Row {
  const text = `The session could not be put in order: ${problem ?? ''}`;
  return { kind: 'notice', id: `mended:${seq}`, text, tone: 'quiet' };
}

export function ownerNotice(record: RecordOf<'owner'>): Row {
  return {
    kind: 'notice',
    id: `owner:${record.seq}`,
    text:
      record.reason === 'take-over'
        ? 'Taken over in this window; what was missed was read from the server'
        : 'The window came back; what was missed was read from the server',
    tone: 'quiet',
  };
}
