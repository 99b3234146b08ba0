/** Real processes that run a few lines over the sources: for what only another process can show. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { build } from 'esbuild';

/** Packages written as CommonJS call `require`, which an ES module lacks. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

export interface Child {
  pid: number;
  /** The next line that it prints; undefined when it has ended. */
  line(): Promise<string | undefined>;
  /** Lets a program that waits for its standard input go on. */
  tell(text: string): void;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

/** Programs and a folder of a test's own; `dispose` ends and removes all of it. */
export class ChildPrograms {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-children-'));
  readonly #children: ChildProcess[] = [];

  /** @param source TypeScript; imports from `src` are written from the root of the project: `./src/node/lease.ts`. */
  async build(name: string, source: string): Promise<string> {
    const outfile = path.join(this.folder, `${name}.mjs`);
    await build({
      stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: { js: REQUIRE },
      outfile,
      logLevel: 'error',
    });
    return outfile;
  }

  start(program: string, ...args: string[]): Child {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      pid: child.pid!,
      line: async () => {
        const next = await lines.next();
        return next.done === true ? undefined : next.value;
      },
      tell: (text) => child.stdin.write(`${text}\n`),
      kill: () => end(child),
    };
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#children.map(end));
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
