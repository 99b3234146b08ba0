/** What a drill has seen of one fault: facts alone, nothing concluded. */
import { newRunState, stepRun } from '../journal/state.ts';
import type { JournalRecord } from '../journal/record.ts';
import { RunViewFold } from '../journal/view.ts';
import type { Outcome } from '../outcome.ts';
import type { Row } from '../protocol.ts';
import type { FaultName } from './faults.ts';

/** A text of the agent as it stood on the screen. */
export interface ShownText {
  id: string;
  text: string;
}

export interface Evidence {
  fault: FaultName;
  /** What was done in fact, with process ids and times; or why the fault did not strike. Sentences. */
  strike: { type: 'done' | 'missed'; text: string };
  /** The journal of the struck run, as it stood on disk when the turn was over, or given up. */
  records: readonly JournalRecord[];
  /** What of it could not be read, a sentence each. */
  unreadable: readonly string[];
  /** From sending the prompt to the end of the turn, ms; absent when it did not end within `limitMs`. */
  tookMs?: number;
  limitMs: number;
  prompt: string;
  /** What stood on the screen when the fault struck. */
  shown: readonly ShownText[];
  /** All that the model had to say. */
  answer: string;
  /** The lines in the file that the agent's command appends to; `line` is to be there once. */
  ledger: readonly string[];
  line: string;
  /** Calls of the model for this turn. */
  modelRequests: number;
  /** Servers that ended in the course of it, and how many of these the drill has killed. */
  serverEnds: number;
  kills: number;
  restarts: { used: number; limit: number };
  /** Processes still there after everything was let go of, a line each; and how many had been there. */
  left: readonly string[];
  processes: number;
}

/** What the journal of a struck turn holds. */
export interface Seen {
  /** Absent while no end of the turn stands there. */
  outcome?: Outcome;
  /** How often an end of the turn stands there. */
  ends: number;
  message: string;
  attempts: number;
  incidents: number;
  /** `9 resume 1/3` */
  decisions: string[];
  /** How often the user was asked. */
  asks: number;
  /** Messages of the user that the engine has. */
  prompts: number;
  rows: readonly Row[];
}

/** Folds a journal as a window does that opens the run. */
export function seenIn(records: readonly JournalRecord[]): Seen {
  const state = newRunState();
  const view = new RunViewFold(state, { stallLimitMs: 0 });
  for (const record of records) {
    stepRun(state, record);
    view.apply(record);
  }
  const ofKind = <K extends JournalRecord['kind']>(kind: K) =>
    records.filter((record): record is Extract<JournalRecord, { kind: K }> => record.kind === kind);
  const settled = ofKind('turn-settled');
  const decisions = ofKind('decision');
  const messages = [...state.conversation.messages.values()];
  return {
    ...(settled[0] === undefined ? {} : { outcome: settled[0].outcome }),
    ends: settled.length,
    message: settled[0]?.message ?? '',
    attempts: ofKind('attempt-started').length,
    incidents: ofKind('incident').length,
    decisions: decisions.map(({ rule, decision, n, limit }) => `${rule} ${decision} ${n}/${limit}`),
    asks: decisions.filter(({ decision }) => decision === 'ask' || decision === 'offer').length,
    prompts: messages.filter(({ info, sessionId }) => info.role === 'user' && sessionId === state.sessionId)
      .length,
    rows: view.snapshot().rows,
  };
}

/** The texts of the agent among rows. */
export function textsOf(rows: readonly Row[]): ShownText[] {
  return rows.flatMap((row) => (row.kind === 'text' ? [{ id: row.id, text: row.text }] : []));
}
