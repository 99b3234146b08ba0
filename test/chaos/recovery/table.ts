/** What a campaign has found, for people. Pure. */
import { layOut } from '../lay-out.ts';
import type { Played } from './play.ts';

/** One line about one point, and one for each broken promise. */
export function line({ point, outcome, decisions, readyMs, settledMs, broken }: Played): string {
  const how = decisions.length === 0 ? 'not struck' : decisions.join(', ');
  const head = `${point.number}: killed after ${point.after.join(' and ')}: ${how}: ${outcome}, ready in ${readyMs} ms, settled ${settledMs} ms later`;
  return [head, ...broken.map((one) => `  BROKEN ${one}`)].join('\n');
}

const COLUMNS = [
  'decided',
  'points',
  'ok',
  'kills',
  'ready (median)',
  'settled after (median)',
  'worst',
  'broken',
];

/** A row for each way of deciding, and their sum. */
export function table(played: readonly Played[]): string {
  const wayOf = ({ decisions }: Played): string =>
    decisions.length === 0 ? 'not struck' : decisions.join(', ');
  const ways = [...new Set(played.map(wayOf))].sort();
  const rows = ways.map((way) =>
    row(
      way,
      played.filter((one) => wayOf(one) === way),
    ),
  );
  return layOut([COLUMNS, ...rows, row('all', played)]);
}

function row(way: string, played: readonly Played[]): string[] {
  const struck = played.filter(({ kills }) => kills > 0);
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const settled = struck.map(({ settledMs }) => settledMs);
  return [
    way,
    String(played.length),
    String(played.filter(({ outcome }) => outcome === 'ok').length),
    String(played.reduce((sum, { kills }) => sum + kills, 0)),
    seconds(median(struck.map(({ readyMs }) => readyMs))),
    seconds(median(settled)),
    seconds(Math.max(0, ...settled)),
    String(played.filter(({ broken }) => broken.length > 0).length),
  ];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
