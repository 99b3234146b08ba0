/** How a finding reads in the editor. Its text is the model's: it is shown as text and can do nothing. */
import type { Confidence, Finding, Severity } from '../core/review/finding.ts';
import { fenced, quotedMarkdown } from '../core/review/markdown.ts';
import type { Translate } from './translate.ts';

/** Longest text of one entry in Problems, UTF-16 units; the comment beside the code has all of it. */
const MAX_MESSAGE = 600;

/** Title and text, plain: Problems shows the marks of Markdown as they are. */
export function problemMessage(finding: Finding): string {
  const text = `${finding.title}\n${finding.body.trim()}`.trim().replaceAll('`', '');
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
}

/** Markdown for a comment, with what it calls for left out: no links, no images, no HTML. */
export function commentMarkdown(finding: Finding, t: Translate): string {
  const language = /\.([a-z0-9]+)$/.exec(finding.file)?.[1];
  const body = quotedMarkdown(finding.body)
    .split('\n')
    .map((line) => line.replace(/^> ?/, ''))
    .join('\n');
  const suggested =
    finding.suggestion === undefined ? [] : [t('Suggested instead:'), fenced(finding.suggestion, language)];
  return [body, ...suggested].join('\n\n');
}

export function commentLabel(finding: Finding, t: Translate): string {
  return `${severityTitle(finding.severity, t)} · ${finding.title}`;
}

export function severityTitle(severity: Severity, t: Translate): string {
  switch (severity) {
    case 'critical':
      return t('Critical');
    case 'high':
      return t('High');
    case 'medium':
      return t('Medium');
    case 'low':
      return t('Low');
    case 'info':
      return t('Info');
  }
}

export function confidenceTitle(confidence: Confidence, t: Translate): string {
  switch (confidence) {
    case 'high':
      return t('confident');
    case 'medium':
      return t('likely');
    case 'low':
      return t('possible');
  }
}
