/** What the command is given by the system. */
import type { Terminal } from './terminal.ts';

export interface Shell {
  terminal: Terminal;
  env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the current folder. */
  cwd: string;
  home: string;
  /** Absolute path of the folder with the programs that come with Holdfast. */
  programs: string;
  platform: NodeJS.Platform;
  /** Holdfast's own version. */
  version: string;
  /** Ends the process at once; what it has started ends with it. */
  exit(code: number): void;
}
