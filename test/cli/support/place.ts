/** A machine of its own for the command: home, engine configuration, scripted model, a repository with work in it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isolatedEnv } from '../../engine/support/engine-process.ts';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { type FakeModel, startFakeModel } from '../../fakes/model/server.ts';

/** Between looks at processes, ms. */
const LOOK_MS = 20;

export interface Place {
  root: string;
  /** A git repository with uncommitted changes. */
  repo: string;
  env: Readonly<Record<string, string>>;
  model: FakeModel;
  /** Replaces the engine's configuration of the user. */
  configure(config: Readonly<Record<string, unknown>>): void;
  /** A folder for journals that nobody has used. */
  freshStorage(): string;
  /** Living processes that came of this place, its guardians aside. */
  processes(): { pid: number; command: string }[];
  /** Resolves when nothing of this place lives: a guardian ends a moment after the last command that used it. */
  gone(): Promise<void>;
  /** Ends what a test left behind, so that it harms no other, and names it. */
  endLeftovers(): string[];
  close(): Promise<void>;
}

export async function openPlace(): Promise<Place> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-cli-')));
  const env = await isolatedEnv(root);
  const model = await startFakeModel();
  const configure = (config: Readonly<Record<string, unknown>>): void =>
    writeFileSync(join(root, 'config', 'opencode', 'opencode.json'), JSON.stringify(config));
  configure(scriptedModelConfig(model.baseUrl));
  // The one variable that goes with every process that comes of a place, guardians included.
  const all = () => findMarked(`HOME=${join(root, 'home')}\0`);
  const isGuardian = ({ command }: { command: string }) => command.includes('guardian.cjs');
  const processes = () => all().filter((one) => !isGuardian(one));
  let storages = 0;
  return {
    root,
    repo: makeRepository(join(root, 'shop')),
    env,
    model,
    configure,
    freshStorage: () => join(root, `storage-${++storages}`),
    processes,
    async gone() {
      // No children of ours: they tell nobody of their end, and the test's own time limit bounds the looking.
      while (all().length > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    },
    endLeftovers: () =>
      all().map(({ pid, command }) => {
        process.kill(pid, 'SIGKILL');
        return command;
      }),
    async close() {
      await model.stop();
      rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** A defect that the change plants, as a model would report it. */
export interface Planted {
  file: string;
  line: number;
  anchor: string;
  title: string;
}

export const PLANTED: readonly Planted[] = [
  {
    file: 'src/pay.ts',
    line: 3,
    anchor: '  if (await charge(cents)) return charge(cents);',
    title: 'The customer is charged twice',
  },
  {
    file: 'src/total.ts',
    line: 2,
    anchor: 'return items.length;',
    title: 'The total is the number of items',
  },
];

/** The answer of a model that finds all of it. */
export function findingsAnswer(planted: readonly Planted[] = PLANTED): Record<string, unknown> {
  return {
    summary: 'The change breaks paying.',
    findings: planted.map(({ file, anchor, title }) => ({
      severity: 'high',
      confidence: 'high',
      title,
      body: `${title}, always.`,
      file,
      anchor,
    })),
  };
}

function makeRepository(folder: string): string {
  mkdirSync(join(folder, 'src'), { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Robin', '-c', 'user.email=robin@example.com', ...args], {
      cwd: folder,
      stdio: 'ignore',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    });
  const put = (file: string, text: string): void => writeFileSync(join(folder, file), text);
  git('init', '--quiet', '-b', 'main');
  put('src/pay.ts', 'export async function pay(cents: number) {\n  return charge(cents);\n}\n');
  git('add', '--all');
  git('commit', '--quiet', '-m', 'Pay');
  put('src/pay.ts', `export async function pay(cents: number) {\n  log(cents);\n${PLANTED[0]!.anchor}\n}\n`);
  put('src/total.ts', 'export function total(items: number[]) {\n  return items.length;\n}\n');
  return folder;
}

/** Only Linux shows another process's environment; elsewhere nothing is found. */
function findMarked(mark: string): { pid: number; command: string }[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      if (!readFileSync(`/proc/${entry}/environ`, 'latin1').includes(mark)) return [];
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return command === '' ? [] : [{ pid: Number(entry), command }];
    } catch {
      return [];
    }
  });
}
