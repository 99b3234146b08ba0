import { assertNever } from '../../core/errors.ts';
import type { ProcessEnd } from '../../core/server/exit-text.ts';
import type { HostedProcess, Leftover, Others } from '../process/process-host.ts';
import { isAlive } from '../process/tree.ts';
import type { Link } from './guardian-link.ts';
import type { LineSocket } from './line-socket.ts';
import { type GuardianMessage, GuardianMessageSchema, parseLine } from './protocol.ts';

/** A process held by a guardian, as one of its clients sees it. */
export class GuardedProcess implements HostedProcess {
  readonly pid: number;
  readonly readyLine: Promise<RegExpExecArray>;
  readonly exited: Promise<ProcessEnd>;
  readonly leftovers: Promise<readonly Leftover[]>;
  others: Others;
  readonly #line: LineSocket;
  readonly #recover: () => Promise<void>;
  readonly #tails: ((text: string) => void)[] = [];
  #resolveReady: (match: RegExpExecArray) => void = () => {};
  #resolveExited: (end: ProcessEnd) => void = () => {};
  #resolveLeftovers: (leftovers: readonly Leftover[]) => void = () => {};
  #ends: ((result: 'gone' | 'alive') => void)[] = [];
  #ending: Promise<'gone' | 'alive'> | undefined;
  readonly leftoversGone: Promise<void>;
  #resolveLeftoversGone: () => void = () => {};
  #state: 'linked' | 'released' | 'lost' = 'linked';
  #isBusy = false;
  #lastTail = '';
  /** Resolves when the connection is gone and what followed from that is done. */
  readonly #over: Promise<void>;

  /** @param recover ends what a guardian that died has left behind, if it is dead. Never rejects. */
  constructor({ line, welcome }: Link, recover: () => Promise<void>) {
    this.pid = welcome.pid;
    this.others = welcome.others;
    this.#line = line;
    this.#recover = recover;
    this.readyLine = new Promise((resolve) => (this.#resolveReady = resolve));
    this.exited = new Promise((resolve) => (this.#resolveExited = resolve));
    this.leftovers = new Promise((resolve) => (this.#resolveLeftovers = resolve));
    this.leftoversGone = new Promise((resolve) => (this.#resolveLeftoversGone = resolve));
    if (welcome.ready !== undefined) this.#resolveReady(asMatch(welcome.ready));
    line.onLine((text) => {
      const message = parseLine(GuardianMessageSchema, text);
      // A newer guardian may say more than we understand.
      if (message !== undefined) this.#hear(message);
    });
    this.#over = line.closed.then(() => this.#onClose());
  }

  isAlive(): boolean {
    return isAlive(this.pid);
  }

  async tail(): Promise<string> {
    if (this.#state !== 'linked') return this.#lastTail;
    const told = new Promise<string>((resolve) => this.#tails.push(resolve));
    this.#line.send({ type: 'tail' });
    return told;
  }

  end(): Promise<'gone' | 'alive'> {
    this.#ending ??= this.#endOnce();
    return this.#ending;
  }

  async endLeftovers(): Promise<void> {
    this.#line.send({ type: 'end-leftovers' });
    await this.leftoversGone;
  }

  setBusy(busy: boolean): void {
    if (busy === this.#isBusy) return;
    this.#isBusy = busy;
    this.#line.send({ type: 'busy', busy });
  }

  async release(): Promise<void> {
    if (this.#state === 'linked') this.#state = 'released';
    this.#line.end();
    await this.#line.closed;
  }

  async #endOnce(): Promise<'gone' | 'alive'> {
    if (this.#state === 'linked') {
      const told = new Promise<'gone' | 'alive'>((resolve) => this.#ends.push(resolve));
      this.#line.send({ type: 'end' });
      const result = await told;
      // May be asked for again.
      if (result === 'alive') this.#ending = undefined;
      return result;
    }
    await this.#over;
    return 'gone';
  }

  #hear(message: GuardianMessage): void {
    switch (message.type) {
      case 'ready':
        this.#resolveReady(asMatch(message.match));
        return;
      case 'others':
        this.others = { count: message.count, busy: message.busy };
        return;
      case 'tail':
        this.#tails.shift()?.(message.text);
        return;
      case 'exited': {
        const { code, signal, tail, expected } = message;
        this.#lastTail = tail;
        this.#resolveExited({
          ...(code !== undefined && { code }),
          ...(signal !== undefined && { signal }),
          ...(expected && { expected }),
          stderrTail: tail,
        });
        return;
      }
      case 'leftovers':
        this.#resolveLeftovers(message.leftovers);
        if (message.leftovers.length === 0) this.#resolveLeftoversGone();
        return;
      case 'ended':
        for (const told of this.#ends.splice(0)) told(message.result);
        return;
      case 'prove':
      case 'welcome':
        return;
      default:
        assertNever(message);
    }
  }

  /** Nobody holds the process for us any more. Unless we let go of it: end it, if nobody holds it at all. */
  async #onClose(): Promise<void> {
    if (this.#state === 'linked') {
      this.#state = 'lost';
      await this.#recover();
      // Inert where the guardian has told it.
      this.#resolveExited({ stderrTail: this.#lastTail });
      this.#resolveLeftovers([]);
    }
    // A guardian goes when none is left.
    this.#resolveLeftoversGone();
    for (const told of this.#tails.splice(0)) told(this.#lastTail);
    for (const told of this.#ends.splice(0)) told('gone');
  }
}

function asMatch([whole = '', ...rest]: readonly (string | null)[]): RegExpExecArray {
  const match = [whole, ...rest.map((group) => group ?? undefined)] as string[];
  return Object.assign(match as [string, ...string[]], { index: 0, input: whole }) as RegExpExecArray;
}
