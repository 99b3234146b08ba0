/** The turn that a campaign runs: text that streams, a tool that reads, a command that takes its time, more text. */
import { hold, says, type Step, text, tool } from '../fakes/model/steps.ts';
import type { Scripts } from '../fakes/model/server.ts';

export const PROMPT = 'Go';
/** Pieces of text in each of the three answers. Each waits until it is let through. */
const PIECES = [10, 6, 6] as const;
/** Between the lines that the command prints for as long as its child runs, s: they become records. */
const TICK = 0.25;

export interface TurnFiles {
  /** Read by the tool. */
  notes: string;
  /** Gets a line for each time that the command begins. */
  ledger: string;
  /** Gets the pid of the command's child. */
  pids: string;
}

/** Names of the gates, in the order in which the turn comes to them. */
export const GATES: readonly string[] = PIECES.flatMap((count, answer) =>
  Array.from({ length: count }, (_, piece) => gate(answer, piece)),
);

/** The text of each answer, whole. */
export const TEXTS: readonly string[] = PIECES.map((count, answer) =>
  Array.from({ length: count }, (_, piece) => words(answer, piece)).join(''),
);

/** @param seconds how long the child of the command runs. */
export function turnScript({ notes, ledger, pids }: TurnFiles, seconds: number): Scripts {
  const command = [
    `echo begun >> '${ledger}'`,
    `sh -c 'echo $$ >> "${pids}"; exec sleep ${seconds}' & child=$!`,
    `while kill -0 $child 2>/dev/null; do echo tick; sleep ${TICK}; done`,
    'wait $child',
  ].join('\n');
  return {
    [PROMPT]: [
      says(...streamed(0), tool('read', { filePath: notes })),
      says(...streamed(1), tool('bash', { command, description: 'Take a while' })),
      says(...streamed(2)),
    ],
  };
}

function streamed(answer: 0 | 1 | 2): Step[] {
  return Array.from({ length: PIECES[answer] }, (_, piece) => [
    text(words(answer, piece)),
    hold(gate(answer, piece)),
  ]).flat();
}

function gate(answer: number, piece: number): string {
  return `${answer}.${piece}`;
}

function words(answer: number, piece: number): string {
  // The engine cuts blanks off the end of a text.
  return `${piece === 0 ? 'Answer' : ', piece'} ${answer}.${piece}`;
}
