/**
 * Where a process runs, and so where its pid means something. Storage may be seen from more places than one: from a
 * container and its host, from two machines by a shared home, from one machine before and after a boot.
 */
import { createHash } from 'node:crypto';
import { type SystemPort, windowsTool } from './system-port.ts';

export interface MachineSpace {
  /** Names this machine over its boots. A hash: the id behind it is not for others to read. */
  machine: string;
  /** Equal exactly where a pid means the same process: `<boot>/<pid namespace>` on Linux, the machine elsewhere. */
  pidSpace: string;
}

/** A new one at every boot of the kernel; containers see that of their host. */
export const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * What a place that somebody wrote down says about its processes.
 * - `same`: their pids are ours to look at.
 * - `rebooted`: of this machine before it booted; every process of then is dead.
 * - `elsewhere`: another machine or container. Nobody here can tell whether they live.
 */
export function judgeSpace(then: MachineSpace, now: MachineSpace): 'same' | 'rebooted' | 'elsewhere' {
  if (then.pidSpace === now.pidSpace) return 'same';
  if (then.machine !== now.machine) return 'elsewhere';
  return bootOf(then) === bootOf(now) ? 'elsewhere' : 'rebooted';
}

function bootOf(space: MachineSpace): string | undefined {
  return space.pidSpace.split('/')[0];
}

/** Reads this process's place. Never rejects: what cannot be read is left out, the host's name being always there. */
export async function readMachineSpace(platform: NodeJS.Platform, system: SystemPort): Promise<MachineSpace> {
  switch (platform) {
    case 'linux':
      return linuxSpace(system);
    case 'darwin': {
      // Not run on macOS: tested against recorded output.
      const output = await system
        .run('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice'])
        .catch(nothing);
      return oneSpace(/"IOPlatformUUID" = "([^"]+)"/.exec(output)?.[1] ?? system.hostname());
    }
    case 'win32': {
      // Not run on Windows: tested against recorded output. Copies of an installation share the id, not the name.
      const args = ['query', 'HKLM\\SOFTWARE\\Microsoft\\Cryptography', '/v', 'MachineGuid', '/reg:64'];
      const output = await system.run(windowsTool('reg.exe'), args).catch(nothing);
      const id = /MachineGuid\s+REG_SZ\s+(\S+)/.exec(output)?.[1] ?? '';
      return oneSpace(`${id} ${system.hostname()}`);
    }
    default:
      return oneSpace(system.hostname());
  }
}

/**
 * The host's name is part of the machine because the nodes of a cluster, or the containers of an image, may all carry
 * one machine id. That a machine is renamed only keeps it from knowing its own boot again: the safe side.
 */
async function linuxSpace(system: SystemPort): Promise<MachineSpace> {
  const id = await system.read('/etc/machine-id').catch(nothing);
  const machine = hash(`${id.trim()} ${system.hostname()}`);
  const boot = (await system.read(BOOT_ID).catch(nothing)).trim();
  const namespace = await system.link('/proc/self/ns/pid').catch(nothing);
  return { machine, pidSpace: `${boot || machine}/${namespace}` };
}

/** Outside Linux start times are those of the calendar, and differ over boots by themselves; no boot needs a name. */
function oneSpace(id: string): MachineSpace {
  const machine = hash(id);
  return { machine, pidSpace: machine };
}

function hash(id: string): string {
  return createHash('sha256').update(`holdfast ${id}`).digest('hex').slice(0, 16);
}

function nothing(): string {
  return '';
}
