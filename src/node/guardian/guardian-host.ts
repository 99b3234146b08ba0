import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { explain, StartError } from '../../core/errors.ts';
import { withLock } from '../process/lock.ts';
import type { Held, LeftBehind, ProcessHost, ProcessKey, ProcessSpec } from '../process/process-host.ts';
import type { Graces } from './grace.ts';
import { GuardedProcess } from './guarded-process.ts';
import { connectToGuardian, type Link } from './guardian-link.ts';
import { type Order, PROTOCOL } from './protocol.ts';
import { guardianEnded, judge, reconcileEntry } from './reconcile.ts';
import { type Entry, Registry } from './registry.ts';
import { startGuardian } from './start-guardian.ts';

/** 256 bits. */
const TOKEN_BYTES = 32;
const ID_BYTES = 9;
/** Others may be starting, or ending, a server of the same name: how long to wait for them, ms. */
const LOCK_MS = 60_000;
/** How long a guardian that is ending may take, ms: its server gets two times five seconds, its tools four. */
const ENDING_MS = 20_000;
/** A connection may break a moment before its guardian is seen to be dead, ms. */
const DYING_MS = 5_000;

export interface GuardianHostOptions {
  /** Absolute path of a folder: gets `registry/`, `locks/`, `log/server.log`, `run/` and `crash/`. */
  storage: string;
  /** Absolute path of the guardian's bundle. */
  program: string;
  clock: Clock;
  /** Asked at each connection. */
  graces(): Graces;
  /** What this process is, for people. */
  label: string;
  /** Absolute path of the workspace folder, for people. */
  workspace: string;
  log: { warn(text: string): void };
}

/** Has guardians hold processes: they outlive this process, and are found by the next. */
export class GuardianHost implements ProcessHost {
  readonly #options: GuardianHostOptions;
  readonly #registry: Registry;

  constructor(options: GuardianHostOptions) {
    this.#options = options;
    this.#registry = new Registry(options.storage);
  }

  /** The file with the output of the servers and how each of them ended. */
  get logPath(): string {
    return join(this.#options.storage, 'log', 'server.log');
  }

  async hold(key: ProcessKey, make: () => Promise<ProcessSpec>): Promise<Held> {
    await this.#registry.prepare();
    const lock = join(this.#options.storage, 'locks', hash(key.name));
    let isLocked = false;
    try {
      return await withLock(
        lock,
        () => {
          isLocked = true;
          return this.#hold(key, make);
        },
        { clock: this.#options.clock, timeoutMs: LOCK_MS },
      );
    } catch (error) {
      if (isLocked) throw error;
      const message = `The server could not be started: ${explain(error)}`;
      throw new StartError(message, '', { cause: error });
    }
  }

  async has(key: ProcessKey): Promise<boolean> {
    for (const entry of await this.#list()) {
      const isIt = isUsable(entry, key.name) && entry.key.flavour === key.flavour;
      if (isIt && (await judge(entry)).type === 'alive') return true;
    }
    return false;
  }

  async leftBehind({ name }: ProcessKey): Promise<LeftBehind[]> {
    const found: LeftBehind[] = [];
    for (const entry of await this.#list()) {
      if (entry.key.name !== name || entry.state !== 'over') continue;
      try {
        const link = await this.#connect(entry);
        if (link !== undefined) found.push(this.#guarded(link, entry.id));
      } catch (error) {
        this.#options.log.warn(explain(error));
      }
    }
    return found;
  }

  /** Ends whatever guardians that died have left behind. @returns the number of servers ended. */
  async reconcile(): Promise<{ ended: number }> {
    const { ended } = await this.#reconcile();
    return { ended };
  }

  /** The entries whose guardians live, and the number of servers ended on the way. */
  async #reconcile(): Promise<{ living: Entry[]; ended: number }> {
    const living: Entry[] = [];
    let ended = 0;
    for (const entry of await this.#list()) {
      const done = await reconcileEntry(entry, this.#registry, this.#options.clock);
      if (done.verdict.type === 'alive') living.push(entry);
      if (done.ended) ended += 1;
    }
    if (ended > 0) this.#options.log.warn(`${ended} server(s) without a guardian were ended`);
    return { living, ended };
  }

  async #hold(key: ProcessKey, make: () => Promise<ProcessSpec>): Promise<Held> {
    const { living } = await this.#reconcile();
    for (const entry of living) {
      if (!isUsable(entry, key.name)) continue;
      const held = await this.#take(entry, key);
      if (held !== undefined) return held;
    }
    return this.#start(key, await make());
  }

  /** @returns undefined when that guardian ends, or has nothing to hold any more. */
  async #take(entry: Entry, key: ProcessKey): Promise<Held | undefined> {
    const link = await this.#connect(entry);
    if (link === undefined) return undefined;
    const { welcome, line } = link;
    if (welcome.phase === 'over') {
      line.end();
      return undefined;
    }
    if (welcome.phase === 'ending') {
      line.end();
      if (await guardianEnded(entry.guardian, ENDING_MS, this.#options.clock)) return undefined;
      throw new StartError('The server before this one does not end. Try again in a moment.', '');
    }
    const process = this.#guarded(link, entry.id);
    if (welcome.flavour === key.flavour) return { process, handover: welcome.handover, found: true };
    if (welcome.others.count === 0) {
      if ((await process.end()) === 'gone') return undefined;
      await process.release();
      throw new StartError(`The server before this one (process ${process.pid}) cannot be ended.`, '');
    }
    await process.release();
    throw new StartError(
      'Another window uses a server with other settings. Close it there, or give both, windows or commands, ' +
        'the same engine path, model and OPENCODE_CONFIG_CONTENT.',
      '',
    );
  }

  /** @returns undefined when it has ended meanwhile. */
  async #connect(entry: Entry): Promise<Link | undefined> {
    const { label, graces, clock } = this.#options;
    try {
      if (entry.protocol !== PROTOCOL) throw new Error('it belongs to another version of Holdfast');
      return await connectToGuardian(entry.socket, { token: entry.token, label, graces: graces() }, clock);
    } catch (error) {
      // It may have been about to end.
      if (await guardianEnded(entry.guardian, DYING_MS, clock)) {
        await reconcileEntry(entry, this.#registry, clock);
        return undefined;
      }
      const { pid } = entry.guardian;
      const message = `A server runs already, but its guardian (process ${pid}) cannot be used: ${explain(error)}. End that process and try again.`;
      throw new StartError(message, '', { cause: error });
    }
  }

  async #start(key: ProcessKey, spec: ProcessSpec): Promise<Held> {
    const { program, storage, clock, graces, label, workspace } = this.#options;
    const id = randomBytes(ID_BYTES).toString('base64url');
    const { source, flags } = spec.readyLine;
    const order: Order = {
      id,
      token: randomBytes(TOKEN_BYTES).toString('base64url'),
      key,
      graces: graces(),
      storage,
      workspace,
      owner: label,
      spec: { ...spec, args: [...spec.args], secrets: [...spec.secrets], readyLine: { source, flags } },
    };
    await startGuardian(program, order, clock);
    const entry = await this.#registry.read(id);
    const link = entry && (await this.#connect(entry));
    // It lived long enough to answer, so its server was there: only somebody who ends it at once can do this.
    if (link === undefined) throw new StartError('The server was ended while it was started.', '');
    return { process: this.#guarded(link, id), handover: spec.handover, found: false };
  }

  #guarded(link: Link, id: string): GuardedProcess {
    const { clock } = this.#options;
    return new GuardedProcess(link, async () => {
      const entry = await this.#registry.read(id);
      // One that ended in order has removed it; one that was killed may be seen to be dying still.
      if (entry !== undefined && (await guardianEnded(entry.guardian, DYING_MS, clock)))
        await reconcileEntry(entry, this.#registry, clock);
    });
  }

  #list(): Promise<Entry[]> {
    return this.#registry.list((text) => this.#options.log.warn(text));
  }
}

function isUsable(entry: Entry, name: string): boolean {
  return entry.key.name === name && entry.state !== 'over';
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
