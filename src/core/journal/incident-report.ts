/**
 * A journal that can be shown to others: what was said, done and named in it is masked, what decisions were taken from
 * is kept, so that folding it takes the same decisions. Pure.
 */
import { HAD_NOT_STARTED, MAY_HAVE_RUN } from '../recovery/tool-fact.ts';
import { incidentSentence } from '../recovery/wording.ts';
import type { JournalRecord, RecordBody, RecordKind } from './record.ts';
import { newRunState, stepRun } from './state.ts';

/** Version of what an incident report holds; the records in it have their own. */
const REPORT_VERSION = 1;
const MASK = '·';

/** Strings under these keys are ours, the engine's ids, or one of a few words; all others may say anything. */
const KEPT: ReadonlySet<string> = new Set([
  ...['kind', 'type', 'version', 'engine', 'engineVersion', 'model', 'holdfast', 'recovery', 'level'],
  ...[
    'id',
    'runId',
    'turnId',
    'stepId',
    'sessionId',
    'messageId',
    'partId',
    'parentId',
    'askId',
    'callId',
    'queuedId',
  ],
  ...[
    'childSessionId',
    'role',
    'finish',
    'status',
    'state',
    'class',
    'reply',
    'permission',
    'signal',
    'name',
  ],
  ...['outcome', 'errorKind', 'verdict', 'phase', 'decision', 'choice', 'cause', 'clock', 'rung'],
  ...['code', 'trouble', 'loop', 'failedCall'],
  ...['severity', 'confidence'],
]);
/** The fold proposes these; their words are made anew from what is masked. */
const OF_THE_FOLD: ReadonlySet<RecordKind> = new Set(['incident', 'decision', 'turn-settled', 'run-ended']);
/** Known by their very words. */
const OUR_WORDS: ReadonlySet<string> = new Set([HAD_NOT_STARTED, MAY_HAVE_RUN]);

/** The records of a report, ending with a note that sums it up. They can be written, read and replayed as a journal. */
export function incidentReport(records: readonly JournalRecord[]): JournalRecord[] {
  const state = newRunState();
  const proposed: RecordBody[] = [];
  const masked = records.map((record): JournalRecord => {
    const made = OF_THE_FOLD.has(record.kind) ? takeMatch(proposed, record) : undefined;
    const shown = made === undefined ? maskRecord(record) : { seq: record.seq, at: record.at, ...made };
    for (const effect of stepRun(state, shown)) if (effect.type === 'record') proposed.push(effect.body);
    return shown;
  });
  const last = records.at(-1);
  if (last === undefined) return [];
  return [...masked, { seq: last.seq + 1, at: last.at, kind: 'note', level: 'info', text: summary(records) }];
}

/** What the fold of the masked records proposed in place of this record. One that differs in what it is stays visible. */
function takeMatch(proposed: RecordBody[], record: JournalRecord): RecordBody | undefined {
  const at = proposed.findIndex(
    (body) =>
      body.kind === record.kind &&
      ('decision' in body ? body.decision : undefined) ===
        ('decision' in record ? record.decision : undefined) &&
      ('outcome' in body ? body.outcome : undefined) === ('outcome' in record ? record.outcome : undefined),
  );
  return at < 0 ? undefined : proposed.splice(at, 1)[0];
}

function maskRecord(record: JournalRecord): JournalRecord {
  // An owner's reason is one of two words; all other reasons are sentences.
  if (record.kind === 'owner') return record;
  return maskObject(record) as JournalRecord;
}

function maskObject(value: object): object {
  const isOwnTool = 'class' in value && value.class === 'unknown';
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [
      key,
      // A tool that is in no table of ours may be named after anything.
      (KEPT.has(key) || (key === 'tool' && !isOwnTool)) && typeof inner === 'string' ? inner : mask(inner),
    ]),
  );
}

function mask(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(mask);
  return typeof value === 'object' && value !== null ? maskObject(value) : value;
}

/** As long as it was, and blank where it was blank: that much is decided from. */
function maskText(text: string): string {
  return text.trim() === '' || OUR_WORDS.has(text) ? text : MASK.repeat(text.length);
}

function summary(records: readonly JournalRecord[]): string {
  const incidents = records.flatMap((record) => (record.kind === 'incident' ? [record] : []));
  const decisions = records.flatMap((record) =>
    record.kind === 'decision' ? [`${record.decision} (rule ${record.rule})`] : [],
  );
  const outcomes = records.flatMap((record) =>
    record.kind === 'turn-settled' ? [`${record.turnId} ${record.outcome}`] : [],
  );
  const effects = incidents.map(({ facts: { tools } }) => tools.unsafe).reduce((sum, one) => sum + one, 0);
  return [
    `Incident report, format ${REPORT_VERSION}. What was said and done is masked.`,
    `Incidents: ${incidents.map(({ cause }) => incidentSentence(cause)).join(' ') || 'none.'}`,
    `Decisions: ${decisions.join(', ') || 'none'}.`,
    `Turns: ${outcomes.join(', ') || 'none ended'}.`,
    `Tool calls whose effect was not known: ${effects}.`,
  ].join(' ');
}
