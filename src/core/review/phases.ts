import type { Header } from '../protocol.ts';
import { REVIEW_PLAN } from './plan.ts';
import type { ReviewState } from './review.ts';

/**
 * The phases of a review as the panel's header shows them.
 * @param reached index of the phase that was come to.
 */
export function phasesOf(review: ReviewState, reached: 0 | 1 | 2): Header['phases'] {
  const done = review.phase === 'done';
  const ok = done && review.outcome === 'ok';
  return REVIEW_PLAN.map(({ title }, index) => {
    if (ok || index < reached) return { title, state: 'done' };
    if (index > reached) return { title, state: 'waiting' };
    return { title, state: done ? 'failed' : 'now' };
  });
}
