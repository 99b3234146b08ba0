/** The plan of a review, as data: which phases it has, and which turns of the agent each takes. */

export interface ReviewStep {
  /** Stable; records name it. */
  id: string;
  /** Title of its phase. */
  phase: string;
  /** For people. */
  title: string;
}

export const INSPECT_STEP: ReviewStep = { id: 'inspect', phase: 'Inspect', title: 'Inspect the changes' };

export interface ReviewPhase {
  title: string;
  /** Turns of the agent, in order. A phase without steps is done by Holdfast itself. */
  steps: readonly ReviewStep[];
}

export const REVIEW_PLAN: readonly ReviewPhase[] = [
  { title: 'Scope', steps: [] },
  { title: INSPECT_STEP.phase, steps: [INSPECT_STEP] },
  { title: 'Report', steps: [] },
];
