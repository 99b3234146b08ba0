/** The windows of a point, as its director sees them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { WindowNews, WindowTask } from './window.ts';

/** Packages written as CommonJS call `require`, which an ES module lacks. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";
/** Most of what a window says that is kept for when something is wrong, characters. */
const KEPT_CHARS = 4_000;

/** @returns the path of the program. */
export async function buildWindow(folder: string): Promise<string> {
  const outfile = join(folder, 'window.mjs');
  await build({
    entryPoints: ['test/chaos/window.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: REQUIRE },
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

export class OpenWindow {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #heard: WindowNews[] = [];
  readonly #looks = new Set<() => void>();
  /** What it complained of. */
  complaints = '';

  /** @param onNews is told everything at once. */
  constructor(
    program: string,
    task: WindowTask,
    env: Record<string, string>,
    onNews: (news: WindowNews) => void,
  ) {
    const child = spawn(process.execPath, [program, JSON.stringify(task)], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#exited = once(child, 'exit');
    // It may be dead by the time that it is told to leave.
    child.stdin.on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => {
      this.complaints = (this.complaints + chunk.toString()).slice(-KEPT_CHARS);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const news = JSON.parse(line) as WindowNews;
      this.#heard.push(news);
      onNews(news);
      this.#lookAgain();
    });
    void this.#exited.then(() => this.#lookAgain());
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get isOpen(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves once what it has said fits; also when it has ended, with false. */
  until(fits: (heard: readonly WindowNews[]) => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const look = (): void => {
        const isFit = fits(this.#heard);
        if (!isFit && this.isOpen) return;
        this.#looks.delete(look);
        resolve(isFit);
      };
      this.#looks.add(look);
      look();
    });
  }

  #lookAgain(): void {
    for (const look of [...this.#looks]) look();
  }

  has(news: WindowNews['news']): Promise<boolean> {
    return this.until((heard) => heard.some((one) => one.news === news));
  }

  async leave(): Promise<void> {
    this.#child.stdin?.write('leave\n');
    await this.#exited;
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<void> {
    if (this.isOpen) this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
