import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { explain, StartError } from '../../core/errors.ts';
import type { ProcessEnd } from '../../core/server/exit-text.ts';
import { asStartError, assertRunnable } from './executable.ts';
import { LineSplitter, redact, Tail } from './output.ts';
import type {
  Held,
  HostedProcess,
  LeftBehind,
  Others,
  ProcessHost,
  ProcessKey,
  ProcessSpec,
} from './process-host.ts';
import { ProcessLog } from './process-log.ts';
import { spawnPlan } from './spawn-plan.ts';
import { endTree, isAlive, posixSignals, type TreeSignals, windowsSignals } from './tree.ts';

/** After an exit, how long to wait for the last output, ms. A grandchild that holds the pipe must not delay the news. */
const LAST_OUTPUT_MS = 250;

/** Holds processes as children of this process. They do not survive it, save when it is killed outright. */
export class DirectHost implements ProcessHost {
  readonly #storage: string;
  readonly #clock: Clock;
  readonly #signals: TreeSignals;
  readonly #log: ProcessLog;

  /** @param storageDir absolute; gets `run/` (working directories), `crash/` (dumps) and `log/server.log`. */
  constructor(storageDir: string, clock: Clock) {
    this.#storage = storageDir;
    this.#clock = clock;
    this.#signals = process.platform === 'win32' ? windowsSignals() : posixSignals;
    this.#log = new ProcessLog(join(storageDir, 'log', 'server.log'));
  }

  /** The file with the output of the servers and how each of them ended. */
  get logPath(): string {
    return this.#log.path;
  }

  /** Always a new process: what this one holds, no other can find. */
  async hold(_key: ProcessKey, make: () => Promise<ProcessSpec>): Promise<Held> {
    const spec = await make();
    return { process: await this.spawn(spec), handover: spec.handover, found: false };
  }

  has(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Nothing outlives this process here. */
  leftBehind(): Promise<LeftBehind[]> {
    return Promise.resolve([]);
  }

  /** @throws StartError with a sentence. */
  async spawn(spec: ProcessSpec): Promise<HostedProcess> {
    await assertRunnable(spec.command);
    const { cwd, crash } = await this.#folders();
    try {
      const env = { ERL_CRASH_DUMP: join(crash, 'erl_crash.dump'), ...spec.env };
      const child = await launch({ ...spec, env }, cwd);
      const hosting = { cwd, log: this.#log, clock: this.#clock, signals: this.#signals };
      return new DirectProcess(child, spec, hosting);
    } catch (error) {
      await rm(cwd, { recursive: true, force: true });
      throw asStartError(error, spec.command);
    }
  }

  /** A new working directory, open to our own user alone and not the workspace, and the folder for crash dumps. */
  async #folders(): Promise<{ cwd: string; crash: string }> {
    const [run, crash] = [join(this.#storage, 'run'), join(this.#storage, 'crash')];
    try {
      for (const folder of [run, crash]) await mkdir(folder, { recursive: true, mode: 0o700 });
      return { cwd: await mkdtemp(join(run, 'server-')), crash };
    } catch (error) {
      const message = `The server could not be started: its storage cannot be used (${explain(error)}).`;
      throw new StartError(message, '', { cause: error });
    }
  }
}

type SpawnedChild = ChildProcess & { pid: number };

async function launch(spec: ProcessSpec, cwd: string): Promise<SpawnedChild> {
  const { file, args, detached, windowsVerbatimArguments } = spawnPlan(
    process.platform,
    spec.command,
    spec.args,
  );
  const child = spawn(file, args, {
    cwd,
    env: spec.env,
    detached,
    windowsVerbatimArguments,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  if (child.pid === undefined) throw new Error('The system gave no process id');
  return Object.assign(child, { pid: child.pid });
}

interface Hosting {
  cwd: string;
  log: ProcessLog;
  clock: Clock;
  signals: TreeSignals;
}

class DirectProcess implements HostedProcess {
  readonly pid: number;
  readonly readyLine: Promise<RegExpExecArray>;
  readonly exited: Promise<ProcessEnd>;
  /** Whoever needs to know looks for them itself, by its own mark. */
  readonly leftovers: Promise<readonly []> = Promise.resolve([]);
  readonly leftoversGone: Promise<void> = Promise.resolve();
  readonly others: Others = { count: 0, busy: false };
  readonly #tail = new Tail();
  readonly #hosting: Hosting;
  #ending: Promise<'gone' | 'alive'> | undefined;

  constructor(child: SpawnedChild, spec: ProcessSpec, hosting: Hosting) {
    this.pid = child.pid;
    this.#hosting = hosting;
    const { log } = hosting;
    log.line(`${stamp(hosting.clock)} ${spec.label} started, pid ${child.pid}`);
    this.readyLine = this.#readOutput(child, spec);
    this.exited = ended(child, hosting.clock).then(({ code, signal }) => {
      log.line(
        `${stamp(hosting.clock)} ${spec.label} ended, ${signal ? `signal ${signal}` : `exit code ${code}`}`,
      );
      // What it has left behind in its group ends with it, whoever ended it.
      void this.end();
      return {
        ...(code !== null && { code }),
        ...(signal !== null && { signal }),
        stderrTail: this.#tail.text(),
      };
    });
    this.#endWithUs();
  }

  isAlive(): boolean {
    return isAlive(this.pid);
  }

  tail(): Promise<string> {
    return Promise.resolve(this.#tail.text());
  }

  end(): Promise<'gone' | 'alive'> {
    this.#ending ??= this.#endOnce();
    return this.#ending;
  }

  endLeftovers(): Promise<void> {
    return Promise.resolve();
  }

  /** There is no grace: nobody could come back for a child of this process. */
  setBusy(): void {}

  async release(): Promise<void> {
    await this.end();
  }

  async #endOnce(): Promise<'gone' | 'alive'> {
    const { signals, clock, cwd, log } = this.#hosting;
    const result = await endTree({ pid: this.pid, exited: this.exited, signals, clock });
    // A process that would not die may be tried again later.
    if (result === 'alive') this.#ending = undefined;
    else await rm(cwd, { recursive: true, force: true }).catch(() => {});
    await log.flush();
    return result;
  }

  #readOutput(child: SpawnedChild, spec: ProcessSpec): Promise<RegExpExecArray> {
    return new Promise((resolve) => {
      const keep = (line: string) => {
        const clean = redact(line, spec.secrets);
        this.#tail.push(clean);
        this.#hosting.log.line(clean);
      };
      readLines(child.stderr, keep);
      readLines(child.stdout, (line) => {
        keep(line);
        const match = spec.readyLine.exec(line);
        if (match) resolve(match);
      });
    });
  }

  /** Our own orderly exit takes the group along, also where nobody called `end`. */
  #endWithUs(): void {
    const kill = () => this.#hosting.signals.kill(this.pid);
    process.once('exit', kill);
    void this.exited.then(() => process.removeListener('exit', kill));
  }
}

function readLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  const lines = new LineSplitter(onLine);
  stream?.on('data', (chunk: Buffer) => lines.push(chunk));
  stream?.once('end', () => lines.end());
  // A pipe may break as its writer dies; the exit tells the rest.
  stream?.on('error', () => {});
}

/** How the child ended, with its last output read if that comes soon. */
function ended(
  child: ChildProcess,
  clock: Clock,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const cancel = clock.setTimer(LAST_OUTPUT_MS, () => resolve({ code, signal }));
      child.once('close', () => {
        cancel();
        resolve({ code, signal });
      });
    });
  });
}

function stamp(clock: Clock): string {
  return `[holdfast ${new Date(clock.now()).toISOString()}]`;
}
