/** The shapes of a review: what was to be looked at, and what was found. */
import * as v from 'valibot';

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const CONFIDENCES = ['high', 'medium', 'low'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

/** Lines count from 1, both ends included. */
export const LineRangeSchema = v.object({ start: v.number(), end: v.number() });
export type LineRange = v.InferOutput<typeof LineRangeSchema>;

/**
 * A finding anchored to code. `range` comes from where `anchor` stands in the file as reviewed, never from
 * the model's own count; a finding whose anchor is not in the file has no range and says so.
 */
export const FindingSchema = v.object({
  /** Stable within the run: `f1`, `f2`, … */
  id: v.string(),
  severity: v.picklist(SEVERITIES),
  confidence: v.picklist(CONFIDENCES),
  title: v.string(),
  /** Markdown, untrusted. */
  body: v.string(),
  /** Relative to the repository root, forward slashes. */
  file: v.string(),
  /** Verbatim text of the file. */
  anchor: v.string(),
  range: v.optional(LineRangeSchema),
  /** How the range was found: `exact`, `whitespace` (equal but for white space), `none`. */
  anchored: v.picklist(['exact', 'whitespace', 'none']),
  /** Replacement for the anchor text, verbatim. */
  suggestion: v.optional(v.string()),
});
export type Finding = v.InferOutput<typeof FindingSchema>;

/** How a file differs from the base. */
export const FILE_STATUSES = ['added', 'modified', 'deleted', 'renamed'] as const;

export const ScopeFileSchema = v.object({
  /** Relative to the repository root, forward slashes. */
  file: v.string(),
  status: v.picklist(FILE_STATUSES),
  /** Where the change stands in git: a file can be in several. */
  areas: v.array(v.picklist(['staged', 'unstaged', 'untracked', 'committed'])),
  additions: v.number(),
  deletions: v.number(),
  oldFile: v.optional(v.string()),
});
export type ScopeFile = v.InferOutput<typeof ScopeFileSchema>;

export const SkippedFileSchema = v.object({
  file: v.string(),
  /** A sentence part for people: `binary`, `larger than 256 KiB (1.4 MiB)`, … */
  reason: v.string(),
});
export type SkippedFile = v.InferOutput<typeof SkippedFileSchema>;

/** What a review covers, resolved before any model call. */
export const ReviewScopeSchema = v.object({
  /** The target as asked for, e.g. `uncommitted`. */
  target: v.string(),
  /** For people: `Uncommitted changes on main`. */
  title: v.string(),
  /** Absolute path of the repository's root. */
  root: v.string(),
  branch: v.optional(v.string()),
  /** Full commit id that the changes are measured against; absent in a repository without commits. */
  base: v.optional(v.string()),
  files: v.array(ScopeFileSchema),
  skipped: v.array(SkippedFileSchema),
});
export type ReviewScope = v.InferOutput<typeof ReviewScopeSchema>;

/** A scope with the text that goes to the model. The diff is not kept in the journal twice: the prompt holds it. */
export interface ReviewTarget {
  scope: ReviewScope;
  /** Unified diff of all files of the scope, untracked ones as added. */
  diff: string;
}
