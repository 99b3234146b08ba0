/** The machine's processes of the engine, and who holds them: what a guardian does, in virtual time. */
import type { Engine } from '../../../src/core/engine.ts';
import { StartError } from '../../../src/core/errors.ts';
import type { ProcessEnd } from '../../../src/core/server/exit-text.ts';
import type {
  HostedProcess,
  LeftBehind,
  Leftover,
  ProcessHost,
} from '../../../src/node/process/process-host.ts';
import { createFakeClient } from './client.ts';
import { createFakeHttp } from './http.ts';
import { FakeServer } from './server.ts';
import type { ProcessClock } from './time.ts';
import type { Command, FakeWorld } from './world.ts';

/** How a start goes (OPENCODE.md 1.1); what is not named goes well. */
export type StartFault = 'exits' | 'dies-when-ready' | 'never-ready' | 'no-process';

/** The graces of a guardian, as the settings have them, ms. */
const BUSY_GRACE_MS = 120_000;
const IDLE_GRACE_MS = 10_000;
/** From SIGTERM to SIGKILL, which alone ends a stopped process (7). */
const KILL_MS = 5000;

interface Window {
  clock: ProcessClock;
  isBusy: boolean;
}

/** One process of the engine, with the windows that use it. */
class EngineProcess {
  readonly world: FakeWorld;
  readonly pid: number;
  readonly windows = new Set<Window>();
  readonly exited: Promise<ProcessEnd>;
  readonly leftovers: Promise<readonly Leftover[]>;
  readonly leftoversGone: Promise<void>;
  handover = '';
  server: FakeServer | undefined;
  isAlive = true;
  #tellExit: (end: ProcessEnd) => void = () => undefined;
  #tellLeftovers: (left: readonly Leftover[]) => void = () => undefined;
  #tellGone: () => void = () => undefined;
  #commands: Command[] = [];
  #cancelGrace: () => void = () => undefined;

  constructor(world: FakeWorld) {
    this.world = world;
    this.pid = world.newPid();
    this.exited = new Promise((resolve) => (this.#tellExit = resolve));
    this.leftovers = new Promise((resolve) => (this.#tellLeftovers = resolve));
    this.leftoversGone = new Promise((resolve) => (this.#tellGone = resolve));
  }

  die(end: ProcessEnd): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.server?.die();
    this.world.serverDied();
    this.world.time.after(this.world.between(0, 30), () => this.#tellExit(end));
    this.world.time.after(this.world.between(30, 60), () => {
      this.#commands = [...this.world.commands].filter(({ parent }) => parent === this.pid);
      this.#tellLeftovers(
        this.#commands.map(({ pid, key }) => ({ pid, command: `write ${key}`, startedAt: 0 })),
      );
      for (const command of this.#commands) command.onExit = () => this.#lookForLeftovers();
      this.#lookForLeftovers();
    });
  }

  async end(): Promise<'gone'> {
    if (!this.isAlive) return 'gone';
    const { server, world } = this;
    if (server !== undefined && !server.isAsleep) {
      // The engine ends its work first: turns are aborted properly (6).
      await Promise.race([
        Promise.all([...server.loops.values()].map((loop) => loop.abort())).catch(() => undefined),
        world.time.sleep(2000),
      ]);
    }
    await world.time.sleep(server?.isAsleep === true ? KILL_MS : world.between(30, 85));
    this.die({ signal: 'SIGTERM', stderrTail: '' });
    await this.exited;
    return 'gone';
  }

  async endLeftovers(): Promise<void> {
    if (this.isAlive) return;
    await this.leftovers;
    await this.world.time.sleep(this.world.between(5, 60));
    for (const command of this.#commands) command.kill();
  }

  leave(window: Window): void {
    if (!this.windows.delete(window) || this.windows.size > 0) return;
    const grace = window.isBusy ? BUSY_GRACE_MS : IDLE_GRACE_MS;
    this.#cancelGrace();
    this.#cancelGrace = this.world.time.after(grace, () => {
      void this.end();
      void this.endLeftovers();
    });
  }

  come(window: Window): void {
    this.#cancelGrace();
    this.windows.add(window);
  }

  get commandsLeft(): number {
    return this.#commands.filter(({ isAlive }) => isAlive).length;
  }

  #lookForLeftovers(): void {
    if (this.commandsLeft === 0) this.#tellGone();
  }
}

/** All windows of a point start and hold their servers here. */
export class FakeMachine {
  readonly #world: FakeWorld;
  readonly #startFaults: (StartFault | undefined)[];
  readonly #processes: EngineProcess[] = [];
  /** When each process was started, epoch ms. */
  readonly startedAt: number[] = [];

  constructor(world: FakeWorld, startFaults: readonly (StartFault | undefined)[]) {
    this.#world = world;
    this.#startFaults = [...startFaults];
  }

  /** The process that serves, if there is one. */
  get serving(): EngineProcess | undefined {
    return this.#processes.find(({ isAlive }) => isAlive);
  }

  get left(): number {
    return this.#processes.filter(({ isAlive }) => isAlive).length;
  }

  processOf(server: FakeServer): EngineProcess | undefined {
    return this.#processes.find((candidate) => candidate.server === server);
  }

  /** Kills the process that serves with SIGKILL. */
  kill(): void {
    this.serving?.die({ signal: 'SIGKILL', stderrTail: '' });
  }

  engine(clock: ProcessClock): Engine {
    const { store, folder } = this.#world;
    return {
      kind: 'opencode',
      readOnlyPermissions: [],
      locate: () => Promise.resolve({ path: '/fake', version: '1.18.33', source: 'test' }),
      launch: () => ({ command: '/fake', args: [], env: {}, readyLine: /^listening on (http:\S+)$/ }),
      dataPath: () => '/fake',
      connect: ({ baseUrl }) => {
        const pid = Number(new URL(baseUrl).port);
        const server = this.#processes.find((candidate) => candidate.pid === pid)?.server;
        if (server === undefined) throw new Error(`nobody listens at ${baseUrl}`);
        return createFakeClient(createFakeHttp(server, clock), clock, folder);
      },
      newPromptIds: () => ({ messageId: store.newId('msg'), partId: store.newId('prt') }),
    };
  }

  /** For one window. Once its clock is dead, it hears of nothing any more. */
  host(clock: ProcessClock): ProcessHost & { die(): void } {
    const window: Window = { clock, isBusy: false };
    const held = new Set<EngineProcess>();
    return {
      hold: async (_key, make) => {
        this.onAsked();
        await this.#world.time.sleep(2);
        const found = this.serving;
        if (found !== undefined) {
          found.come(window);
          held.add(found);
          return { process: this.#seenBy(window, found), handover: found.handover, found: true };
        }
        const spec = await make();
        const started = await this.#start();
        started.handover = spec.handover;
        started.come(window);
        held.add(started);
        return { process: this.#seenBy(window, started), handover: spec.handover, found: false };
      },
      has: async () => {
        this.onAsked();
        await this.#world.time.sleep(1);
        return this.serving !== undefined;
      },
      leftBehind: async () => {
        this.onAsked();
        await this.#world.time.sleep(1);
        const gone = this.#processes.filter(
          (candidate) => !candidate.isAlive && candidate.commandsLeft > 0 && !held.has(candidate),
        );
        for (const one of gone) one.come(window);
        return gone.map((one) => this.#seenBy(window, one));
      },
      die: () => {
        clock.die();
        for (const one of held) one.leave(window);
      },
    };
  }

  async #start(): Promise<EngineProcess> {
    const world = this.#world;
    const fault = this.#startFaults.shift();
    world.notAbleUntil(world.time.now());
    if (fault === 'no-process') throw new StartError('The server could not be started.', '');
    this.startedAt.push(world.time.now());
    const started = new EngineProcess(world);
    this.#processes.push(started);
    world.onMoment('spawn', undefined);
    if (fault === 'exits') {
      const stderrTail = 'Error: Unexpected error';
      world.time.after(world.between(300, 1700), () => started.die({ code: 1, stderrTail }));
    } else if (fault !== 'never-ready') {
      world.time.after(world.between(1400, 2900), () => {
        if (!started.isAlive) return;
        started.server = new FakeServer(world, started.pid);
        this.#tellReady.get(started)?.();
        world.onMoment('ready-line', started.server);
        if (fault === 'dies-when-ready')
          world.time.after(world.between(0, 40), () => started.die({ code: 1, stderrTail: '' }));
      });
    }
    return started;
  }

  /** Told when a window asks for a server or what one left. */
  onAsked: () => void = () => undefined;
  readonly #tellReady = new Map<EngineProcess, () => void>();

  #readyLine(one: EngineProcess): Promise<RegExpExecArray> {
    const line = (): RegExpExecArray =>
      /^listening on (http:\S+)$/.exec(`listening on http://127.0.0.1:${one.pid}`) as RegExpExecArray;
    if (one.server !== undefined) return Promise.resolve(line());
    return new Promise((resolve) => {
      const told = this.#tellReady.get(one);
      this.#tellReady.set(one, () => {
        told?.();
        resolve(line());
      });
    });
  }

  #seenBy(window: Window, one: EngineProcess): HostedProcess & LeftBehind {
    const told = <T>(news: Promise<T>): Promise<T> =>
      new Promise((resolve) => void news.then((value) => window.clock.isDead || resolve(value)));
    return {
      pid: one.pid,
      readyLine: told(this.#readyLine(one)),
      exited: told(one.exited),
      leftovers: told(one.leftovers),
      leftoversGone: told(one.leftoversGone),
      get others() {
        const others = [...one.windows].filter((other) => other !== window);
        return { count: others.length, busy: others.some(({ isBusy }) => isBusy) };
      },
      isAlive: () => one.isAlive,
      tail: () => Promise.resolve(''),
      end: () => told(one.end()),
      endLeftovers: () => told(one.endLeftovers()),
      setBusy: (isBusy) => void (window.isBusy = isBusy),
      release: () => {
        one.leave(window);
        return Promise.resolve();
      },
    };
  }
}
