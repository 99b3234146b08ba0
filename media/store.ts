import type { Header, HostMessage, PatchOp, Row } from '../src/core/protocol.ts';
import { announcementsFor, announceHeader } from './announce.ts';

/** A row with its place in the order of arrival, counted since the panel was opened; never reused. */
export interface Entry {
  readonly ordinal: number;
  readonly row: Row;
}

/** What is drawn. `loading` lasts until the first snapshot. */
export type Shown =
  | { readonly kind: 'loading' }
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'run';
      readonly header: Header;
      readonly entries: readonly Entry[];
      readonly nextOrdinal: number;
    };

/**
 * Where the panel stands in the host's numbering.
 *
 *     waiting ──snapshot──▶ synced ──patch n+1──▶ synced
 *        ▲                    │
 *        └──gap, bad patch────┘   (a resync is asked for once, patches are ignored meanwhile)
 */
export type Sync = { readonly state: 'waiting' } | { readonly state: 'synced'; readonly n: number };

export interface PanelState {
  readonly sync: Sync;
  readonly shown: Shown;
  /** The host's clock minus ours, ms. */
  readonly clockOffset: number;
  /** The draft as the latest snapshot had it. The prompt box takes it when it first shows a run. */
  readonly draft: string;
  /** What the host last put into the prompt box; each is a value of its own. */
  readonly inserted?: Inserted;
}

export interface Inserted {
  readonly runId: string;
  readonly text: string;
}

export type Effect =
  { readonly do: 'resync' } | { readonly do: 'focus' } | { readonly do: 'announce'; readonly text: string };

export interface Step {
  readonly state: PanelState;
  readonly effects: readonly Effect[];
}

/** A smaller change of the clock offset is latency, not drift: following it would make counters flicker. */
const CLOCK_SLACK_MS = 750;

export const initialState: PanelState = {
  sync: { state: 'waiting' },
  shown: { kind: 'loading' },
  clockOffset: 0,
  draft: '',
};

/** What a host message makes of the state. `now` is the panel's clock, ms since the epoch. */
export function apply(state: PanelState, message: HostMessage, now: number): Step {
  switch (message.type) {
    case 'snapshot':
      return {
        state: {
          ...(state.inserted === undefined ? {} : { inserted: state.inserted }),
          sync: { state: 'synced', n: message.n },
          shown:
            message.view === undefined ? { kind: 'empty' } : fresh(message.view.header, message.view.rows),
          clockOffset: message.hostNow - now,
          draft: message.draft,
        },
        effects: [],
      };
    case 'patch':
      return applyPatch(state, message, now);
    case 'focus':
      return { state, effects: [{ do: 'focus' }] };
    case 'insert':
      return { state: { ...state, inserted: { runId: message.runId, text: message.text } }, effects: [] };
  }
}

/** A message that could not be read may have been a patch: the content is in doubt until the next snapshot. */
export function loseSync(state: PanelState): Step {
  if (state.sync.state === 'waiting') return { state, effects: [] };
  return { state: { ...state, sync: { state: 'waiting' } }, effects: [{ do: 'resync' }] };
}

function fresh(header: Header, rows: readonly Row[]): Shown {
  return {
    kind: 'run',
    header,
    entries: rows.map((row, ordinal) => ({ ordinal, row })),
    nextOrdinal: rows.length,
  };
}

function applyPatch(state: PanelState, patch: Extract<HostMessage, { type: 'patch' }>, now: number): Step {
  if (state.sync.state === 'waiting') return { state, effects: [] };
  // Already part of the snapshot that overtook it.
  if (patch.n <= state.sync.n) return { state, effects: [] };
  if (patch.n !== state.sync.n + 1 || state.shown.kind !== 'run') return loseSync(state);

  const changed = applyOps(state.shown, patch.ops);
  if (changed === undefined) return loseSync(state);
  const offset = patch.hostNow - now;
  return {
    state: {
      ...state,
      sync: { state: 'synced', n: patch.n },
      shown: changed.shown,
      clockOffset: Math.abs(offset - state.clockOffset) > CLOCK_SLACK_MS ? offset : state.clockOffset,
    },
    effects: changed.announcements.map((text) => ({ do: 'announce', text })),
  };
}

type Run = Extract<Shown, { kind: 'run' }>;

/** Applies all ops or none: undefined when one does not fit what is shown. */
function applyOps(run: Run, ops: readonly PatchOp[]): { shown: Run; announcements: string[] } | undefined {
  let { header, nextOrdinal } = run;
  let entries: Entry[] | undefined;
  const announcements: string[] = [];
  const find = (id: string): number => (entries ?? run.entries).findLastIndex((entry) => entry.row.id === id);

  for (const op of ops) {
    if (op.op === 'header') {
      announcements.push(...announceHeader(header, op.header));
      header = op.header;
      continue;
    }
    const id = op.op === 'row' ? op.row.id : op.id;
    const at = find(id);
    // One copy per patch, however many ops it has.
    entries ??= run.entries.slice();
    const entry = entries[at];
    if (op.op === 'row') {
      announcements.push(...announcementsFor(entry?.row, op.row));
      if (entry === undefined) entries.push({ ordinal: nextOrdinal++, row: op.row });
      else entries[at] = { ordinal: entry.ordinal, row: op.row };
    } else if (entry === undefined) {
      return undefined;
    } else if (op.op === 'drop') {
      entries.splice(at, 1);
    } else {
      const { row } = entry;
      if (!('text' in row) || row.text.length !== op.at) return undefined;
      entries[at] = { ordinal: entry.ordinal, row: { ...row, text: row.text + op.text } };
    }
  }
  return { shown: { kind: 'run', header, entries: entries ?? run.entries, nextOrdinal }, announcements };
}
