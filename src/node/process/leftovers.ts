/**
 * Processes that a tool of an agent started and that outlived their server. They are known by a variable that the
 * server's environment carried and that nobody else has: never by name, port or parent.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../core/clock.ts';
import { redact } from './output.ts';
import type { Leftover } from './process-host.ts';

/** What a person reads of a command line, characters. */
const COMMAND_CHARS = 200;
/** From SIGTERM to SIGKILL, and from there to giving up, ms: what is left holds no state of ours. */
export const LEFTOVER_GRACE_MS = 2_000;
/** Between looks whether they are gone, ms: they are nobody's children here, so the system tells us nothing. */
const LOOK_MS = 100;
/** How far two readings of one start may differ, ms: systems tell it in ticks or seconds after a boot they estimate. */
const START_SLACK_MS = 2_000;
/** Ticks a second in `/proc/<pid>/stat`: fixed for programs on all Linux systems that the runtime supports. */
const TICK_MS = 10;
/** A line of `ps` on macOS without and with the environment, e.g. `  812   812 S    Sat Nov 21 04:03:43 2026     sleep 300`. */
const PS_PLAIN =
  /^ *(?<pid>\d+) +(?<group>\d+) +(?<state>\S+) +(?<start>\w{3} \w{3} +\d+ [\d:]{8} \d{4}) +(?<command>.*?) *$/gm;
const PS_FULL = /^ *(?<pid>\d+) +(?<start>\w{3} \w{3} +\d+ [\d:]{8} \d{4}) +(?<words>.*)$/gm;
/** Most text taken from `ps`, bytes; a list that is longer counts as not readable. */
const PS_BYTES = 64 * 1024 * 1024;

/** A variable that the server's environment carried: what a process inherits and what stays readable in it. */
export interface Mark {
  name: string;
  value: string;
}

/** A living process; zombies are none. */
export interface Seen {
  pid: number;
  /** Its process group; equal to `pid` in the one that leads it. */
  group: number;
  command: string;
  /** Epoch ms. */
  startedAt: number;
  isMarked: boolean;
}

/**
 * The marked processes other than this one, oldest first. Empty where the system shows no environments (Windows; on
 * macOS those of the system's own programs). Never rejects: what cannot be read is not reported.
 * @param secrets replaced in the command lines.
 */
export async function findLeftovers(mark: Mark, secrets: readonly string[] = []): Promise<Leftover[]> {
  const marked = (await look(mark)).filter((one) => one.isMarked && one.pid !== process.pid);
  return marked
    .sort((a, b) => a.startedAt - b.startedAt)
    .map(({ pid, command, startedAt }) => {
      const clean = redact(command, secrets);
      return {
        pid,
        command: clean.length > COMMAND_CHARS ? `${clean.slice(0, COMMAND_CHARS - 1)}…` : clean,
        startedAt,
      };
    });
}

/**
 * Ends what was found: SIGTERM, 2 s, SIGKILL, at most 2 s. Before each signal everything is looked at again: only
 * a process that has the pid, the start and the mark is signalled. Resolves when they are gone or will not go.
 */
export async function endLeftovers(found: readonly Leftover[], mark: Mark, clock: Clock): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const all = await look(mark);
    const left = stillThere(found, all);
    if (left.length === 0) return;
    for (const target of targets(left, all)) send(target, signal);
    if (await gone(found, mark, clock)) return;
  }
}

async function gone(found: readonly Leftover[], mark: Mark, clock: Clock): Promise<boolean> {
  for (let waited = 0; waited < LEFTOVER_GRACE_MS; waited += LOOK_MS) {
    if (stillThere(found, await look(mark)).length === 0) return true;
    await new Promise<void>((resolve) => void clock.setTimer(LOOK_MS, resolve));
  }
  return false;
}

/** Those of `all` that are the very processes that were found. */
export function stillThere(found: readonly Leftover[], all: readonly Seen[]): Seen[] {
  return all.filter(
    (one) =>
      one.isMarked &&
      one.pid !== process.pid &&
      found.some(
        ({ pid, startedAt }) => pid === one.pid && Math.abs(startedAt - one.startedAt) <= START_SLACK_MS,
      ),
  );
}

/** What to signal: a group (negative) where a process leads one of marked processes alone, else the process. */
export function targets(left: readonly Seen[], all: readonly Seen[]): number[] {
  return left.map(({ pid, group }) => {
    const members = all.filter((one) => one.group === group);
    const isOurs = members.every((one) => one.isMarked && one.pid !== process.pid);
    return pid === group && isOurs ? -pid : pid;
  });
}

function send(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch {
    // Gone meanwhile, or not ours to end: the next look decides.
  }
}

function look(mark: Mark): Promise<Seen[]> {
  if (process.platform === 'linux') return lookInProc(mark);
  if (process.platform === 'darwin') return lookWithPs(mark);
  // Windows does not show the environment of another process, and taskkill took the tree along.
  return Promise.resolve([]);
}

async function lookInProc(mark: Mark): Promise<Seen[]> {
  const [boot, entries] = await Promise.all([text('/proc/stat'), readdir('/proc').catch(() => [])]);
  const bootedAt = Number(/^btime (\d+)$/m.exec(boot)?.[1] ?? NaN) * 1000;
  const pids = entries.filter((entry) => /^\d+$/.test(entry));
  const seen = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string) => text(`/proc/${pid}/${file}`);
      const [stat, cmdline, environment] = await Promise.all([
        read('stat'),
        read('cmdline'),
        read('environ'),
      ]);
      return fromProc({ stat, cmdline, environment }, bootedAt, mark);
    }),
  );
  return seen.filter((one) => one !== undefined);
}

/** A process of Linux from three of its files; undefined for a zombie and for what ended while it was read. */
export function fromProc(
  { stat, cmdline, environment }: { stat: string; cmdline: string; environment: string },
  bootedAt: number,
  { name, value }: Mark,
): Seen | undefined {
  // The name in parentheses may hold anything, parentheses and spaces included.
  const [, pid, title, rest] = /^(\d+) \((.*)\) (.+)/s.exec(stat) ?? [];
  const fields = rest?.split(' ') ?? [];
  const [state, group, ticks] = [fields[0], fields[2], fields[19]];
  if (pid === undefined || ticks === undefined || state === 'Z' || state === 'X') return undefined;
  return {
    pid: Number(pid),
    group: Number(group),
    command: cmdline.split('\0').join(' ').trim() || `[${title}]`,
    startedAt: bootedAt + Number(ticks) * TICK_MS,
    isMarked: environment.split('\0').includes(`${name}=${value}`),
  };
}

/** Not run here: tested against recorded lists. */
async function lookWithPs(mark: Mark): Promise<Seen[]> {
  // The second list has the environment behind the command line; only the first tells where that ends.
  const plain = await ps(['-axww', '-o', 'pid=,pgid=,stat=,lstart=,command=']);
  return fromPs(plain, await ps(['eww', '-axo', 'pid=,lstart=,command=']), mark);
}

/** Processes of macOS: a plain list (pid, group, state, start, command line) and one with environments. */
export function fromPs(plain: string, withEnvironment: string, { name, value }: Mark): Seen[] {
  const full = new Map<string, string>();
  for (const { groups: row } of withEnvironment.matchAll(PS_FULL)) {
    if (row !== undefined) full.set(`${row['pid']} ${row['start']}`, row['words'] ?? '');
  }
  const seen: Seen[] = [];
  for (const { groups: row } of plain.matchAll(PS_PLAIN)) {
    if (row === undefined || row['state']?.startsWith('Z')) continue;
    const { pid, group, start = '', command = '' } = row;
    const words = full.get(`${pid} ${start}`) ?? '';
    // Arguments that look like the mark are no mark: somebody may be searching for it.
    const environment = words.startsWith(command) ? words.slice(command.length) : '';
    seen.push({
      pid: Number(pid),
      group: Number(group),
      command,
      startedAt: Date.parse(start),
      isMarked: `${environment} `.includes(` ${name}=${value} `),
    });
  }
  return seen;
}

function ps(args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, LC_ALL: 'C' };
    execFile('/bin/ps', args, { env, maxBuffer: PS_BYTES }, (error, out) => resolve(error ? '' : out));
  });
}

/** Empty for what is gone or not ours to read. */
function text(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
