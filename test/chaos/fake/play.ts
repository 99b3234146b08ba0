/** Plays one point: a turn on an engine that misbehaves, and what became of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalRecord } from '../../../src/core/journal/record.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import { randomFrom } from '../plan.ts';
import type { Deed, Strike } from './faults.ts';
import { type Account, judge, type Start } from './judge.ts';
import { FakeMachine } from './processes.ts';
import { REFUSED_PROMPT } from './routes.ts';
import type { Point } from './plan.ts';
import type { FakeServer } from './server.ts';
import { type User, Window } from './window.ts';
import { FakeWorld } from './world.ts';

/** A turn that has not ended after so long never will: longer than all clocks of silence one after the other, ms. */
const ENDLESS_MS = 3 * 3_600_000;
/** After its end, what was under way gets there, ms. */
const AFTERMATH_MS = 15_000;
/** The longest grace of a server that nobody uses any more, and its end, ms. */
const GRACE_MS = 140_000;
/** How often a user has a turn go on that was cut off again. */
const PATIENCE = 3;
/** Tries of a user whose prompt could not be sent. */
const TRIES = 4;

export interface Played {
  point: Point;
  /** Of each turn, in order. */
  outcomes: string[];
  decisions: string[];
  broken: string[];
  /** Whether everything that was planned for it came about. */
  isStruck: boolean;
  journal: readonly JournalRecord[];
  /** What happened in the world, a line each. */
  events: string[];
}

/** @param alsoReplay takes the decisions of the journal in a folder again. @returns what came out differently. */
export async function play(
  point: Point,
  alsoReplay: (folder: string) => Promise<string[]> = () => Promise.resolve([]),
): Promise<Played> {
  const storage = mkdtempSync(join(tmpdir(), `point-${point.number}-`));
  try {
    const { folder, ...played } = await new Stage(point, storage).play();
    return { ...played, broken: [...played.broken, ...(await alsoReplay(folder))] };
  } finally {
    rmSync(storage, { recursive: true, force: true });
  }
}

class Stage {
  readonly #point: Point;
  readonly #world: FakeWorld;
  readonly #machine: FakeMachine;
  readonly #storage: string;
  readonly #user: User;
  readonly #windows: Window[] = [];
  readonly #chains: { strikes: readonly Strike[]; next: number; seen: number }[];
  readonly #events: string[] = [];
  readonly #late: Account['late'] = [];
  readonly #starts: Start[] = [];
  readonly #broken: string[] = [];
  readonly #prompts: string[] = [];
  #isAway = false;
  #isStruck = true;

  constructor(point: Point, storage: string) {
    const { faults, plan, temper, choice, rejects, seed } = point;
    this.#point = point;
    this.#storage = storage;
    this.#chains = faults.chains.map((strikes) => ({ strikes, next: 0, seen: 0 }));
    this.#world = new FakeWorld({
      random: randomFrom(seed),
      plan,
      temper,
      callFaults: faults.calls ?? [],
      commandMs: faults.commandMs ?? 200,
      tellsAgain: faults.tellsAgain ?? false,
      onMoment: (name, server) => this.#onMoment(name, server),
    });
    this.#world.isDeafToAborts = faults.isDeafToAborts ?? false;
    this.#machine = new FakeMachine(this.#world, faults.starts ?? []);
    const shown = new Map<string, string[]>();
    this.#user = { choice, patience: PATIENCE, rejects, shown, onRecord: (record) => this.#onRecord(record) };
  }

  get #window(): Window {
    const window = this.#windows.at(-1);
    if (window === undefined) throw new Error('no window is open');
    return window;
  }

  async play(): Promise<Played & { folder: string }> {
    const { time } = this.#world;
    this.#open();
    this.#window.show(await this.#window.host.startSession());
    await this.#turn(this.#point.faults.isRefused === true ? REFUSED_PROMPT : `Go ${this.#point.number}`);
    const { nextAfterMs } = this.#point;
    await time.pass(nextAfterMs ?? 0);
    if (nextAfterMs !== undefined) {
      this.#isStruck = this.#hasStruck();
      this.#chains.length = 0;
      this.#world.plan = [];
      this.#world.isDeafToAborts = false;
      this.#user.choice = 'go-on';
      await this.#turn(`More ${this.#point.number}`);
    }
    await this.#settleDown();
    return this.#finish(time.now());
  }

  /** A prompt, until nothing is under way any more. */
  async #turn(text: string): Promise<void> {
    const { time } = this.#world;
    let fails = '';
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { run, host } = this.#window;
      if (run === undefined) return;
      let is: 'asked' | 'begun' | 'failed' = 'asked';
      this.#starts.push({ at: time.now(), by: 'user' });
      host.prompt(run, text).then(
        () => (is = 'begun'),
        (error: Error) => {
          is = 'failed';
          fails = error.message;
        },
      );
      if (!(await time.passUntil(() => is !== 'asked', ENDLESS_MS))) {
        // A window that is gone does not say how it went.
        if (!this.#windows.some(({ clock }) => clock.isDead))
          this.#broken.push('a prompt is neither sent nor refused');
        break;
      }
      if ((is as string) === 'begun') break;
      this.#note(`the prompt was not taken: ${fails}`);
      await time.pass(10_000);
    }
    const isOver = (): boolean => !this.#isAway && this.#window.run?.active !== true;
    if (!(await time.passUntil(isOver, ENDLESS_MS)))
      this.#broken.push(`still not over: ${this.#window.run?.state.turn?.phase}`);
    this.#prompts.push(text);
  }

  /** What was under way at the end of the last turn gets there. */
  async #settleDown(): Promise<void> {
    const { time } = this.#world;
    const isOver = (): boolean => !this.#isAway && this.#window.run?.active !== true;
    await time.pass(AFTERMATH_MS);
    await time.passUntil(isOver, ENDLESS_MS);
    this.#isStruck &&= this.#hasStruck();
    // Nothing is stopped, or over, that the engine is still at; one that cannot be stopped is the user's to restart.
    await time.passUntil(() => this.#machine.serving?.server?.isAsleep !== true, ENDLESS_MS);
    await time.pass(1000);
    const server = this.#machine.serving?.server;
    const isAtIt = server !== undefined && server.loops.size > 0;
    if (isOver() && isAtIt && this.#point.faults.isDeafToAborts !== true)
      this.#broken.push('the turn is over, and the engine still works on it');
  }

  #hasStruck(): boolean {
    return this.#chains.every(({ strikes, next }) => next === strikes.length);
  }

  async #finish(endedAt: number): Promise<Played & { folder: string }> {
    const world = this.#world;
    const { run } = this.#window;
    if (run === undefined) throw new Error('there is no run');
    let isClosed = false;
    void this.#window.close().then(() => (isClosed = true));
    if (!(await world.time.passUntil(() => isClosed, 60_000))) this.#broken.push('the window does not close');
    await world.time.pass(GRACE_MS);
    const { records, problems } = readJournal(run.folder);
    const account: Account = {
      point: this.#point,
      records,
      rows: run.snapshot().rows,
      shown: this.#user.shown,
      sessions: world.store.all,
      ledger: world.ledger.map(({ key }) => key),
      prompts: this.#prompts,
      starts: [...this.#starts, ...this.#machine.startedAt.map((at): Start => ({ at, by: 'holdfast' }))],
      late: this.#late,
      timers: this.#windows.reduce((sum, { timersAtEnd }) => sum + timersAtEnd, 0),
      processes: this.#machine.left,
      commands: world.commands.size,
      problems: [...this.#broken, ...problems],
    };
    this.#note(`ended ${endedAt}`);
    return {
      point: this.#point,
      outcomes: records.flatMap((record) => (record.kind === 'turn-settled' ? [record.outcome] : [])),
      decisions: records.flatMap((record) => (record.kind === 'decision' ? [record.decision] : [])),
      broken: judge(account),
      isStruck: this.#isStruck,
      journal: records,
      events: [...this.#events, ...this.#windows.flatMap(({ warnings }) => warnings)],
      folder: run.folder,
    };
  }

  #open(): void {
    this.#windows.push(
      new Window({
        world: this.#world,
        machine: this.#machine,
        storage: this.#storage,
        user: this.#user,
      }),
    );
  }

  #onRecord(record: JournalRecord): void {
    if (record.kind !== 'turn-settled') return;
    const { ableSince } = this.#world;
    if (ableSince !== undefined) this.#late.push({ turnId: record.turnId, ms: record.at - ableSince });
    if (record.outcome === 'ok') this.#starts.push({ at: record.at, by: 'success' });
  }

  #onMoment(name: string, server: FakeServer | undefined): void {
    for (const chain of this.#chains) {
      const strike = chain.strikes[chain.next];
      if (strike === undefined || strike.at !== name) continue;
      chain.seen += 1;
      if (chain.seen < strike.nth) continue;
      chain.next += 1;
      chain.seen = 0;
      this.#note(`${strike.deed.do} at ${name}`);
      this.#strike(strike.deed, server);
    }
  }

  #strike(deed: Deed, server: FakeServer | undefined): void {
    const world = this.#world;
    const { time } = world;
    switch (deed.do) {
      case 'kill':
        this.#machine.kill();
        return;
      case 'freeze':
        return server?.freeze(deed.ms);
      case 'cut':
        server?.cutStreams(deed.how);
        if (deed.how === 'deaf') world.notAbleUntil(time.now() + DEAF_MS);
        return;
      case 'refuse':
        world.refusesUntil = time.now() + deed.ms;
        return world.notAbleUntil(world.refusesUntil);
      case 'lag':
        world.streamLagMs = deed.ms;
        return;
      case 'slow':
        world.replyMs = deed.ms;
        return;
      case 'lose':
        world.losesReplyOf = deed.what;
        return;
      case 'stop':
        return this.#byUser(({ run }) => run?.stop('user'));
      case 'restart':
        return this.#byUser(({ host }) => {
          this.#starts.push({ at: time.now(), by: 'user' });
          void host.restartServer().catch(() => undefined);
        });
      case 'window':
        return this.#byUser((window) => this.#change(window, deed));
    }
  }

  /** Not from inside of what happens at that moment. */
  #byUser(act: (window: Window) => void): void {
    this.#world.time.after(0, () => {
      this.#world.notAbleUntil(this.#world.time.now());
      if (!this.#isAway) act(this.#window);
    });
  }

  #change(window: Window, { how, kills, afterMs }: Extract<Deed, { do: 'window' }>): void {
    const { time } = this.#world;
    this.#isAway = true;
    this.#note(`the window goes: ${how}`);
    const isGone = how === 'leave' ? window.leave() : how === 'close' ? window.close() : undefined;
    if (isGone === undefined) window.crash();
    if (kills) this.#machine.kill();
    void (isGone ?? Promise.resolve()).then(() =>
      time.after(afterMs, () => {
        this.#world.notAbleUntil(time.now());
        this.#note('another window comes');
        this.#starts.push({ at: time.now(), by: 'user' });
        const { run } = this.#window;
        this.#open();
        const release = time.hold();
        this.#machine.onAsked = release;
        const { host } = this.#window;
        void (run?.active === true || how === 'close' ? host.adoptRuns() : Promise.resolve())
          .then(() => (run === undefined || this.#window.run !== undefined ? undefined : host.open(run.id)))
          .then((opened) => {
            if (opened !== undefined) this.#window.show(opened.run);
            this.#isAway = false;
          })
          .finally(release);
      }),
    );
  }

  #note(text: string): void {
    this.#events.push(`${((this.#world.time.now() - Date.UTC(2026, 0, 1)) / 1000).toFixed(3)} ${text}`);
  }
}

/** A stream that has brought no byte for two and a half heartbeats is suspect (7): earlier nobody can know, ms. */
const DEAF_MS = 25_000;
