import type { Clock } from '../../core/clock.ts';
import { assertNever } from '../../core/errors.ts';
import type { ProcessEnd } from '../../core/server/exit-text.ts';
import type { HostedProcess, Leftover, Others } from '../process/process-host.ts';
import { type Graces, graceMs, type LastWord } from './grace.ts';
import type { ClientMessage, GuardianMessage, Welcome } from './protocol.ts';

/** The server ended because somebody wanted it to. */
export const EXIT_ASKED = 0;
/** The server ended by itself. */
export const EXIT_SERVER_DIED = 1;

export interface GuardianPorts {
  clock: Clock;
  process: HostedProcess;
  /** Asks the server to end its work; `url` is group 1 of its ready line. Never rejects, bounded in time. */
  dispose(url: string): Promise<void>;
  /** Never rejects. */
  findLeftovers(): Promise<Leftover[]>;
  /** Never rejects. */
  endLeftovers(leftovers: readonly Leftover[]): Promise<void>;
  /** The ready line came: its group 1. */
  onReady(url: string): void;
  /** The server has ended by itself: whoever wants one needs another. Never rejects. */
  onOver(): Promise<void>;
  /** There is nothing to hold any more. Awaited before clients are told. Never rejects. */
  onDone(): Promise<void>;
}

/** What clients are told when they come. */
export interface Holding {
  flavour: string;
  handover: string;
  graces: Graces;
}

/**
 *     holding ──end, grace over──▶ ending ──▶ done (exit 0)
 *        ▲ │                         │
 *        │ └─ the server dies ──▶ over ──its leftovers are ended──▶ done (exit 1)
 *        └───── outlived SIGKILL ────┘
 */
type Phase = 'holding' | 'ending' | 'over' | 'done';

/** A client that has shown that it may be one. */
export interface Client {
  send(message: GuardianMessage): void;
  graces: Graces;
}

/** Somebody who has gone and whose grace is left. */
interface Awaited {
  cancel(): void;
}

interface Seat {
  client: Client;
  busy: boolean;
  /** Whether it has been busy. */
  hadTurn: boolean;
  /** Who was awaited when it came. */
  awaitedBefore: readonly Awaited[];
  /** As last told. */
  others: Others;
}

/** Holds one server for its clients, and ends when nobody needs it any more. */
export class Guardian {
  readonly #ports: GuardianPorts;
  readonly #holding: Holding;
  readonly #seats = new Set<Seat>();
  readonly #awaited = new Set<Awaited>();
  #phase: Phase = 'holding';
  #ready: RegExpExecArray | undefined;
  #exited: Extract<GuardianMessage, { type: 'exited' }> | undefined;
  #leftovers: Leftover[] | undefined;
  #endingLeftovers: Promise<void> | undefined;
  #finish: (exitCode: number) => void = () => {};
  /** Resolves with the exit code when there is nothing left to do. */
  readonly done: Promise<number>;

  constructor(ports: GuardianPorts, holding: Holding) {
    this.#ports = ports;
    this.#holding = holding;
    this.done = new Promise((resolve) => (this.#finish = resolve));
    void ports.process.readyLine.then((match) => {
      this.#ready = match;
      ports.onReady(match[1] ?? '');
      this.#tellAll({ type: 'ready', match: groups(match) });
    });
    void ports.process.exited.then((end) => this.#onExit(end));
    this.#await('ordered', holding.graces);
  }

  /** A client has come. What it says goes to `hear`; `leave` when it has gone, in whatever way. */
  join(client: Client): { hear(message: ClientMessage): void; leave(): void } {
    const seat: Seat = {
      client,
      busy: false,
      hadTurn: false,
      awaitedBefore: [...this.#awaited],
      others: { count: 0, busy: false },
    };
    this.#seats.add(seat);
    seat.others = this.#othersOf(seat);
    client.send(this.#welcome(seat));
    if (this.#exited !== undefined) client.send(this.#exited);
    if (this.#leftovers !== undefined) client.send({ type: 'leftovers', leftovers: this.#leftovers });
    this.#tellOthers();
    return {
      hear: (message) => void this.#hear(seat, message),
      leave: () => {
        if (!this.#seats.delete(seat)) return;
        // Whoever came after another had gone, had a turn and has none any more, has done with what that one left.
        if (seat.hadTurn && !seat.busy) for (const gone of seat.awaitedBefore) this.#forget(gone);
        this.#await(seat.busy ? 'busy' : 'idle', client.graces);
        this.#tellOthers();
      },
    };
  }

  /** Ends the server for everybody. */
  async end(): Promise<void> {
    if (this.#phase !== 'holding') return;
    this.#phase = 'ending';
    const { process, dispose, findLeftovers, endLeftovers, onDone } = this.#ports;
    const url = this.#ready?.[1];
    if (url !== undefined) await Promise.race([dispose(url), process.exited]);
    if ((await process.end()) === 'alive') {
      this.#phase = 'holding';
      this.#tellAll({ type: 'ended', result: 'alive' });
      // Tried again when nobody is there: a process that waits for a disk may go later.
      this.#await('ordered', this.#holding.graces);
      return;
    }
    await endLeftovers(await findLeftovers());
    this.#phase = 'done';
    await onDone();
    this.#tellAll({ type: 'leftovers', leftovers: [] });
    this.#tellAll({ type: 'ended', result: 'gone' });
    this.#finish(EXIT_ASKED);
  }

  async #hear(seat: Seat, message: ClientMessage): Promise<void> {
    switch (message.type) {
      case 'busy':
        seat.busy = message.busy;
        seat.hadTurn ||= message.busy;
        this.#tellOthers();
        return;
      case 'tail':
        seat.client.send({ type: 'tail', text: await this.#ports.process.tail() });
        return;
      case 'end':
        // What ended by itself takes what is left of its group along; that may be under way.
        if (this.#phase === 'over')
          seat.client.send({ type: 'ended', result: await this.#ports.process.end() });
        else await this.end();
        return;
      case 'end-leftovers':
        if (this.#phase === 'over') await this.#endLeftovers();
        return;
      case 'hello':
      case 'proved':
        return;
      default:
        assertNever(message);
    }
  }

  async #onExit({ code, signal, stderrTail }: ProcessEnd): Promise<void> {
    const expected = this.#phase === 'ending';
    this.#exited = {
      type: 'exited',
      ...(code !== undefined && { code }),
      ...(signal !== undefined && { signal }),
      tail: stderrTail,
      expected,
    };
    if (!expected) this.#phase = 'over';
    this.#tellAll(this.#exited);
    if (expected) return;
    const { process, clock, onOver, findLeftovers } = this.#ports;
    await onOver();
    await process.end();
    this.#leftovers = await findLeftovers();
    if (this.#leftovers.length === 0) {
      await this.#endOver();
      return;
    }
    this.#tellAll({ type: 'leftovers', leftovers: this.#leftovers });
    this.#tellAll({ type: 'ended', result: 'gone' });
    clock.setTimer(graceMs('busy', this.#holding.graces), () => void this.#endLeftovers());
  }

  #endLeftovers(): Promise<void> {
    this.#endingLeftovers ??= this.#endLeftoversOnce();
    return this.#endingLeftovers;
  }

  async #endLeftoversOnce(): Promise<void> {
    // Asked for again: the list is as old as the wait, and they may have had children.
    await this.#ports.endLeftovers(await this.#ports.findLeftovers());
    this.#leftovers = [];
    await this.#endOver();
  }

  async #endOver(): Promise<void> {
    this.#phase = 'done';
    await this.#ports.onDone();
    this.#tellAll({ type: 'leftovers', leftovers: [] });
    this.#tellAll({ type: 'ended', result: 'gone' });
    this.#finish(EXIT_SERVER_DIED);
  }

  /** Counts somebody who is not here as if it were, for its grace. */
  #await(lastWord: LastWord, graces: Graces): void {
    if (this.#phase !== 'holding') return;
    const awaited: Awaited = {
      cancel: this.#ports.clock.setTimer(graceMs(lastWord, graces), () => {
        this.#awaited.delete(awaited);
        if (this.#awaited.size === 0 && this.#seats.size === 0) void this.end();
      }),
    };
    this.#awaited.add(awaited);
  }

  #forget(awaited: Awaited): void {
    awaited.cancel();
    this.#awaited.delete(awaited);
  }

  #welcome(seat: Seat): Welcome {
    const { flavour, handover } = this.#holding;
    return {
      type: 'welcome',
      phase: this.#phase === 'done' ? 'ending' : this.#phase,
      flavour,
      handover,
      pid: this.#ports.process.pid,
      others: seat.others,
      ...(this.#ready && { ready: groups(this.#ready) }),
    };
  }

  #tellAll(message: GuardianMessage): void {
    for (const { client } of this.#seats) client.send(message);
  }

  #tellOthers(): void {
    for (const seat of this.#seats) {
      const others = this.#othersOf(seat);
      if (others.count === seat.others.count && others.busy === seat.others.busy) continue;
      seat.others = others;
      seat.client.send({ type: 'others', ...others });
    }
  }

  #othersOf(seat: Seat): Others {
    const others = [...this.#seats].filter((other) => other !== seat);
    return { count: others.length, busy: others.some(({ busy }) => busy) };
  }
}

function groups(match: RegExpExecArray): (string | null)[] {
  return Array.from(match, (group: string | undefined) => group ?? null);
}
