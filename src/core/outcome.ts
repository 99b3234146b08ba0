import { assertNever } from './errors.ts';

/** How a turn or a run ended. */
export const OUTCOMES = [
  'ok',
  'error',
  'incomplete',
  'server-unreachable',
  'session-stalled',
  'interrupted',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The exit code of the `holdfast` command for an outcome; anything unknown reads as an error. */
export function exitCode(outcome: Outcome | (string & {})): number {
  switch (outcome as Outcome) {
    case 'ok':
      return 0;
    case 'error':
      return 1;
    case 'incomplete':
      return 2;
    case 'server-unreachable':
      return 3;
    case 'session-stalled':
      return 4;
    case 'interrupted':
      return 130;
    default:
      return 1;
  }
}

/** An outcome in words, for headings. */
export function outcomeTitle(outcome: Outcome): string {
  switch (outcome) {
    case 'ok':
      return 'Done';
    case 'error':
      return 'Failed';
    case 'incomplete':
      return 'Ended without a full answer';
    case 'server-unreachable':
      return 'Server gone';
    case 'session-stalled':
      return 'Stalled';
    case 'interrupted':
      return 'Stopped';
    default:
      return assertNever(outcome);
  }
}
