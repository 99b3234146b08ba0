/** What a process of ours takes while it has nothing to do. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Long enough for a timer that fires every second to be seen, and for what a start leaves to settle, ms. */
export const REST_MS = 4_000;

export interface Footprint {
  rssMiB: number;
  /** Hundredths of a second of CPU over `REST_MS`; undefined where only /proc would tell. */
  restTicks: number | undefined;
}

/** @returns undefined where the system has neither /proc nor `ps`. */
export async function footprintAtRest(pid: number): Promise<Footprint | undefined> {
  const before = cpuTicks(pid);
  await delay(REST_MS);
  const after = cpuTicks(pid);
  const rssMiB = resident(pid);
  if (rssMiB === undefined) return undefined;
  return { rssMiB, restTicks: before === undefined || after === undefined ? undefined : after - before };
}

/** User and system time: the fields 14 and 15 of proc(5), counted from behind the name in parentheses. */
function cpuTicks(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** MiB; both sources say KiB. macOS was not run. */
function resident(pid: number): number | undefined {
  if (process.platform === 'win32') return undefined;
  const text =
    process.platform === 'linux'
      ? /^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      : execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Number(text) / 1024;
}
