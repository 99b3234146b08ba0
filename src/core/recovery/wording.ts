/** What happened and which tool calls are meant, in words: for people and for the model. */
import { assertNever } from '../errors.ts';
import { crashSentence } from '../server/exit-text.ts';
import type { Incident } from './incident.ts';
import type { ToolFact } from './tool-fact.ts';

/** Longest tool name and longest summary of a call in a sentence or a notice; the panel shows the rest. */
const MAX_NAME_CHARS = 60;
const MAX_SUMMARY_CHARS = 160;

export function incidentSentence(incident: Incident): string {
  switch (incident.type) {
    case 'server-died':
      return crashSentence({ ...incident, stderrTail: '' });
    case 'owner-gone':
      return 'The window was closed or crashed while the turn ran, and the server has ended since.';
    case 'server-unreachable':
      return 'The server could not be reached any more.';
    case 'session-stalled': {
      const silent = `for ${Math.round(incident.silentMs / 1000)} s`;
      if (incident.clock === 'first-byte') return `The model did not begin to answer ${silent}.`;
      return incident.clock === 'model' ? `The model was silent ${silent}.` : `A tool was silent ${silent}.`;
    }
    case 'model-failed':
      return incident.status === undefined
        ? 'The model call failed.'
        : `The model call failed (HTTP ${incident.status}).`;
    default:
      return assertNever(incident);
  }
}

/** A call on one line, `bash: npm test`. Names and summaries come from the model and the repository. */
export function toolLine(tool: Pick<ToolFact, 'tool' | 'summary'>): string {
  const name = oneLine(tool.tool, MAX_NAME_CHARS) || 'a tool without a name';
  const summary = oneLine(tool.summary, MAX_SUMMARY_CHARS);
  return summary === '' ? name : `${name}: ${summary}`;
}

/**
 * At most `max` characters on one line: what a terminal, a screen or a model could take for something else than
 * letters (control and format characters, line ends, halves of characters) is a blank.
 */
function oneLine(text: string, max: number): string {
  // Cut before the white space is folded: nobody bounded it, and `max` characters are enough of anything.
  const line = text
    .slice(0, 4 * max)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  const characters = Array.from(line);
  return characters.length <= max ? line : `${characters.slice(0, max - 1).join('')}…`;
}
