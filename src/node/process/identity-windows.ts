/** Processes as CIM describes them. Not run on Windows: tested against recorded output. */
import * as v from 'valibot';
import type { Identified, ProcessFacts } from './identity.ts';
import { type SystemPort, windowsTool } from './system-port.ts';

const POWERSHELL = windowsTool('WindowsPowerShell\\v1.0\\powershell.exe');

const AnswerSchema = v.object({
  /** 100 ns since 1601, UTC: exact, and free of the user's way to write dates. */
  started: v.nullish(v.string()),
  /** Null for processes of other users. */
  command: v.nullish(v.string()),
  parent: v.nullish(v.number()),
});
type Answer = v.InferOutput<typeof AnswerSchema>;

export function windowsFacts(system: SystemPort): ProcessFacts {
  return {
    async identify(pid): Promise<Identified> {
      if (system.presence(pid) === 'gone') return 'gone';
      const { started, command } = await ask(pid, system);
      if (started && command) return { pid, startedAt: started, commandLine: command.trim() };
      return system.presence(pid) === 'gone' ? 'gone' : 'unknown';
    },
    async parentOf(pid) {
      const { parent } = await ask(pid, system);
      return parent ? parent : undefined;
    },
  };
}

/** Empty when there is no such process, or PowerShell is barred. */
async function ask(pid: number, system: SystemPort): Promise<Answer> {
  const script =
    `[Console]::OutputEncoding = [Text.Encoding]::UTF8; ` +
    `$p = Get-CimInstance Win32_Process -Filter 'ProcessId = ${pid}'; ` +
    `if ($p) { @{ started = if ($p.CreationDate) { [string]$p.CreationDate.ToFileTimeUtc() } else { $null }; ` +
    `command = $p.CommandLine; parent = [int64]$p.ParentProcessId } | ConvertTo-Json -Compress }`;
  try {
    const args = ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', script];
    return v.parse(AnswerSchema, JSON.parse(await system.run(POWERSHELL, args)));
  } catch {
    return {};
  }
}
