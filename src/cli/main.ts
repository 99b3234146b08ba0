/** The `holdfast` command: the same core as the extension, without an editor. */
import * as os from 'node:os';
import { version } from '../../package.json';
import { explain } from '../core/errors.ts';
import { exitCode } from '../core/outcome.ts';
import { type Command, parseCommand } from './args.ts';
import { drill } from './drill.ts';
import { follow } from './follow.ts';
import { helpText } from './help.ts';
import { replay } from './replay.ts';
import { review } from './review.ts';
import { run } from './run.ts';
import type { Shell } from './shell.ts';
import { Terminal } from './terminal.ts';

/** Who stopped the command does not want to wait until a stuck reader has taken what it said, ms. */
const STOPPED_FLUSH_MS = 300;

function perform(command: Command, shell: Shell): number | Promise<number> {
  switch (command.name) {
    case 'review':
      return review(command, shell);
    case 'run':
      return run(command, shell);
    case 'replay':
      return command.follow ? follow(command, shell) : replay(command, shell);
    case 'drill':
      return drill(command, shell);
    case 'help':
      shell.terminal.print(helpText(command.topic).trimEnd());
      return 0;
    case 'version':
      shell.terminal.print(version);
      return 0;
  }
}

async function main(): Promise<void> {
  const terminal = new Terminal(process, process.env);
  terminal.onReaderGone = () => process.exit(0);
  // Should everything come to rest before the end is reached, it did not go well.
  process.exitCode = 1;
  let code = 1;
  try {
    code = await perform(parseCommand(process.argv.slice(2)), {
      terminal,
      env: process.env,
      cwd: process.cwd(),
      home: os.homedir(),
      programs: import.meta.dirname,
      platform: process.platform,
      version,
      exit: (status) => process.exit(status),
    });
  } catch (error) {
    terminal.complain(explain(error));
  }
  await terminal.flush(code === exitCode('interrupted') ? STOPPED_FLUSH_MS : undefined);
  // Not by itself: one socket left open would keep the command, and whoever waits for it, for ever.
  process.exit(code);
}

void main();
