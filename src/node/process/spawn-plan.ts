/** How a command line is handed to the system: one pure function for each family of systems. */

export interface SpawnPlan {
  file: string;
  args: string[];
  /** In a group of its own, so that the whole of it can be signalled and a Ctrl+C of ours does not reach it. */
  detached: boolean;
  /** Windows only: arguments are already quoted. */
  windowsVerbatimArguments: boolean;
}

/** Core dumps off (opencode 1.18.33 leaves 0.5 GB in its directory), then `exec`, so that the pid is the engine's own. */
const WITHOUT_CORE_DUMPS = 'ulimit -c 0; exec "$0" "$@"';

export function spawnPlan(platform: NodeJS.Platform, command: string, args: readonly string[]): SpawnPlan {
  if (platform !== 'win32') {
    return {
      file: '/bin/sh',
      args: ['-c', WITHOUT_CORE_DUMPS, command, ...args],
      detached: true,
      windowsVerbatimArguments: false,
    };
  }
  // On Windows `detached` would open a console window; the tree is ended by taskkill instead.
  if (!/\.(cmd|bat)$/i.test(command)) {
    return { file: command, args: [...args], detached: false, windowsVerbatimArguments: false };
  }
  // Node refuses to run batch files without a shell (EINVAL since 20.12.2), so cmd.exe is named here.
  const line = [command, ...args].map(quoteForCmd).join(' ');
  return {
    file: 'cmd.exe',
    args: ['/d', '/s', '/c', `"${line}"`],
    detached: false,
    windowsVerbatimArguments: true,
  };
}

/** Quotes one argument for a batch file: `cmd` expands `%` even inside quotes, so those arguments are refused. */
function quoteForCmd(argument: string): string {
  if (/["%\r\n]/.test(argument))
    throw new RangeError(`Cannot pass ${JSON.stringify(argument)} to a batch file`);
  return `"${argument}"`;
}
