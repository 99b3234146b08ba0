/** The turn that this campaign cuts: text, a tool that reads, a command that writes, a sub-agent, more text. */
import type { ModelAnswer, Step } from '../../fakes/model/steps.ts';
import { hold, says, text, tool } from '../../fakes/model/steps.ts';
import type { ModelRequest } from '../../fakes/model/request.ts';

/** Pieces of text before each call and at the end; each waits until the one before was seen. */
const PIECES = 4;
const PARTS = ['read', 'bash', 'task', 'end'] as const;

export interface TurnFiles {
  /** Read by the tools. */
  notes: string;
  /** Gets the number of a turn each time that its command runs. */
  ledger: string;
}

export function promptOf(point: number): string {
  return `Go ${point}`;
}

/** Names of the gates of a turn, in the order in which it comes to them. */
export function gatesOf(point: number): string[] {
  return PARTS.flatMap((part) => Array.from({ length: PIECES }, (_, piece) => gate(point, part, piece)));
}

/** Answers from what it is shown alone: whether the engine was killed in between makes no difference to it. */
export function scriptOf({ notes, ledger }: TurnFiles): (request: ModelRequest) => ModelAnswer | undefined {
  return (request) => {
    const [, who, number] = /^(Go|Sub) (\d+)$/.exec(request.prompt) ?? [];
    if (who === undefined) return undefined;
    const point = Number(number);
    const called = callsOf(request);
    const read = tool('read', { filePath: notes });
    if (who === 'Sub') return called.has('read') ? says(text('Looked.')) : says(read);
    if (!called.has('read')) return says(...words(point, 'read'), read);
    if (!called.has('bash')) {
      const command = `sleep 0.2; echo ${point} >> '${ledger}'; sleep 0.3`;
      return says(...words(point, 'bash'), tool('bash', { command, description: 'Write' }));
    }
    if (!called.has('task')) {
      const task = { description: 'Look', prompt: `Sub ${point}`, subagent_type: 'general' };
      return says(...words(point, 'task'), tool('task', task));
    }
    return says(...words(point, 'end'));
  };
}

function words(point: number, part: (typeof PARTS)[number]): Step[] {
  return Array.from({ length: PIECES }, (_, piece) => [
    text(`${piece === 0 ? `Before ${part}` : ', and'} ${piece}`),
    hold(gate(point, part, piece)),
  ]).flat();
}

function gate(point: number, part: string, piece: number): string {
  return `${point}.${part}.${piece}`;
}

/** The tools that were called since the prompt, whatever became of them. */
function callsOf({ messages }: ModelRequest): Set<string> {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  const names = messages.slice(last + 1).flatMap((message) => {
    const calls = (message as { tool_calls?: { function?: { name?: string } }[] }).tool_calls ?? [];
    return calls.map((call) => call.function?.name ?? '');
  });
  return new Set(names);
}
