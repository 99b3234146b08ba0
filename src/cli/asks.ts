/** Permissions and questions of the agent, answered by the person at the terminal, or denied where there is none. */
import * as readline from 'node:readline';
import type { Answer, Ask } from '../core/engine.ts';
import { explain } from '../core/errors.ts';
import type { JournalRecord, StopCause } from '../core/journal/record.ts';
import { asksUser, type RecoveryChoice } from '../core/recovery/incident.ts';
import { plain, plainLine } from './plain-text.ts';
import { permissionText } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** The part of a run that answering needs. */
export interface Asked {
  answer(askId: string, answer: Answer): Promise<void>;
  answerRecovery(choice: RecoveryChoice): void;
  stop(cause: StopCause): void;
}

type Question = Extract<Ask, { type: 'question' }>['questions'][number];

const DENIED: Readonly<Record<Ask['type'], Answer>> = {
  permission: { type: 'permission', reply: 'reject' },
  question: { type: 'dismiss' },
};

export class AskDesk {
  readonly #run: Asked;
  readonly #terminal: Terminal;
  /** Asks that wait for the person, in order of arrival; the first is on the screen. */
  readonly #waiting = new Map<string, { ask: Ask; closed: AbortController }>();
  #recovery: AbortController | undefined;
  #isOpen = false;
  #isExplained = false;

  constructor(run: Asked, terminal: Terminal) {
    this.#run = run;
    this.#terminal = terminal;
  }

  take(record: JournalRecord): void {
    if (record.kind === 'event' && record.event.type === 'ask') this.#open(record.event.ask);
    if (record.kind === 'event' && record.event.type === 'ask-closed')
      this.#waiting.get(record.event.askId)?.closed.abort();
    if (record.kind === 'decision' && asksUser(record)) void this.#askRecovery();
    // What the server asked died with it.
    if (record.kind === 'turn-settled' || record.kind === 'incident') {
      this.#recovery?.abort();
      for (const { closed } of this.#waiting.values()) closed.abort();
    }
  }

  #open(ask: Ask): void {
    if (this.#waiting.has(ask.id)) return;
    if (!this.#terminal.canAsk) {
      if (!this.#isExplained) {
        this.#terminal.say({
          label: 'note',
          text: 'there is no terminal to ask in, so everything asked is denied',
          tone: 'warn',
        });
      }
      this.#isExplained = true;
      void this.#send(ask, DENIED[ask.type]);
      return;
    }
    this.#waiting.set(ask.id, { ask, closed: new AbortController() });
    if (!this.#isOpen) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isOpen = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { ask, closed } = next;
      const answer = closed.signal.aborted ? undefined : await this.#put(ask, closed.signal);
      this.#waiting.delete(ask.id);
      if (!closed.signal.aborted) await this.#send(ask, answer ?? DENIED[ask.type]);
    }
    this.#isOpen = false;
  }

  #next() {
    return this.#waiting.values().next().value;
  }

  /** Whether to go on with a turn whose attempt failed. */
  async #askRecovery(): Promise<void> {
    if (!this.#terminal.canAsk) return this.#run.answerRecovery('nobody');
    this.#recovery?.abort();
    this.#recovery = new AbortController();
    const { signal } = this.#recovery;
    const choice = await this.#choose('Go on with this turn? [y]es, [n]o: ', signal, recoveryReply);
    if (!signal.aborted) this.#run.answerRecovery(choice ?? 'nobody');
  }

  /** An agent that waits for an answer which cannot reach it would wait for ever. */
  async #send(ask: Ask, answer: Answer): Promise<void> {
    try {
      await this.#run.answer(ask.id, answer);
    } catch (error) {
      this.#terminal.say({
        label: 'note',
        text: `the answer did not reach the agent: ${explain(error)}`,
        tone: 'error',
      });
      this.#run.stop('close');
    }
  }

  async #put(ask: Ask, closed: AbortSignal): Promise<Answer | undefined> {
    if (ask.type === 'permission') {
      const always = ask.always.length === 0 ? '' : ` (${ask.always.join(' ')})`;
      const text = `${plainLine(`Allow ${permissionText(ask)}? [y]es once, [a]lways${always}, [n]o:`)} `;
      const reply = await this.#choose(text, closed, permissionReply);
      return reply === undefined ? undefined : { type: 'permission', reply };
    }
    const answers: string[][] = [];
    for (const question of ask.questions) {
      const labels = await this.#choose(questionText(question), closed, (line) =>
        questionReply(question, line),
      );
      if (labels === undefined || labels === 'dismiss') return undefined;
      answers.push(labels);
    }
    return { type: 'question', answers };
  }

  /** Asks until the line can be understood; undefined when the input ended or nobody waits for it any more. */
  async #choose<T>(
    text: string,
    closed: AbortSignal,
    read: (line: string) => T | undefined,
  ): Promise<T | undefined> {
    for (;;) {
      this.#terminal.ask(text);
      const line = await readLine(this.#terminal.stdin, closed);
      if (line === undefined) {
        this.#terminal.ask('\n');
        return undefined;
      }
      const answer = read(line.trim());
      if (answer !== undefined) return answer;
    }
  }
}

function recoveryReply(line: string): RecoveryChoice | undefined {
  switch (line.toLowerCase()) {
    case 'y':
    case 'yes':
      return 'go-on';
    case 'n':
    case 'no':
      return 'keep';
    default:
      return undefined;
  }
}

function permissionReply(line: string): 'once' | 'always' | 'reject' | undefined {
  switch (line.toLowerCase()) {
    case 'y':
    case 'yes':
      return 'once';
    case 'a':
    case 'always':
      return 'always';
    case 'n':
    case 'no':
      return 'reject';
    default:
      return undefined;
  }
}

function questionText({ question, options, multiple, custom }: Question): string {
  const list = options.map(({ label, description }, index) => {
    return `  ${index + 1}  ${plainLine(`${label}${description === '' ? '' : `: ${description}`}`)}`;
  });
  const how = [
    multiple ? 'numbers with commas' : 'a number',
    ...(custom ? ['your own words'] : []),
    'empty to dismiss',
  ].join(', ');
  return `${[plain(question), ...list].join('\n')}\n${how}: `;
}

/** @returns the labels chosen, or undefined when the line names none of them. */
function questionReply(
  { options, multiple, custom }: Question,
  line: string,
): string[] | 'dismiss' | undefined {
  if (line === '') return 'dismiss';
  const words = (multiple ? line.split(',') : [line]).map((word) => word.trim());
  const chosen = words.map((word) => (/^\d+$/.test(word) ? options[Number(word) - 1]?.label : undefined));
  const labels = chosen.filter((label) => label !== undefined);
  if (labels.length === words.length) return labels;
  return custom && !/^[\d,\s]+$/.test(line) ? [line] : undefined;
}

/**
 * One line of input, or undefined when it ended or `closed` fires. Not in raw mode: Ctrl-C stays a signal to all of us.
 */
function readLine(input: NodeJS.ReadableStream, closed: AbortSignal): Promise<string | undefined> {
  if (closed.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const lines = readline.createInterface({ input, terminal: false });
    const end = () => lines.close();
    closed.addEventListener('abort', end, { once: true });
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => {
      closed.removeEventListener('abort', end);
      resolve(undefined);
    });
  });
}
