/** One process of ours at a point: everything real above the fake engine, and what a user of it sees and does. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { JournalRecord } from '../../../src/core/journal/record.ts';
import type { PatchOp } from '../../../src/core/protocol.ts';
import { asksUser } from '../../../src/core/recovery/incident.ts';
import { parseSettings } from '../../../src/core/settings.ts';
import type { Run } from '../../../src/node/run/run.ts';
import { OwnedServer } from '../../../src/node/server/owned-server.ts';
import { WorkspaceHost } from '../../../src/node/workspace-host.ts';
import type { FakeMachine } from './processes.ts';
import { ProcessClock } from './time.ts';
import type { FakeWorld } from './world.ts';

/** How long a user thinks, ms. */
const THINKS_MS = [10, 2500] as const;

export interface User {
  /** What they say to a recovery that asks. */
  choice: 'go-on' | 'keep';
  /** How often they still say go on. */
  patience: number;
  /** Whether they refuse the next permission. */
  rejects: boolean;
  /** Every text that they were shown, by row; what only grew is there once. */
  shown: Map<string, string[]>;
  onRecord(record: JournalRecord, run: Run): void;
}

export interface WindowOptions {
  world: FakeWorld;
  machine: FakeMachine;
  storage: string;
  user: User;
}

export class Window {
  readonly host: WorkspaceHost;
  readonly clock: ProcessClock;
  readonly warnings: string[] = [];
  run: Run | undefined;
  readonly #options: WindowOptions;
  readonly #die: () => void;

  constructor(options: WindowOptions) {
    this.#options = options;
    const { world, machine, storage } = options;
    const clock = new ProcessClock(world.time);
    this.clock = clock;
    const processes = machine.host(clock);
    this.#die = () => processes.die();
    const engine = machine.engine(clock);
    const { settings } = parseSettings(() => undefined);
    const server = new OwnedServer({
      engine,
      host: processes,
      key: () => ({ name: 'fake', flavour: '' }),
      programs: '/fake',
      storage,
      clock,
      random: () => world.between(0, 1000) / 1000,
      directory: world.folder,
      env: {},
      choices: () => ({
        extraPath: [],
        limits: { restarts: settings.restartBudget, readyTimeoutMs: settings.engine.startTimeoutMs },
      }),
    });
    this.host = new WorkspaceHost({
      engine,
      server,
      folder: world.folder,
      storage,
      settings,
      model: 'fake/fake',
      demo: false,
      clock,
      log: { info: () => undefined, warn: (text) => void this.warnings.push(text) },
      version: '0.0.0',
      processStartedAt: 1,
      label: 'test',
      companions: [],
      reconcile: () => Promise.resolve(),
    });
    this.host.onRun((run) => this.show(run));
  }

  /** Takes what a window before it has left. Looking at files takes real time, in which nothing else happens. */
  adopt(): void {
    const { world, machine } = this.#options;
    const release = world.time.hold();
    machine.onAsked = release;
    void this.host.adoptRuns().finally(release);
  }

  /** It is gone from one moment to the next, and looks dead to the others. */
  crash(): void {
    this.#die();
    const folder = this.run?.folder;
    if (folder === undefined) return;
    const leases = readdirSync(folder).filter((name) => /^lease-\d+\.json$/.test(name));
    const lease = path.join(folder, leases.toSorted().at(-1) ?? '');
    const owner = JSON.parse(readFileSync(lease, 'utf8')) as { process: { startedAt: string } };
    owner.process.startedAt = 'before';
    writeFileSync(lease, JSON.stringify(owner));
  }

  /** It goes away in an orderly way. */
  async leave(): Promise<void> {
    await this.host.leave();
    this.#die();
  }

  /** It is closed for good. */
  async close(): Promise<void> {
    await this.host.close();
    this.#timersAtEnd = this.clock.timers;
    this.#die();
  }

  /** Timers that were still armed once it was closed. */
  get timersAtEnd(): number {
    return this.#timersAtEnd;
  }
  #timersAtEnd = 0;

  /** The user looks at this run from here on, and answers in it. */
  show(run: Run): void {
    if (this.run === run) return;
    this.run = run;
    const { user } = this.#options;
    run.listen({
      onRecord: (record) => {
        this.#react(record, run);
        user.onRecord(record, run);
      },
      onOps: (ops) => {
        for (const op of ops) this.#see(op);
      },
    });
    for (const row of run.snapshot().rows) this.#see({ op: 'row', row });
  }

  #react(record: JournalRecord, run: Run): void {
    if (record.kind === 'event' && record.event.type === 'ask') {
      const { id } = record.event.ask;
      this.#later(() => {
        if (!run.state.conversation.asks.has(id)) return;
        const { user } = this.#options;
        const reply = user.rejects ? 'reject' : 'once';
        user.rejects = false;
        // The server may be dead by then.
        void run.answer(id, { type: 'permission', reply }).catch(() => undefined);
      });
    }
    if (record.kind === 'decision' && asksUser(record))
      this.#later(() => {
        const { user } = this.#options;
        user.patience -= 1;
        run.answerRecovery(user.patience < 0 ? 'keep' : user.choice);
      });
  }

  #later(act: () => void): void {
    const { world } = this.#options;
    world.time.after(world.between(...THINKS_MS), () => {
      if (this.clock.isDead) return;
      world.notAbleUntil(world.time.now());
      act();
    });
  }

  #see(op: PatchOp): void {
    const { shown } = this.#options.user;
    if (op.op === 'row' && op.row.kind === 'text') {
      const { id, text } = op.row;
      const known = shown.get(id) ?? [];
      // What only grew is no other text.
      shown.set(id, [...known.filter((before) => !text.startsWith(before)), text]);
    }
    if (op.op === 'append') {
      const known = shown.get(op.id);
      const latest = known?.pop();
      if (known !== undefined && latest !== undefined) known.push(latest.slice(0, op.at) + op.text);
    }
  }
}
