/** What is outside of Holdfast at one point: the engine's processes and its disk, the machine, the chances taken. */
import { between } from '../plan.ts';
import type { Plan, Temper } from './model.ts';
import type { FakeServer } from './server.ts';
import { SessionStore, type StoredTool } from './store.ts';
import { VirtualTime } from './time.ts';
import type { CallFault } from './turn-loop.ts';

/** A process of a tool. It ends by itself, or is ended. */
export interface Command {
  pid: number;
  /** Of the server that started it: it stands in its environment (OPENCODE.md 0.6). */
  parent: number;
  key: string;
  isAlive: boolean;
  onExit: () => void;
  kill(): void;
}

export interface WorldOptions {
  random(): number;
  plan: Plan;
  temper: Temper;
  /** For the model calls of the point's own session, in order. */
  callFaults: readonly (CallFault | undefined)[];
  /** How long a command takes until it has its effect, ms. */
  commandMs: number;
  tellsAgain: boolean;
  onMoment(name: string, server: FakeServer | undefined): void;
}

export class FakeWorld {
  readonly time = new VirtualTime();
  readonly store = new SessionStore();
  /** Nowhere: nothing is looked for in it. */
  readonly folder = '/nowhere/workspace';
  readonly ledger: { key: string; at: number }[] = [];
  readonly commands = new Set<Command>();
  /** The arguments of calls whose message does not have them yet. */
  readonly inputs = new WeakMap<StoredTool, Record<string, unknown>>();
  plan: Plan;
  readonly temper: Temper;
  /** Where a point wants it: what was told of late is told once more to a stream that connects again. */
  readonly tellsAgain: boolean;
  /** A turn cannot be stopped: the request is taken and never answered. */
  isDeafToAborts = false;
  /** How late the events are, ms: answers to requests may be newer then. */
  streamLagMs = 0;
  /** Requests and streams are refused until then, epoch ms. */
  refusesUntil = 0;
  /** The next reply that fits is lost although its request was carried out. */
  losesReplyOf: string | undefined;
  /** Answers are on their way for so long, ms. */
  replyMs = 0;
  readonly #options: WorldOptions;
  readonly #callFaults: (CallFault | undefined)[];
  #pids = 1000;
  #ableAt = 0;
  /** How many things hold the engine up that are nobody's fault here: a model that hangs, a wait before a retry. */
  #unable = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.plan = options.plan;
    this.temper = options.temper;
    this.tellsAgain = options.tellsAgain;
    this.#callFaults = [...options.callFaults];
  }

  between(low: number, high: number): number {
    return between(low, high, this.#options.random());
  }

  chance(share: number): boolean {
    return this.#options.random() < share;
  }

  newPid(): number {
    this.#pids += 1;
    return this.#pids;
  }

  nextCallFault(): CallFault | undefined {
    return this.#callFaults.shift();
  }

  onMoment(name: string, server: FakeServer | undefined): void {
    if (!name.startsWith('read')) this.notAbleUntil(this.time.now());
    this.#options.onMoment(name, server);
  }

  /** Until then nobody could have expected an end of the turn. */
  notAbleUntil(at: number): void {
    this.#ableAt = Math.max(this.#ableAt, at);
  }

  /** Since when the engine has been able to tell how the turn stands, epoch ms; undefined while it is not. */
  get ableSince(): number | undefined {
    return this.#unable > 0 ? undefined : this.#ableAt;
  }

  async whileUnable(wait: () => Promise<void>): Promise<void> {
    this.#unable += 1;
    try {
      await wait();
    } finally {
      this.#unable -= 1;
      this.notAbleUntil(this.time.now());
    }
  }

  /** What held a server up has died with it. */
  serverDied(): void {
    this.#unable = 0;
    this.notAbleUntil(this.time.now());
  }

  write(key: string): void {
    this.ledger.push({ key, at: this.time.now() });
  }

  spawnCommand(parent: number, key: string): Command {
    const exit = (): void => {
      command.isAlive = false;
      this.commands.delete(command);
      disarm();
      command.onExit();
    };
    const writes = this.time.after(this.#options.commandMs, () => {
      this.write(key);
      disarm = this.time.after(this.between(5, 300), exit);
    });
    let disarm = writes;
    const command: Command = {
      pid: this.newPid(),
      parent,
      key,
      isAlive: true,
      onExit: () => undefined,
      kill: () => {
        if (command.isAlive) exit();
      },
    };
    this.commands.add(command);
    return command;
  }
}
