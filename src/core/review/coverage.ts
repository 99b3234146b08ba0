/** Short words for what a review covers. */
import type { ReviewScope } from './finding.ts';

/**
 * `6 files reviewed, 2 skipped`, and how many reported findings could not be used, when there were any.
 * @param result the result of the review, once there is one.
 */
export function coverageText(scope: ReviewScope, result?: { dropped: readonly unknown[] }): string {
  const parts = [`${count(scope.files.length, 'file')} reviewed`];
  if (scope.skipped.length > 0) parts.push(`${scope.skipped.length} skipped`);
  if (result && result.dropped.length > 0) parts.push(`${count(result.dropped.length, 'finding')} left out`);
  return parts.join(', ');
}

/** `Review 6 files, +214 −61`: stands for the long prompt. */
export function reviewLabel(scope: ReviewScope): string {
  return `Review ${sizeText(scope)}`;
}

/** `6 files, +214 −61`. */
export function sizeText(scope: ReviewScope): string {
  let additions = 0;
  let deletions = 0;
  for (const file of scope.files) {
    additions += file.additions;
    deletions += file.deletions;
  }
  return `${count(scope.files.length, 'file')}, +${additions} −${deletions}`;
}

function count(n: number, word: string): string {
  return n === 1 ? `1 ${word}` : `${n} ${word}s`;
}
