/** Applies the demo's rules to a diff. */
import type { AnswerFinding, ReviewAnswer } from '../../core/review/answer.ts';
import { parseDiff, type FileDiff } from '../../core/review/diff.ts';
import { SEVERITIES } from '../../core/review/finding.ts';
import { asyncNamesIn, RULES } from './rules.ts';

/** Findings of one rule in one file. A file full of `console.log` is one thing to say, not fifty. */
const MAX_PER_RULE_AND_FILE = 3;
/** Findings in one answer: a first look stays readable. */
const MAX_FINDINGS = 50;
/** UTF-16 units. Longer lines are generated; the rules' expressions need not run over them. */
const MAX_LINE = 1_000;

/** An answer by rules alone. Anchors are whole added lines, the worst findings come first. */
export function inspectDiff(diff: string): ReviewAnswer {
  const files = parseDiff(diff);
  const asyncNames = asyncNamesIn(linesOf(files));
  const findings = files.flatMap((file) => inspectFile(file, asyncNames));
  findings.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const added = files
    .flatMap((file) => file.hunks)
    .flatMap((hunk) => hunk.lines.filter((line) => line.sign === '+'));
  const shown = findings.slice(0, MAX_FINDINGS);
  const more = findings.length > shown.length ? `; the first ${shown.length} are listed` : '';
  return {
    summary: `Demo model: ${added.length} added lines in ${files.length} files were checked against ${RULES.length} fixed rules, ${findings.length} matched${more}. Nothing was understood beyond that.`,
    findings: shown,
  };
}

function inspectFile(file: FileDiff, asyncNames: ReadonlySet<string>): AnswerFinding[] {
  const findings: AnswerFinding[] = [];
  const rules = RULES.filter((rule) => rule.files.test(file.file));
  const counts = new Map<(typeof RULES)[number], number>();
  for (const hunk of file.hunks) {
    const present = hunk.lines.filter((line) => line.sign !== '-');
    present.forEach(({ sign, text }, index) => {
      const line = text.replace(/\r$/, '');
      if (sign !== '+' || line.trim() === '' || line.length > MAX_LINE) return;
      const comment = /^\s*(?:\/\/|#|\/\*|\*)/.test(line);
      const context = { next: present[index + 1]?.text, asyncNames };
      for (const rule of rules) {
        const count = counts.get(rule) ?? 0;
        if ((comment && !rule.comments) || count >= MAX_PER_RULE_AND_FILE || !rule.matches(line, context))
          continue;
        counts.set(rule, count + 1);
        const { severity, confidence, title, body } = rule;
        const suggestion = rule.suggestion?.(line);
        const at = hunk.newStart + index;
        findings.push({
          severity,
          confidence,
          title,
          body,
          file: file.file,
          startLine: at,
          endLine: at,
          anchor: line,
          ...(suggestion === undefined || suggestion === line ? {} : { suggestion }),
        });
      }
    });
  }
  return findings;
}

function linesOf(files: readonly FileDiff[]): string[] {
  return files.flatMap((file) => file.hunks.flatMap((hunk) => hunk.lines.map(({ text }) => text)));
}
