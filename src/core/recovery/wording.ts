/** What happened and which tool calls are meant, in words: for people and for the model. */
import { assertNever } from '../errors.ts';
import { crashSentence } from '../server/exit-text.ts';
import type { Incident, Loop } from './incident.ts';
import { type ModelFailure, PARK_MS } from './model-trouble.ts';
import type { ToolFact } from './tool-fact.ts';

/** Longest tool name and longest summary of a call in a sentence or a notice; the panel shows the rest. */
const MAX_NAME_CHARS = 60;
const MAX_SUMMARY_CHARS = 160;

export function incidentSentence(incident: Incident): string {
  switch (incident.type) {
    case 'server-died': {
      const { expected, ...end } = incident;
      return expected === true
        ? 'The server was restarted while the turn ran.'
        : crashSentence({ ...end, stderrTail: '' });
    }
    case 'owner-gone':
      return 'The window was closed or crashed while the turn ran, and the server has ended since.';
    case 'server-unreachable':
      return 'The server could not be reached any more.';
    case 'session-stalled': {
      const silent = `for ${Math.round(incident.silentMs / 1000)} s`;
      if (incident.clock === 'first-byte') return `The model did not begin to answer ${silent}.`;
      return incident.clock === 'model' ? `The model was silent ${silent}.` : `A tool was silent ${silent}.`;
    }
    case 'model-failed': {
      const status = incident.status === undefined ? '' : ` (HTTP ${incident.status})`;
      const tries = incident.tries > 1 ? ` The engine has asked ${incident.tries} times.` : '';
      return `${troubleText(incident)}${status}.${tries}`;
    }
    case 'looped':
      return loopSentence(incident.loop);
    default:
      return assertNever(incident);
  }
}

function troubleText({ trouble }: ModelFailure): string {
  switch (trouble) {
    case 'sign-in':
      return 'The model’s provider did not accept the sign-in';
    case 'quota':
      return 'The quota or the credit at the model’s provider is used up';
    case 'not-found':
      return 'The model’s provider does not know this model or address';
    case 'refused':
      return 'The model’s provider refused the request';
    case 'too-long':
      return 'The conversation is too long for the model';
    case 'rate-limit':
      return 'The model’s provider limits the rate of requests';
    case 'provider':
      return 'The model’s provider answered with an error';
    case 'connection':
      return 'The connection to the model’s provider failed';
    case 'other':
      return 'The model call failed';
    default:
      return assertNever(trouble);
  }
}

/** What the user can do about a failed model call; empty where nothing is known that would help. */
export function remedy({ trouble }: ModelFailure): string {
  switch (trouble) {
    case 'sign-in':
      return 'Sign in again or correct the API key, and restart the server.';
    case 'quota':
      return 'Wait until there is credit again, or add some.';
    case 'not-found':
      return 'Check the model’s name and the provider’s address.';
    case 'refused':
      return 'The same request would be refused again; the provider’s own words are in the details.';
    case 'too-long':
      return 'Begin a new session, or ask for less at once.';
    case 'rate-limit':
      return 'Wait a while.';
    case 'provider':
    case 'connection':
      return 'Wait until it can be had again.';
    case 'other':
      return '';
    default:
      return assertNever(trouble);
  }
}

export function loopSentence(loop: Loop): string {
  switch (loop) {
    case 'unknown-finish':
      return 'The model ended its answer without a reason twice in a row, so the turn was stopped before it could go on for ever.';
    case 'same-failure':
      return 'The same call failed three times in a row, so the turn was stopped.';
    case 'compaction':
      return 'The conversation was summarised three times with hardly anything done in between, so the turn was stopped.';
    case 'forgotten-call':
      return 'The model call broke off after a call of it had run. The engine was about to ask again without telling the model of that, so it was stopped first.';
    default:
      return assertNever(loop);
  }
}

/**
 * A time of day for people, `14:05 (in 60 min)`, with the day where that is another one. The zone is that of the
 * process, which may not be the reader's; the rest is true everywhere.
 *
 * @param at the time, @param now when it is said; epoch ms
 */
export function clockTime(at: number, now: number): string {
  const time = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} `;
  const day = time.toDateString() === new Date(now).toDateString() ? '' : date;
  return `${day}${two(time.getHours())}:${two(time.getMinutes())} (in ${waitText(at - now)})`;
}

function waitText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** What is said of a turn that waits until its model can be asked again; a short wait is the engine's own. */
export function parkedSentence(until: number, now: number): string {
  const time = clockTime(until, now);
  return until - now > PARK_MS
    ? `The model’s provider takes no request until ${time}; nothing is sent before that`
    : `The model is asked again at ${time}, and not before`;
}

/** The engine asks the model again by itself. @param attempt its own count of retries, from 1 */
export function retrySentence({ attempt, nextAt }: { attempt: number; nextAt: number }): string {
  const time = new Date(nextAt).toTimeString().slice(0, 8);
  return `The engine asks the model again by itself: try ${attempt + 1}, at ${time}`;
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
