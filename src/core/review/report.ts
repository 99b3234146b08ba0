/** The report of a review as Markdown. */
import { outcomeTitle, type Outcome } from '../outcome.ts';
import { coverageText, sizeText } from './coverage.ts';
import { SEVERITIES, type Finding, type ReviewScope, type ScopeFile, type Severity } from './finding.ts';
import type { DroppedFinding } from './gate.ts';
import { fenced, plainInline, quotedMarkdown } from './markdown.ts';

export interface ReportInput {
  scope: ReviewScope;
  findings: readonly Finding[];
  dropped: readonly DroppedFinding[];
  /** The model's own words on the change; untrusted. */
  summary?: string | undefined;
  outcome: Outcome;
  /** `opencode 1.18.33` */
  engine: string;
  /** `provider/model` */
  model: string;
  /** True when the embedded demo model answered. */
  demo: boolean;
  /** Epoch, ms. */
  startedAt: number;
  /** Epoch, ms. */
  endedAt: number;
}

const SEVERITY_TITLES: Readonly<Record<Severity, string>> = {
  critical: 'Critical',
  high: 'High',
  medium: 'Medium',
  low: 'Low',
  info: 'Info',
};

/** Links in it are relative to the repository's root. Text of the model and of the repository stays inside its place. */
export function markdownReport(input: ReportInput): string {
  const { scope, findings, dropped } = input;
  const blocks = [
    `# Review: ${plainInline(scope.title)}`,
    ...(input.demo ? [DEMO_NOTICE] : []),
    ...(input.outcome === 'ok'
      ? []
      : [
          `**${outcomeTitle(input.outcome)}.** This review did not come to its end; what follows may be incomplete.`,
        ]),
    facts(input),
    ...(input.summary?.trim() ? ['## Summary', quotedMarkdown(input.summary)] : []),
    `## Findings`,
    resultLine(input),
    ...SEVERITIES.flatMap((severity) => severityBlocks(severity, findings)),
    ...(dropped.length === 0 ? [] : ['## Left out', DROPPED_NOTICE, dropped.map(droppedLine).join('\n')]),
    '## Covered',
    scope.files.length === 0 ? 'No file.' : scope.files.map(fileLine).join('\n'),
    '## Not covered',
    scope.skipped.length === 0
      ? 'Nothing was skipped.'
      : scope.skipped.map(({ file, reason }) => `- ${plainInline(file)}: ${plainInline(reason)}`).join('\n'),
  ];
  return `${blocks.join('\n\n')}\n`;
}

const DEMO_NOTICE =
  '**Demo.** The embedded demo model answered. It checks added lines against a few fixed rules and understands nothing; ' +
  'choose a real model for a real review.';

const DROPPED_NOTICE = 'The model reported these too, in a form that could not be used:';

function facts(input: ReportInput): string {
  const { scope, engine, model, startedAt, endedAt } = input;
  const seconds = Math.max(0, Math.round((endedAt - startedAt) / 1000));
  return [
    `- Coverage: ${coverageText(scope, input)} (${sizeText(scope)})`,
    `- Base: ${scope.base === undefined ? 'none, the repository has no commits' : `commit \`${scope.base}\``}`,
    `- Model: ${plainInline(model)} on ${plainInline(engine)}`,
    `- When: ${new Date(startedAt).toISOString()}, ${seconds} s`,
  ].join('\n');
}

function resultLine(input: ReportInput): string {
  const { scope, findings, outcome } = input;
  if (scope.files.length === 0) return 'There was nothing to review.';
  if (findings.length > 0) return findings.length === 1 ? '1 finding.' : `${findings.length} findings.`;
  if (outcome !== 'ok') return 'No findings were recorded before the review ended.';
  return `0 findings: nothing was found in what was covered (${coverageText(scope, input)}).`;
}

function severityBlocks(severity: Severity, findings: readonly Finding[]): string[] {
  const those = findings.filter((finding) => finding.severity === severity);
  if (those.length === 0) return [];
  return [`### ${SEVERITY_TITLES[severity]}`, ...those.flatMap(findingBlocks)];
}

function findingBlocks(finding: Finding): string[] {
  const extension = /\.([a-z0-9]+)$/.exec(finding.file)?.[1];
  return [
    `#### ${plainInline(finding.title)}`,
    `${placeLink(finding)}, confidence ${finding.confidence}`,
    ...(finding.anchor.trim() === '' ? [] : [fenced(finding.anchor, extension)]),
    quotedMarkdown(finding.body),
    ...suggestionBlocks(finding, extension),
  ];
}

function suggestionBlocks({ suggestion }: Finding, extension: string | undefined): string[] {
  if (suggestion === undefined) return [];
  return suggestion.trim() === ''
    ? ['Suggested: take it out.']
    : ['Suggested instead:', fenced(suggestion, extension)];
}

function placeLink({ file, range }: Finding): string {
  if (!range)
    return `${fileLink(file, file)} (the quoted text was not found in the file, so there is no line)`;
  const lines = range.start === range.end ? `${range.start}` : `${range.start}-${range.end}`;
  return fileLink(`${file}:${lines}`, file, `#L${range.start}`);
}

function fileLink(text: string, file: string, fragment = ''): string {
  const target = file
    .split('/')
    .map((part) =>
      encodeURIComponent(part).replace(/[()'*!]/g, (char) => `%${char.charCodeAt(0).toString(16)}`),
    )
    .join('/');
  return `[${plainInline(text)}](${target}${fragment})`;
}

function fileLine(file: ScopeFile): string {
  const from = file.oldFile === undefined ? '' : ` from ${plainInline(file.oldFile)}`;
  return `- ${plainInline(file.file)} (${file.status}${from}; ${file.areas.join(', ')}; +${file.additions} −${file.deletions})`;
}

function droppedLine({ title, reason }: DroppedFinding): string {
  return `- ${plainInline(title)}: ${plainInline(reason)}`;
}
