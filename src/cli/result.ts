/** The result of a run as text for stdout. Pure. */
import { partsSaid } from '../core/journal/conversation.ts';
import type { RunState } from '../core/journal/state.ts';
import { coverageText } from '../core/review/coverage.ts';
import { plain, plainLine } from './plain-text.ts';
import { place } from './progress.ts';

/** The findings of a review with their explanations; undefined when it came to none, not even to zero. */
export function findingsText(state: RunState): string | undefined {
  const { scope, findings: result, info } = state;
  if (scope === undefined || result === undefined) return undefined;
  if (scope.files.length === 0) return ['Nothing to review.', ...skippedLines(state)].join('\n');
  const { findings, dropped } = result;
  const count =
    findings.length === 0
      ? 'No findings'
      : findings.length === 1
        ? '1 finding'
        : `${findings.length} findings`;
  const heading = `${count} · ${coverageText(scope, result)}${info?.demo === true ? ' · demo, not from a model' : ''}`;
  const width = Math.max(0, ...findings.map(({ severity }) => severity.length));
  const blocks = findings.map((finding) => {
    const head = `${finding.severity.padEnd(width)}  ${place(finding)}  ${finding.title}`;
    return `${plainLine(head)}\n${indented(finding.body)}`;
  });
  const left = dropped.map(({ title, reason }) => plainLine(`left out  ${title}: ${reason}`));
  return [heading, ...blocks, ...group([...left, ...skippedLines(state)])].join('\n\n');
}

/** What the agent said last in the latest turn, also when it was cut off; undefined when it said nothing. */
export function answerText(state: RunState): string | undefined {
  const { turn, conversation } = state;
  for (const id of turn?.answers.toReversed() ?? []) {
    const texts = partsSaid(conversation, id).flatMap(({ part }) =>
      part.type === 'text' && part.synthetic !== true && part.text.trim() !== '' ? [part.text.trim()] : [],
    );
    if (texts.length > 0) return plain(texts.join('\n\n'));
  }
  return undefined;
}

function skippedLines({ scope }: RunState): string[] {
  return (scope?.skipped ?? []).map(({ file, reason }) => plainLine(`skipped  ${file}: ${reason}`));
}

function group(lines: string[]): string[] {
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function indented(text: string): string {
  return plain(text)
    .trim()
    .split('\n')
    .map((line) => (line === '' ? '' : `    ${line}`))
    .join('\n');
}
