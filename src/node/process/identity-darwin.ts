/** Processes as the `ps` of macOS and the BSDs prints them. Not run on macOS: tested against recorded output. */
import type { Identified, ProcessFacts } from './identity.ts';
import type { SystemPort } from './system-port.ts';

/** By its path: a `ps` of the user's own may print other things. */
const PS = '/bin/ps';

/** `Ss   Sat Nov 21 04:04:11 2026     node server.js`; the time is in the C locale and UTC, as the port asks for. */
const LINE = /^\s*(\S+)\s+(\w{3}\s+\w{3}\s+\d{1,2}\s+\d{2}:\d{2}:\d{2}\s+\d{4})\s+(\S.*)$/;

export function darwinFacts(system: SystemPort): ProcessFacts {
  return {
    async identify(pid) {
      if (system.presence(pid) === 'gone') return 'gone';
      // One -o each: in a list the first `=` would take the rest of it for a heading.
      const args = ['-ww', '-o', 'stat=', '-o', 'lstart=', '-o', 'command=', '-p', String(pid)];
      const found = parse(pid, await system.run(PS, args).catch(() => ''));
      if (found === 'unknown' && system.presence(pid) === 'gone') return 'gone';
      return found;
    },
    async parentOf(pid) {
      const output = await system.run(PS, ['-o', 'ppid=', '-p', String(pid)]).catch(() => '');
      const parent = Number(output.trim());
      return parent > 0 ? parent : undefined;
    },
  };
}

function parse(pid: number, output: string): Identified {
  const [, state, time, commandLine] = LINE.exec(output.split('\n')[0] ?? '') ?? [];
  if (state === undefined || time === undefined || commandLine === undefined) return 'unknown';
  if (state.startsWith('Z')) return 'gone';
  return { pid, startedAt: time.replaceAll(/\s+/g, ' '), commandLine: commandLine.trimEnd() };
}
