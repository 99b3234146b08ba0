/** What a campaign on the fake engine has found, for people. Pure. */
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { JournalRecord } from '../../../src/core/journal/record.ts';
import { layOut } from '../lay-out.ts';
import type { Played } from './play.ts';

const COLUMNS = ['what went wrong', 'decided', 'points', 'struck', 'ok', 'other outcomes', 'broken'];

/** A row for each kind of fault and way of deciding, and their sum. */
export function table(played: readonly Played[]): string {
  const kinds = [...new Set(played.map(({ point }) => point.kind))];
  const rows = kinds.flatMap((kind) => {
    const ofKind = played.filter(({ point }) => point.kind === kind);
    const ways = [...new Set(ofKind.map(wayOf))].sort();
    return ways.map((way) =>
      row(
        kind,
        way,
        ofKind.filter((one) => wayOf(one) === way),
      ),
    );
  });
  return layOut([COLUMNS, ...rows, row('all', '', played)]);
}

function wayOf({ decisions }: Played): string {
  return decisions.length === 0 ? '—' : [...new Set(decisions)].join(', ');
}

function row(kind: string, way: string, played: readonly Played[]): string[] {
  const outcomes = played.map((one) => one.outcomes[0] ?? 'not begun');
  const others = [...new Set(outcomes.filter((outcome) => outcome !== 'ok'))].sort();
  return [
    kind,
    way,
    String(played.length),
    String(played.filter(({ isStruck }) => isStruck).length),
    String(outcomes.filter((outcome) => outcome === 'ok').length),
    others.map((other) => `${outcomes.filter((outcome) => outcome === other).length} ${other}`).join(', '),
    String(played.filter(({ broken }) => broken.length > 0).length),
  ];
}

/** A point that went wrong, and how to see it again. */
export function report({ point, broken }: Played, seed: number): string {
  const again = `--seed ${seed} --point ${point.number}`;
  return [`${point.number} (${point.kind}): ${again}`, ...broken.map((one) => `  BROKEN ${one}`)].join('\n');
}

/** Everything about one point. */
export function wholeStory({ point, journal, events, outcomes, decisions }: Played): string {
  return [
    JSON.stringify(point, undefined, 1),
    ...events,
    ...journal.map(line),
    `outcomes: ${outcomes.join(', ')}; decisions: ${decisions.join(', ')}`,
  ].join('\n');
}

function line({ seq, at, ...body }: JournalRecord): string {
  const when = `${seq} +${((at - Date.UTC(2026, 0, 1)) / 1000).toFixed(3)}`;
  return body.kind === 'event' ? `${when}   ${eventText(body.event)}` : `${when} ${JSON.stringify(body)}`;
}

/** Short enough that a turn can be read at a glance. */
function eventText(event: EngineEvent): string {
  const where = `${event.type} ${event.sessionId ?? ''}`;
  switch (event.type) {
    case 'message': {
      const { id, role, parentId, finish, completedAt, error } = event.message;
      return [where, id, role, parentId, finish, completedAt && 'completed', error?.name].join(' ');
    }
    case 'part': {
      const { part, messageId } = event;
      if (part.type === 'tool')
        return `${where} ${messageId} ${part.id} ${part.tool} ${part.status} ${part.summary} ${part.error ?? part.output ?? ''}`;
      return `${where} ${messageId} ${part.id} “${part.text}” ${part.endedAt === undefined ? '…' : ''}`;
    }
    case 'delta':
      return `${where} ${event.partId} +“${event.text}”`;
    case 'status':
      return `${where} ${event.status.type}`;
    default:
      return `${where} ${JSON.stringify(event)}`;
  }
}
