/** Everything of one point, apart from all others: folders, a model, a mark, windows, processes. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { newRunState, type RunState, stepRun } from '../../src/core/journal/state.ts';
import type { JournalRecord } from '../../src/core/journal/record.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { type Entry, Registry } from '../../src/node/guardian/registry.ts';
import { readJournal } from '../../src/node/journal/journal-reader.ts';
import { identify, isSameProcess, type ProcessIdentity } from '../../src/node/process/identity.ts';
import { listRuns, runsFolder } from '../../src/node/run/run-store.ts';
import { engineBinary, isolatedEnv } from '../engine/support/engine-process.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { type FakeModel, startFakeModel } from '../fakes/model/server.ts';
import { findMarked } from '../rig/leftovers.mjs';
import { OpenWindow } from './open-window.ts';
import { GATES, PROMPT, type TurnFiles, turnScript } from './script.ts';
import { DECOY, Stranger } from './stranger.ts';
import type { Target } from './plan.ts';
import type { WindowTask } from './window.ts';

/** What the test rig finds its processes by; a point's own value begins with the rig's, so that both find them. */
const MARK = 'HOLDFAST_RIG_RUN';
/** Between looks at what tells nobody: files, and processes that are not our children, ms. */
const LOOK_MS = 50;

export interface Graces {
  busySeconds: number;
  idleSeconds: number;
}

export interface JournalOf {
  records: JournalRecord[];
  state: RunState;
}

export class Stage {
  readonly model: FakeModel;
  readonly stranger: Stranger;
  readonly files: TurnFiles;
  readonly #root: string;
  readonly #mark: string;
  readonly #program: string;
  readonly #options: WindowTask['options'];
  readonly #servers: Registry;
  readonly #windows: OpenWindow[] = [];
  /** Guardians, servers and tools as they were seen: found by who they are, should their environment not be shown. */
  readonly #seen = new Map<number, ProcessIdentity>();
  #gate = 0;

  private constructor(
    parts: { root: string; mark: string; program: string },
    options: WindowTask['options'],
    model: FakeModel,
    stranger: Stranger,
    files: TurnFiles,
  ) {
    this.#root = parts.root;
    this.#mark = parts.mark;
    this.#program = parts.program;
    this.#options = options;
    this.#servers = new Registry(join(options.storage, 'servers'));
    this.model = model;
    this.stranger = stranger;
    this.files = files;
  }

  /** @param program of windows. @param toolSeconds how long the turn's command takes by itself. */
  static async set(program: string, graces: Graces, toolSeconds: number): Promise<Stage> {
    const mark = `${process.env[MARK] ?? 'hf-chaos'}-${randomBytes(4).toString('hex')}`;
    const root = await realpath(await mkdtemp(join(tmpdir(), `${mark}-`)));
    const [folder, storage] = [join(root, 'workspace'), join(root, 'storage')];
    await mkdir(folder);
    const files = { notes: join(folder, 'notes'), ledger: join(root, 'ledger'), pids: join(root, 'pids') };
    await Promise.all(Object.values(files).map((file) => writeFile(file, '')));
    const model = await startFakeModel(turnScript(files, toolSeconds));
    const config = scriptedModelConfig(model.baseUrl, { permission: { '*': 'allow' } });
    const own: Record<string, unknown> = {
      'engine.path': engineBinary(),
      'engine.busyGrace': graces.busySeconds,
      'engine.idleGrace': graces.idleSeconds,
      // What becomes of the turn is the other campaign's business; here it is what becomes of the processes.
      'recovery.mode': 'off',
    };
    const env = {
      ...(await isolatedEnv(root)),
      [MARK]: mark,
      OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
    };
    const options = {
      settings: parseSettings((key) => own[key]).settings,
      folder,
      storage,
      programs: resolve('dist'),
      env,
      extraPath: [],
      label: 'chaos',
      version: '0.0.0',
    };
    const stranger = await Stranger.start(join(root, 'stranger'), engineBinary(), join(storage, 'servers'));
    return new Stage({ root, mark, program }, options, model, stranger, files);
  }

  /** A window that begins the turn, or one that comes back to what was left. */
  async openWindow(what: 'begin' | 'come back'): Promise<OpenWindow> {
    const env = {
      ...(process.env as Record<string, string>),
      [MARK]: this.#mark,
      TMPDIR: join(this.#root, 'tmp'),
    };
    const task = { options: this.#options, ...(what === 'begin' && { prompt: PROMPT }) };
    const window = new OpenWindow(this.#program, task, env, (news) => {
      // Each piece that has come lets the next one through: the turn goes as fast as it is seen.
      if (news.news === 'record' && news.streamed) this.#release(1);
    });
    this.#windows.push(window);
    return window;
  }

  /** Nothing waits for anybody from here on. */
  releaseAll(): void {
    this.#release(GATES.length);
  }

  #release(count: number): void {
    for (const gate of GATES.slice(this.#gate, this.#gate + count)) this.model.release(gate);
    this.#gate += count;
  }

  /** The pid of a target, as soon as there is one; undefined when the turn is over and it is gone. */
  async find(target: Exclude<Target, 'window'>, isOver: () => boolean): Promise<number | undefined> {
    for (;;) {
      const over = isOver();
      const pid = await this.#look(target);
      const identity = pid === undefined ? 'gone' : await identify(pid);
      if (pid !== undefined && typeof identity !== 'string') {
        this.#seen.set(pid, identity);
        return pid;
      }
      if (over) return undefined;
      await delay(LOOK_MS);
    }
  }

  async #look(target: Exclude<Target, 'window'>): Promise<number | undefined> {
    if (target === 'tool') return Number((await this.toolPids())[0]) || undefined;
    const [entry] = await this.entries();
    return target === 'guardian' ? entry?.guardian.pid : entry?.server?.pid;
  }

  async toolPids(): Promise<string[]> {
    return lines(this.files.pids);
  }

  /** Of guardians, the decoy left out. */
  async entries(): Promise<Entry[]> {
    return (await this.#servers.list(() => {})).filter(({ id }) => id !== DECOY);
  }

  /** Takes down who is there, so that they are found whatever becomes of their parents. */
  async see(): Promise<void> {
    const entries = await this.entries();
    const tools = (await this.toolPids()).map(Number);
    for (const pid of [...entries.flatMap((one) => [one.guardian.pid, one.server?.pid ?? 0]), ...tools]) {
      const identity = this.#seen.has(pid) || pid === 0 ? 'gone' : await identify(pid);
      if (typeof identity !== 'string') this.#seen.set(pid, identity);
    }
  }

  /** Command lines of what lives of this point; zombies do not. */
  async living(): Promise<Map<number, string>> {
    const found = new Map(findMarked(this.#mark).map(({ pid, command }) => [pid, command]));
    for (const [pid, identity] of this.#seen)
      if (isSameProcess(identity, await identify(pid))) found.set(pid, identity.commandLine);
    return found;
  }

  /** Waits until nothing of this point lives that counts, at most `ms`. */
  async gone(ms: number, counts: (command: string) => boolean): Promise<{ ms: number; left: string[] }> {
    const start = performance.now();
    for (;;) {
      const left = [...(await this.living())].filter(([, command]) => counts(command));
      const passed = performance.now() - start;
      if (left.length === 0 || passed > ms)
        return { ms: passed, left: left.map(([pid, command]) => `${pid} ${command.slice(0, 120)}`) };
      await delay(LOOK_MS);
    }
  }

  get journals(): JournalOf[] {
    const { storage, folder } = this.#options;
    return listRuns(runsFolder(storage, folder)).map((run) => {
      const { records } = readJournal(run.folder);
      const state = newRunState();
      for (const record of records) stepRun(state, record);
      return { records, state };
    });
  }

  /** How often the command was begun. */
  async begun(): Promise<number> {
    return (await lines(this.files.ledger)).length;
  }

  get complaints(): string {
    return this.#windows.map(({ complaints }) => complaints).join('');
  }

  /** Ends whatever is left, and removes everything. */
  async strike(): Promise<void> {
    for (const window of this.#windows) await window.kill();
    for (const pid of (await this.living()).keys()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
    }
    await this.stranger.stop();
    await this.model.stop();
    await this.gone(5_000, () => true);
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

async function lines(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
}
