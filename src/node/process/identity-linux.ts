/** Processes as /proc shows them. */
import type { Identified, ProcessFacts } from './identity.ts';
import { BOOT_ID } from './machine-space.ts';
import type { SystemPort } from './system-port.ts';

/**
 * Looks at a command line that is still empty. It is for some microseconds of an exec, and from the middle of an exit
 * until the process is a zombie; for kernel threads it stays so.
 */
const LOOKS = 20;

/** Fields of /proc/<pid>/stat, numbered from 1 as in proc(5). */
const STATE = 3;
const PARENT = 4;
const START_TICKS = 22;

export function linuxFacts(system: SystemPort): ProcessFacts {
  return {
    identify: (pid) => identify(pid, system),
    async parentOf(pid) {
      try {
        const parent = Number(statFields(await system.read(`/proc/${pid}/stat`))[PARENT]);
        return parent > 0 ? parent : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

async function identify(pid: number, system: SystemPort): Promise<Identified> {
  try {
    for (let look = 0; look < LOOKS; look++) {
      const fields = statFields(await system.read(`/proc/${pid}/stat`));
      const ticks = fields[START_TICKS];
      if (fields[STATE] === 'Z' || fields[STATE] === 'X') return 'gone';
      const raw = await system.read(`/proc/${pid}/cmdline`);
      if (raw === '' || ticks === undefined) continue;
      // The pid may have gone to another process between the two reads.
      if (statFields(await system.read(`/proc/${pid}/stat`))[START_TICKS] !== ticks) continue;
      const boot = await system.read(BOOT_ID).catch(() => '');
      // Ticks count from the boot, so that they say nothing without it.
      return { pid, startedAt: `${boot.trim()}/${ticks}`, commandLine: words(raw) };
    }
    return 'unknown';
  } catch {
    // A /proc that hides other users' processes (hidepid) has no entry of theirs either; a signal tells them apart.
    return system.presence(pid) === 'gone' ? 'gone' : 'unknown';
  }
}

/**
 * By field number. The second field is a name in parentheses that may itself hold spaces and parentheses, so that the
 * rest is counted from its last one.
 */
function statFields(stat: string): (string | undefined)[] {
  const end = stat.lastIndexOf(')');
  return [undefined, undefined, undefined, ...stat.slice(end + 2).split(' ')];
}

/** Arguments end in NUL; a process that rewrites its title leaves a run of them behind. */
function words(raw: string): string {
  return raw.replaceAll('\0', ' ').trimEnd();
}
