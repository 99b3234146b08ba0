/** From what a drill has seen of a fault to a verdict on each promise. Pure; nothing is taken for granted. */
import { assertNever } from '../errors.ts';
import type { Row } from '../protocol.ts';
import { type Evidence, type Seen, seenIn, textsOf } from './evidence.ts';
import { type Due, faultOf } from './faults.ts';

/** The six promises, in their order. */
export const PROMISES = [
  'A turn always ends',
  'Nothing is lost',
  'No side effect is repeated',
  'A healthy server is never killed',
  'No process outlives its purpose',
  'Recovery is quiet when it works and plain when it does not',
] as const;
/** 1 to 6 */
export type PromiseNumber = 1 | 2 | 3 | 4 | 5 | 6;

const ALL: readonly PromiseNumber[] = [1, 2, 3, 4, 5, 6];
const MISSED = 'not shown, since the fault did not strike';

export interface Verdict {
  promise: PromiseNumber;
  held: boolean;
  /** What was seen instead of what was promised, without full stops. Empty when it held. */
  broken: string[];
  /** What was seen of it, in a few words. */
  seen: string;
}

/** The verdicts on all promises, in their order. A fault that did not strike has shown nothing. */
export function judge(evidence: Evidence): Verdict[] {
  if (evidence.strike.type === 'missed') return ALL.map((promise) => verdict(promise, [MISSED], ''));
  const seen = seenIn(evidence.records);
  return [
    ends(evidence, seen),
    keepsAll(evidence, seen),
    repeatsNothing(evidence, seen),
    sparesHealthy(evidence),
    leavesNothing(evidence),
    staysQuiet(evidence, seen),
  ];
}

function ends({ tookMs, limitMs }: Evidence, { ends, outcome }: Seen): Verdict {
  const broken: string[] = [];
  if (tookMs === undefined) broken.push(`the turn had not ended after ${limitMs / 1000} s`);
  else if (ends !== 1) broken.push(`the end of the turn stands in the journal ${often(ends)}`);
  const seen = `ended ${outcome ?? 'never'}${tookMs === undefined ? '' : ` after ${seconds(tookMs)}`}`;
  return verdict(1, broken, seen);
}

function keepsAll(evidence: Evidence, { rows, outcome }: Seen): Verdict {
  const { prompt, shown, answer, unreadable, records } = evidence;
  const broken = [...unreadable];
  const gap = records.findIndex(({ seq }, index) => seq !== index + 1);
  if (gap >= 0) broken.push(`record ${gap + 1} is missing in the journal`);
  if (!rows.some((row) => row.kind === 'you' && row.text === prompt))
    broken.push('the prompt is not in the journal');
  const texts = textsOf(rows);
  for (const { id, text } of shown) {
    const now = texts.find((one) => one.id === id)?.text;
    if (now?.startsWith(text.trimEnd()) !== true) broken.push(`“${text}” was shown and is gone`);
  }
  const said = words(texts.map(({ text }) => text).join(' '));
  if (outcome === 'ok' && said !== words(answer))
    broken.push(`the answer is “${said}” and not the whole one`);
  const kept = outcome === 'ok' ? 'the whole answer' : 'what was shown';
  return verdict(2, broken, `${kept} in ${records.length} records`);
}

function repeatsNothing({ ledger, line, records }: Evidence, { prompts, outcome }: Seen): Verdict {
  const broken: string[] = [];
  const times = ledger.filter((one) => one === line).length;
  if (times > 1) broken.push(`the command ran ${times} times`);
  if (times === 0 && outcome === 'ok') broken.push('the command did not run');
  if (ledger.length > times) broken.push('the file holds lines that nobody wanted');
  if (prompts !== 1) broken.push(`the engine has the prompt ${prompts} times`);
  if (goesOnUnasked(records)) broken.push('it went on without asking although a command may have run');
  return verdict(3, broken, `the command ran ${often(times)}, the engine has the prompt ${often(prompts)}`);
}

/** Whether something was sent again while the fate of a call that changes something was not known, and nobody agreed. */
function goesOnUnasked(records: Evidence['records']): boolean {
  let isDoubtful = false;
  for (const record of records) {
    if (record.kind === 'incident') isDoubtful = record.facts.tools.unsafe > 0;
    if (record.kind === 'recovery-answered' && record.choice === 'go-on') isDoubtful = false;
    if (record.kind === 'attempt-started' && isDoubtful) return true;
  }
  return false;
}

function sparesHealthy({ serverEnds, kills, restarts, fault }: Evidence): Verdict {
  const broken: string[] = [];
  if (serverEnds > kills)
    broken.push(`${serversText(serverEnds)} ended, and the drill killed ${kills === 0 ? 'none' : kills}`);
  if (faultOf(fault).due === 'unnoticed' && restarts.used > 0)
    broken.push(`a healthy server was restarted ${often(restarts.used)}`);
  const seen =
    serverEnds === 0
      ? 'the server lived throughout'
      : `${serversText(serverEnds)} ended, ${kills} killed by the drill`;
  return verdict(4, broken, seen);
}

function leavesNothing({ left, processes }: Evidence): Verdict {
  const broken = left.map((one) => `still there: ${one}`);
  if (processes === 0) broken.push('no process was seen at all');
  return verdict(5, broken, `${processes} processes, ${left.length} left`);
}

function staysQuiet({ fault }: Evidence, seen: Seen): Verdict {
  const { due } = faultOf(fault);
  const cards = seen.rows.filter((row) => row.kind === 'card');
  const open = cards.filter((card) => card.folded !== true);
  const told = `${cards.length === 1 ? '1 card' : `${cards.length} cards`}, ${open.length} open`;
  const asked = seen.asks === 0 ? '' : `, asked ${often(seen.asks)}`;
  return verdict(6, [...noise(due, seen, open), ...wrongEnd(due, seen)], `${told}${asked}`);
}

function noise(due: Due, { incidents, asks, attempts }: Seen, open: readonly Row[]): string[] {
  switch (due) {
    case 'unnoticed':
      return [
        ...(incidents > 0 ? [`${incidents} failed attempts, where none was due`] : []),
        ...(attempts > 1 ? [`${attempts} attempts, where one was due`] : []),
        ...(asks > 0 ? ['the user was asked without need'] : []),
        ...stillOpen(open),
      ];
    case 'healed':
      return [...(asks > 0 ? ['the user was asked without need'] : []), ...stillOpen(open)];
    case 'asked':
      return [
        ...(asks === 1 ? [] : [`the user was asked ${often(asks)}, where once was due`]),
        ...stillOpen(open),
      ];
    case 'given-up':
      return open.length === 1 ? [] : [`the failure is told ${often(open.length)}, where once is due`];
    default:
      return assertNever(due);
  }
}

function stillOpen(open: readonly Row[]): string[] {
  return open.flatMap((row) => (row.kind === 'card' ? [`a card is still open: “${row.title}”`] : []));
}

function wrongEnd(due: Due, { outcome, message, incidents }: Seen): string[] {
  if (due === 'given-up') {
    if (outcome === 'ok') return ['a success was reported out of a spent budget'];
    return message === '' ? ['the failure says no word of its cause'] : [];
  }
  if (outcome !== 'ok') return [`it did not recover: ${message || `ended ${outcome ?? 'never'}`}`];
  return due !== 'unnoticed' && incidents === 0 ? ['the fault left no trace in the journal'] : [];
}

function verdict(promise: PromiseNumber, broken: string[], seen: string): Verdict {
  return { promise, held: broken.length === 0, broken, seen };
}

function serversText(count: number): string {
  return count === 1 ? '1 server' : `${count} servers`;
}

function often(times: number): string {
  return times === 1 ? 'once' : `${times} times`;
}

function words(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
