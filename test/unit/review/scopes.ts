import type { ReviewScope, ReviewTarget } from '../../../src/core/review/finding.ts';

export const SCOPE: ReviewScope = {
  target: 'uncommitted',
  title: 'Uncommitted changes on main',
  root: '/w/shop',
  branch: 'main',
  base: '0123456789abcdef0123456789abcdef01234567',
  files: [
    { file: 'src/a.ts', status: 'modified', areas: ['staged', 'unstaged'], additions: 3, deletions: 1 },
    { file: 'src/old.ts', status: 'deleted', areas: ['unstaged'], additions: 0, deletions: 4 },
  ],
  skipped: [{ file: 'logo.png', reason: 'binary' }],
};

export const DIFF = `diff --git a/src/a.ts b/src/a.ts
index 1111111..2222222 100644
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,2 +1,4 @@
-const a = 1;
+const a = 2;
+const b = 3;
+use(a, b);
 done();
`;

export const TARGET: ReviewTarget = { scope: SCOPE, diff: DIFF };

/** One entry of an answer, right in all parts. */
export function entry(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    severity: 'high',
    confidence: 'medium',
    title: 'Wrong sum',
    body: 'It adds where it should not.',
    file: 'src/a.ts',
    anchor: 'use(a, b);',
    ...changes,
  };
}

export function answerOf(...findings: unknown[]): Record<string, unknown> {
  return { summary: 'A small change.', findings };
}

/** The same as the text of a model that keeps to the form. */
export function answerText(...findings: unknown[]): string {
  return `I have looked at it.\n\n${fencedJson(answerOf(...findings))}`;
}

export function fencedJson(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\`\n`;
}
