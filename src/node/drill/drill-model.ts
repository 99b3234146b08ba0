/**
 * The model of a drill: the demo model with other answers. Each turn that is struck is the same: a few words, a
 * command that appends one line to a file, and an answer in two halves. It answers from the conversation alone, so
 * that an agent which is made to begin anew would do all of it again.
 */
import { type ChatRequest, type Reply, textOf } from '../demo-model/chat.ts';
import { replyTo } from '../demo-model/reply.ts';
import { startDemoModel } from '../demo-model/server.ts';

/** The file in the workspace that the command appends to, and what the command says once it has. */
export const LEDGER = 'ledger.txt';
export const LINE = 'written by the agent';
export const NOTED = 'the line is noted';

export const WARM_UP = 'Say that you are ready.';
export const PROMPT = 'Append one line to the ledger with a command, then count to ten.';
const OPENING = 'First the line.';
export const FIRST_HALF = 'The line is there. One, two, three, four, five,';
const SECOND_HALF = ' six, seven, eight, nine, ten. That is all.';
/** All that it says in a turn. */
export const ANSWER = `${OPENING} ${FIRST_HALF}${SECOND_HALF}`;

/** How a turn is to go, as far as that differs between faults. */
export interface Scene {
  /** What follows in the shell after the line was written. */
  thenRun?: string;
  /** What is waited for between the halves of the answer, each time that it is begun or gone on with. */
  between(gone: AbortSignal): Promise<unknown>;
}

export interface DrillModel {
  /** Engine configuration with this model as the only one. Holds its key. */
  config: Record<string, unknown>;
  /** From here on turns go like this, and requests are counted anew. */
  play(scene: Scene): void;
  /** How often the turn's model was asked. */
  readonly requests: number;
  /** Resolves when it was asked more than so many times. */
  askedMoreThan(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startDrillModel(): Promise<DrillModel> {
  let scene: Scene = { between: () => Promise.resolve() };
  let requests = 0;
  let waiting: { count: number; resolve: () => void }[] = [];
  const { config, close } = await startDemoModel(undefined, (chat) => {
    const isTurn = (chat.tools ?? []).length > 0 && lastPrompt(chat) !== WARM_UP;
    if (!isTurn) return lastPrompt(chat) === WARM_UP ? { text: 'Ready.', calls: [] } : replyTo(chat);
    requests += 1;
    for (const { count, resolve } of waiting) if (requests > count) resolve();
    waiting = waiting.filter(({ count }) => requests <= count);
    return turnReply(chat, scene);
  });
  return {
    config,
    close,
    play(next) {
      scene = next;
      requests = 0;
    },
    get requests() {
      return requests;
    },
    askedMoreThan: (count) =>
      new Promise((resolve) => {
        if (requests > count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}

function turnReply({ messages }: ChatRequest, { thenRun, between }: Scene): Reply {
  const since = messages.slice(messages.findLastIndex(({ role }) => role === 'user'));
  if (!since.some(({ role }) => role === 'tool')) {
    const steps = [`echo ${LINE}>>${LEDGER}`, `echo ${NOTED}`, ...(thenRun === undefined ? [] : [thenRun])];
    const args = { command: steps.join(' && '), description: 'Append a line to the ledger' };
    return { text: OPENING, calls: [{ tool: 'bash', args }] };
  }
  const rest = { text: SECOND_HALF, after: between };
  const isBegun = messages.some((message) => textOf(message).includes(FIRST_HALF));
  return { text: isBegun ? '' : FIRST_HALF, rest, calls: [] };
}

function lastPrompt({ messages }: ChatRequest): string {
  const last = messages.findLast(({ role }) => role === 'user');
  return last === undefined ? '' : textOf(last);
}
