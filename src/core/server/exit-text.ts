/** Why a server is not there, in sentences for people. */
import type { Exit } from '../journal/record.ts';
import { exitInWords } from './exit.ts';

/** What the host of a process knows about its end. `code` and `signal` are both absent when nobody saw it end. */
export type ProcessEnd = Omit<Exit, 'expected'> & {
  /** Another client of the process asked for its end. */
  expected?: boolean;
};

/** Longest piece of the engine's own words inside a sentence; the whole tail is in the details. */
const QUOTE_CHARS = 300;

export function crashSentence(end: ProcessEnd): string {
  return `The server ${ended(end)}.`;
}

/** Why a start failed, with the first thing that the engine said about it. */
export function startFailureSentence(end: ProcessEnd): string {
  const words = firstWords(end.stderrTail);
  const quote = words === '' ? '' : ` It said: ${words}`;
  return `The server ${ended(end)} before it was ready.${quote}`;
}

function ended(end: ProcessEnd): string {
  return end.code === undefined && end.signal === undefined
    ? 'is gone; its end was not seen'
    : exitInWords(end);
}

/** opencode 1.18.33 names the cause in its first error line and adds positions or a stack below. */
function firstWords(tail: string): string {
  const line = tail.split('\n').find((candidate) => /[\p{L}\p{N}]/u.test(candidate)) ?? '';
  const words = line.trim();
  return words.length > QUOTE_CHARS ? `${words.slice(0, QUOTE_CHARS)}…` : words;
}
