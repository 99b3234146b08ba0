/**
 * The machine of a review: scope → inspect (with at most one repair) → report → done.
 *
 *   scoping ──scope──▶ inspecting ⇄ checking ──findings──▶ reporting ──run-ended──▶ done
 *      │                   │            │                                            ▲
 *      └───── nothing to look at, or a turn that did not end well ───────────────────┘
 *
 * A step of the review is one turn with an exit check. The check reads files, so it is an effect; what it
 * finds comes back as a `gate` record, and the findings as a `findings` record.
 */
import type { JournalRecord, RecordBody, RecordOf } from '../journal/record.ts';
import type { Outcome } from '../outcome.ts';
import type { TurnState } from '../turn/state.ts';
import { INSPECT_STEP } from './plan.ts';
/** Answers that do not fit are asked for once more; a model that fails twice will not get better by asking. */
export const MAX_REPAIRS = 1;

const INSPECT = { stepId: INSPECT_STEP.id, phase: INSPECT_STEP.phase, title: INSPECT_STEP.title };

export type ReviewState =
  | { phase: 'scoping' }
  /** `problems` of the answer before, until the turn that names them is drafted. */
  | { phase: 'inspecting'; repairs: number; problems?: readonly string[] }
  | { phase: 'checking'; repairs: number }
  | { phase: 'reporting' }
  | { phase: 'done'; outcome: Outcome };

export type ReviewEffect =
  /** Draft the turn that inspects the scope. */
  | { type: 'inspect' }
  /** Draft a turn that names what is wrong with the answer. */
  | { type: 'repair'; problems: readonly string[] }
  /** Check the turn's answer against schema, scope and files; append `gate`, and `findings` when it passes or is the last try. */
  | { type: 'check'; turnId: string; lastTry: boolean }
  /** Write the report, then append `run-ended`. */
  | { type: 'report' };

type Effect = ReviewEffect | { type: 'record'; body: RecordBody };
type Step = { review: ReviewState; effects: Effect[] };

/** @param turn the latest turn of the run, with the record folded in. */
export function stepReview(review: ReviewState, record: JournalRecord, turn: TurnState | undefined): Step {
  if (record.kind === 'run-ended' && review.phase !== 'done')
    return stay({ phase: 'done', outcome: record.outcome });
  if (record.kind === 'owner') return onOwner(review, turn);
  switch (review.phase) {
    case 'scoping':
      return record.kind === 'scope' ? onScope(record) : stay(review);
    case 'inspecting':
      if (record.kind === 'turn-drafted') return stay({ phase: 'inspecting', repairs: review.repairs });
      return record.kind === 'turn-settled' ? onTurnSettled(review, record) : stay(review);
    case 'checking':
      if (record.kind === 'gate' && record.verdict === 'repair') {
        return {
          review: { phase: 'inspecting', repairs: review.repairs + 1, problems: record.problems },
          effects: [{ type: 'repair', problems: record.problems }],
        };
      }
      if (record.kind === 'gate' && record.verdict === 'fail') return onGivenUp(review, record);
      if (record.kind === 'findings')
        return { review: { phase: 'reporting' }, effects: [stepEnded('ok'), { type: 'report' }] };
      return stay(review);
    case 'reporting':
    case 'done':
      return stay(review);
  }
}

function onScope(record: RecordOf<'scope'>): Step {
  if (record.scope.files.length === 0) {
    return {
      review: { phase: 'reporting' },
      effects: [
        { type: 'record', body: { kind: 'findings', findings: [], dropped: [] } },
        { type: 'report' },
      ],
    };
  }
  const started: RecordBody = { kind: 'step-started', ...INSPECT };
  return {
    review: { phase: 'inspecting', repairs: 0 },
    effects: [{ type: 'record', body: started }, { type: 'inspect' }],
  };
}

/** The review goes on in a new process: what the old one had been asked to do and had not done is asked again. */
function onOwner(review: ReviewState, turn: TurnState | undefined): Step {
  switch (review.phase) {
    case 'scoping': {
      const message = 'Holdfast itself ended before the review had begun. Run it again.';
      return {
        review,
        effects: [{ type: 'record', body: { kind: 'run-ended', outcome: 'interrupted', message } }],
      };
    }
    case 'inspecting':
      if (review.problems !== undefined)
        return { review, effects: [{ type: 'repair', problems: review.problems }] };
      if (turn === undefined) return { review, effects: [{ type: 'inspect' }] };
      return turn.phase === 'settled' ? onTurnSettled(review, turn) : stay(review);
    case 'checking':
      return turn === undefined
        ? stay(review)
        : {
            review,
            effects: [{ type: 'check', turnId: turn.turnId, lastTry: review.repairs >= MAX_REPAIRS }],
          };
    case 'reporting':
      return { review, effects: [{ type: 'report' }] };
    case 'done':
      return stay(review);
  }
}

function onTurnSettled(
  review: { repairs: number },
  record: { turnId: string; outcome: Outcome; message?: string | undefined },
): Step {
  if (record.outcome === 'ok') {
    return {
      review: { phase: 'checking', repairs: review.repairs },
      effects: [{ type: 'check', turnId: record.turnId, lastTry: review.repairs >= MAX_REPAIRS }],
    };
  }
  const ended: RecordBody = {
    kind: 'run-ended',
    outcome: record.outcome,
    ...(record.message === undefined ? {} : { message: record.message }),
  };
  return {
    review: { phase: 'inspecting', repairs: review.repairs },
    effects: [stepEnded(record.outcome), { type: 'record', body: ended }],
  };
}

function onGivenUp(review: ReviewState, record: RecordOf<'gate'>): Step {
  const message = record.problems[0] ?? 'The model gave no usable answer.';
  return {
    review,
    effects: [
      stepEnded('incomplete'),
      { type: 'record', body: { kind: 'run-ended', outcome: 'incomplete', message } },
    ],
  };
}

function stepEnded(outcome: Outcome): Effect {
  return { type: 'record', body: { kind: 'step-ended', stepId: INSPECT.stepId, outcome } };
}

function stay(review: ReviewState): Step {
  return { review, effects: [] };
}
