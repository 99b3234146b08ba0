/** What was promised and not kept at a point, a sentence each. Pure. */
import { Recomputation } from '../../../src/cli/recompute.ts';
import type { JournalRecord, RecordOf } from '../../../src/core/journal/record.ts';
import { newRunState, stepRun } from '../../../src/core/journal/state.ts';
import { RunViewFold } from '../../../src/core/journal/view.ts';
import type { Row } from '../../../src/core/protocol.ts';
import { RESTART_WINDOW_MS } from '../../../src/core/server/budget.ts';
import type { Call, Plan } from './model.ts';
import type { Point } from './plan.ts';
import type { StoredSession, StoredText } from './store.ts';

/** From the moment that the engine could tell how the turn stands, ms. */
const SETTLED_WITHIN_MS = 20_000;
/** As the settings have it. */
const RESTARTS = 3;

export interface Start {
  at: number;
  /** The user and a success give all restarts back: a prompt or a window of the user's is no restart by itself. */
  by: 'holdfast' | 'user' | 'success';
}

export interface Account {
  point: Point;
  records: readonly JournalRecord[];
  /** The view as it stood at the end. */
  rows: readonly Row[];
  /** Every text that was ever shown, by row. */
  shown: ReadonlyMap<string, readonly string[]>;
  sessions: readonly StoredSession[];
  ledger: readonly string[];
  prompts: readonly string[];
  starts: readonly Start[];
  /** How long after the engine could have told each turn was settled. */
  late: { turnId: string; ms: number }[];
  timers: number;
  processes: number;
  commands: number;
  /** What was found while it was played. */
  problems: readonly string[];
}

export function judge(account: Account): string[] {
  const { records, late, timers, processes, commands, problems } = account;
  const { rows: folded, differences } = fold(records);
  return [
    ...problems,
    ...late.flatMap(({ turnId, ms }) =>
      ms > SETTLED_WITHIN_MS ? [`${turnId} was settled ${ms} ms after the engine was able to answer`] : [],
    ),
    ...settledOnce(records),
    ...doubled(account),
    ...undone(account),
    ...promptsLost(account),
    ...textLost(account, folded),
    ...otherThanStored(account),
    ...otherView(account.rows, folded),
    ...beyondBudget(account),
    ...outOfNothing(records),
    ...differences.map((one) => `replayed differently: ${one}`),
    ...(timers > 0 ? [`${timers} timers are armed after the end`] : []),
    ...(processes > 0 ? [`${processes} servers outlived everything`] : []),
    ...(commands > 0 ? [`${commands} commands outlived everything`] : []),
  ];
}

/** The same records through the same fold. */
function fold(records: readonly JournalRecord[]): { rows: Row[]; differences: string[] } {
  const state = newRunState();
  const view = new RunViewFold(state, { stallLimitMs: 0 });
  const recomputation = new Recomputation();
  for (const record of records) {
    recomputation.take(record, stepRun(state, record), state);
    view.apply(record);
  }
  recomputation.finish(true);
  return { rows: view.snapshot().rows, differences: recomputation.differences };
}

function settledOnce(records: readonly JournalRecord[]): string[] {
  const drafted = records.flatMap((record) => (record.kind === 'turn-drafted' ? [record.turnId] : []));
  return drafted.flatMap((turnId) => {
    const times = records.filter(
      (record) => record.kind === 'turn-settled' && record.turnId === turnId,
    ).length;
    return times === 1 ? [] : [`${turnId} was settled ${times} times`];
  });
}

/** A deed is done again only if the user was asked about it by name, and said so. */
function doubled({ point, ledger, records }: Account): string[] {
  return writes(point.plan).flatMap(({ key, names }) => {
    const times = ledger.filter((line) => line === key).length;
    const agreed = records.filter((record, index) => {
      if (record.kind !== 'recovery-answered' || record.choice !== 'go-on') return false;
      const asked = records
        .slice(0, index)
        .findLast((one) => one.kind === 'decision') as RecordOf<'decision'>;
      const words = [...(asked.tools ?? []), asked.reason].join('\n');
      return names.some((name) => words.includes(name));
    }).length;
    // A call that the user refused in the middle of its work has ended; when it is made again they are asked again.
    const refused = records.filter(
      (record) =>
        record.kind === 'answered' && record.answer.type === 'permission' && record.answer.reply === 'reject',
    ).length;
    return times > 1 + agreed + refused
      ? [`“${key}” was written ${times} times, and the user was asked ${agreed} times`]
      : [];
  });
}

/** What the ledger gets, and the words by which a user knows it. */
function writes(plan: Plan): { key: string; names: string[] }[] {
  return plan.flat().flatMap(({ kind, key, inner }: Call) => {
    if (kind === 'write') return [{ key, names: [`write ${key}`] }];
    if (kind === 'deploy') return [{ key, names: ['acme_deploy'] }];
    const written = `${key}.write`;
    return inner === undefined ? [] : [{ key: written, names: [`write ${written}`, `look into ${key}`] }];
  });
}

/** A model that makes every call until it went well has its way in a turn that ended well. */
function undone({ point, ledger, records, prompts }: Account): string[] {
  const isCutOff = point.faults.calls?.some((call) => call?.type === 'empty') === true;
  const isSure = point.temper === 'eager' && !point.rejects && !isCutOff;
  const first = turnsOf(records)[0];
  const isOfPlan = first?.drafted.prompt.text === prompts[0];
  if (!isSure || !isOfPlan || first?.settled?.outcome !== 'ok') return [];
  return writes(point.plan).flatMap(({ key }) =>
    ledger.includes(key) ? [] : [`the turn is ok, and “${key}” was never written`],
  );
}

/** The user has asked once. */
function promptsLost({ records, sessions }: Account): string[] {
  return turnsOf(records).flatMap(({ drafted, settled }) => {
    const { messageId, partId } = drafted.prompt;
    const stored = sessions.flatMap(({ messages }) =>
      messages.filter(({ info, parts }) => {
        const isSame = parts.some((part) => part.type === 'text' && part.text === drafted.prompt.text);
        return info.id === messageId || (info.role === 'user' && isSame);
      }),
    );
    if (stored.length > 1) return [`“${drafted.prompt.text}” stands ${stored.length} times in the session`];
    const parts = stored[0]?.parts ?? [];
    if (parts.length > 1) return [`“${drafted.prompt.text}” has ${parts.length} parts`];
    const isThere = parts[0]?.id === partId;
    return settled?.outcome === 'ok' && !isThere
      ? [`“${drafted.prompt.text}” is lost, and its turn is ok`]
      : [];
  });
}

function turnsOf(
  records: readonly JournalRecord[],
): { drafted: RecordOf<'turn-drafted'>; settled: RecordOf<'turn-settled'> | undefined }[] {
  return records.flatMap((drafted) => {
    if (drafted.kind !== 'turn-drafted') return [];
    const isItsEnd = (record: JournalRecord): record is RecordOf<'turn-settled'> =>
      record.kind === 'turn-settled' && record.turnId === drafted.turnId;
    return [{ drafted, settled: records.find(isItsEnd) }];
  });
}

/** What was shown stays, however it goes on. */
function textLost({ shown }: Account, folded: readonly Row[]): string[] {
  const kept = textRows(folded);
  return [...shown].flatMap(([id, texts]) =>
    texts.flatMap((text) =>
      withoutMark(kept.get(id))?.includes(withoutMark(text.trimEnd()) ?? '') === true
        ? []
        : [`“${text}” was shown, and now “${kept.get(id)}” is kept`],
    ),
  );
}

/**
 * Where a piece was missed on the wire, a mark stands for it once the text is given back to the engine. A text whose
 * beginning was missed is shown without it until the engine tells it whole.
 */
function withoutMark(text: string | undefined): string | undefined {
  return text?.replace(' […] ', '');
}

function textRows(rows: readonly Row[]): Map<string, string> {
  return new Map(
    rows.flatMap((row): [string, string][] => (row.kind === 'text' ? [[row.id, row.text]] : [])),
  );
}

/** Of turns that ended well, panel and engine tell the same. */
function otherThanStored({ rows, records, sessions }: Account): string[] {
  const shown = new Map(rows.map((row) => [row.id, row]));
  const own = sessions.filter(({ parentID }) => parentID === undefined).flatMap(({ messages }) => messages);
  return turnsOf(records).flatMap(({ drafted, settled }) => {
    if (settled?.outcome !== 'ok') return [];
    const answers = own.filter(({ info }) => info.parentID === drafted.prompt.messageId);
    const last = answers.at(-1)?.info;
    const problems =
      last?.finish === 'stop' && last.time.completed !== undefined && last.error === undefined
        ? []
        : [`${drafted.turnId} is ok, and the engine has no last word of it`];
    for (const { info, parts } of answers) {
      // A model call that was given up leaves its text empty in the engine for ever (OPENCODE.md 9).
      const isGivenUp = info.error?.name === 'APIError';
      for (const part of parts) {
        const row = shown.get(part.id);
        if (part.type === 'text') {
          const said = row?.kind === 'text' ? row.text : '';
          if (said !== part.text && !(part.text === '' && isGivenUp) && !isSuperseded(part, parts))
            problems.push(`the engine has “${part.text}”, shown is “${said}”`);
        }
        if (part.type === 'tool') {
          const status = row?.kind === 'tool' ? row.status : 'none';
          if (status !== part.state.status)
            problems.push(`${part.tool} is ${part.state.status} in the engine, and shown as ${status}`);
        }
      }
    }
    return problems;
  });
}

/** A model call that failed in the middle of a text leaves it empty in the engine for ever (OPENCODE.md 9). */
function isSuperseded(part: StoredText, parts: readonly { type: string; id: string }[]): boolean {
  const later = parts.slice(parts.indexOf(part) + 1);
  return part.text === '' && later.some(({ type }) => type === 'text');
}

/** What is shown is what the journal says. */
function otherView(rows: readonly Row[], folded: readonly Row[]): string[] {
  const texts = (some: readonly Row[]): string => JSON.stringify(some);
  if (texts(rows) === texts(folded)) return [];
  const other = rows.find((row, index) => JSON.stringify(row) !== JSON.stringify(folded[index]));
  return [`the view has ${JSON.stringify(other)}, and its journal another row`];
}

/** The first start of a stretch is none of the budget's. */
function beyondBudget({ starts }: Account): string[] {
  const sorted = starts.toSorted((a, b) => a.at - b.at);
  let restarts: number[] = [];
  let isFirst = true;
  for (const { at, by } of sorted) {
    if (by !== 'holdfast') {
      restarts = [];
      isFirst = true;
      continue;
    }
    if (!isFirst) restarts.push(at);
    isFirst = false;
    restarts = restarts.filter((one) => at - one < RESTART_WINDOW_MS);
    if (restarts.length > RESTARTS)
      return [`the server was restarted ${restarts.length} times in five minutes`];
  }
  return [];
}

/** Nothing ends well out of a spent budget, or once it was decided that it does not go on. */
function outOfNothing(records: readonly JournalRecord[]): string[] {
  return turnsOf(records).flatMap(({ drafted: { turnId }, settled }) => {
    const isStopped = records.some(
      (record) => record.kind === 'decision' && record.turnId === turnId && record.decision === 'stop',
    );
    return isStopped && settled?.outcome === 'ok' ? [`${turnId} was given up, and is ok`] : [];
  });
}
