import type { Exit } from '../journal/record.ts';

/** The end of a process as the rest of a sentence: `was killed (signal 9)`, `exited with code 1`. */
export function exitInWords(exit: Pick<Exit, 'code' | 'signal'>): string {
  if (exit.signal !== undefined) return signalInWords(exit.signal);
  if (exit.code !== undefined) return `exited with code ${exit.code}`;
  return 'could not be started';
}

function signalInWords(signal: string): string {
  switch (signal) {
    case 'SIGKILL':
      return 'was killed (SIGKILL, signal 9)';
    case 'SIGTERM':
    case 'SIGINT':
    case 'SIGHUP':
      return `was told to end (${signal})`;
    case 'SIGSEGV':
    case 'SIGBUS':
    case 'SIGILL':
    case 'SIGABRT':
    case 'SIGFPE':
      return `crashed (${signal})`;
    default:
      return `was ended by ${signal}`;
  }
}
