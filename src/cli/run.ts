/** `holdfast run` */
import { explain } from '../core/errors.ts';
import { exitCode } from '../core/outcome.ts';
import type { RunCommand } from './args.ts';
import { outcomeOf, withLive } from './live.ts';
import { answerText } from './result.ts';
import type { Shell } from './shell.ts';

/** Sends one prompt and prints the last answer. @returns the exit code. */
export function run(command: RunCommand, shell: Shell): Promise<number> {
  return withLive(command, shell, async (live) => {
    const session = await live.host.startSession();
    try {
      await live.host.prompt(session, command.prompt);
    } catch (error) {
      // The sentence is told with the end of the run. One that was stopped meanwhile has its end already.
      const ended = { kind: 'run-ended', outcome: outcomeOf(error), message: explain(error) } as const;
      if (!live.isStopped) session.append(ended);
    }
    await session.ended();
    const text = answerText(session.state);
    if (!command.json && text !== undefined) shell.terminal.print(text);
    return exitCode(session.state.ended?.outcome ?? (live.isStopped ? 'interrupted' : 'error'));
  });
}
