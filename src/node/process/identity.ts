/**
 * Who a process is. A pid alone proves nothing, since the system gives it to others later; pid, start time and
 * command line together do. Nothing may be killed, and no owner's word overruled, on less.
 */
import { darwinFacts } from './identity-darwin.ts';
import { linuxFacts } from './identity-linux.ts';
import { windowsFacts } from './identity-windows.ts';
import { type MachineSpace, readMachineSpace } from './machine-space.ts';
import { realSystem, type SystemPort } from './system-port.ts';

export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal for the same process, different for another one that got its pid. Empty: not to be had. */
  startedAt: string;
  /** Arguments joined by single spaces. A process may rewrite its own. */
  commandLine: string;
}

/**
 * `gone`: there is no such process; a zombie is none. `unknown`: there is one whose facts cannot be read (another
 * user's, or no tool to ask with), which never counts as dead.
 */
export type Identified = ProcessIdentity | 'gone' | 'unknown';

/** What one family of systems tells about processes. */
export interface ProcessFacts {
  identify(pid: number): Promise<Identified>;
  /** Undefined when there is no such process, or nobody says. */
  parentOf(pid: number): Promise<number | undefined>;
}

/** The facts of a platform. BSDs have the `ps` of macOS. */
export function processFacts(platform: NodeJS.Platform, system: SystemPort): ProcessFacts {
  if (platform === 'linux') return linuxFacts(system);
  if (platform === 'win32') return windowsFacts(system);
  return darwinFacts(system);
}

const facts = processFacts(process.platform, realSystem);

/** Who has this pid now. Never rejects. */
export function identify(pid: number): Promise<Identified> {
  return facts.identify(pid);
}

/** The pid of the process that started this one, or that took it in as an orphan. Windows names the first even when it is gone. */
export function parentOf(pid: number): Promise<number | undefined> {
  return facts.parentOf(pid);
}

/** Whether `b` is `a` beyond doubt: pid, start time and command line. What may be killed must be. */
export function isSameProcess(a: ProcessIdentity, b: Identified): boolean {
  return (
    b !== 'gone' &&
    b !== 'unknown' &&
    a.startedAt !== '' &&
    a.pid === b.pid &&
    a.startedAt === b.startedAt &&
    a.commandLine === b.commandLine
  );
}

/**
 * Whether `owner` is dead beyond doubt, `found` being who has its pid now. Not the opposite of `isSameProcess`: a
 * process that has rewritten its command line may not be killed for the one it was, and is not dead either.
 */
export function hasEnded(owner: ProcessIdentity, found: Identified): boolean {
  if (found === 'gone') return true;
  if (found === 'unknown' || owner.startedAt === '') return false;
  return found.startedAt !== owner.startedAt;
}

let own: Promise<ProcessIdentity> | undefined;

/** This process; asked once. Where the system does not tell, its start time is empty, and nobody will call it dead. */
export function ownIdentity(): Promise<ProcessIdentity> {
  own ??= identify(process.pid).then((found) =>
    found === 'gone' || found === 'unknown'
      ? { pid: process.pid, startedAt: '', commandLine: process.argv.join(' ') }
      : found,
  );
  return own;
}

let space: Promise<MachineSpace> | undefined;

/** Where this process runs; asked once. Never rejects. */
export function machineSpace(): Promise<MachineSpace> {
  space ??= readMachineSpace(process.platform, realSystem);
  return space;
}
