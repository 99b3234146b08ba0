/** What a campaign has found, for people. Pure. */
import { layOut } from './lay-out.ts';
import type { Played } from './play.ts';

/** One line about one point: what it was, how it ended, and what was broken. */
export function line({ point, outcome, secondsToGone, broken }: Played): string {
  const { kind, blow, after } = point;
  const back =
    blow.type === 'kill' && !point.mustEndWell ? (blow.returns ? ', one comes back' : ', nobody comes') : '';
  const head = `${kind}${back}, after ${after}: ${outcome}, gone in ${secondsToGone.toFixed(1)} s`;
  return [head, ...broken.map((one) => `  BROKEN ${one}`)].join('\n');
}

const COLUMNS = [
  'kind of point',
  'points',
  'ok',
  'settled otherwise',
  'orphans',
  'left to the next',
  'strangers killed',
  'still running',
  'duplicates',
  'worst time to gone',
  'broken',
];

/** A row for each kind of point, and their sum. */
export function table(played: readonly Played[]): string {
  const kinds = [...new Set(played.map(({ point }) => point.kind))];
  const rows = kinds.map((kind) =>
    row(
      kind,
      played.filter(({ point }) => point.kind === kind),
    ),
  );
  return layOut([COLUMNS, ...rows, row('all', played)]);
}

function row(kind: string, played: readonly Played[]): string[] {
  const sum = (count: (one: Played) => number): string =>
    String(played.reduce((total, one) => total + count(one), 0));
  const others = [...new Set(played.map(({ outcome }) => outcome))]
    .filter((outcome) => outcome !== 'ok')
    .sort();
  const worst = Math.max(...played.map(({ secondsToGone }) => secondsToGone));
  return [
    kind,
    String(played.length),
    sum(({ outcome }) => Number(outcome === 'ok')),
    others
      .map((outcome) => `${played.filter((one) => one.outcome === outcome).length} ${outcome}`)
      .join(', ') || '0',
    sum(({ orphans }) => orphans),
    sum(({ leftToNext }) => leftToNext),
    sum(({ strangersKilled }) => strangersKilled),
    sum(({ stillRunning }) => stillRunning),
    sum(({ duplicates }) => duplicates),
    `${worst.toFixed(1)} s`,
    sum(({ broken }) => Number(broken.length > 0)),
  ];
}
