/** `holdfast review` */
import { exitCode } from '../core/outcome.ts';
import { parseTarget } from '../core/review/target.ts';
import type { ReviewCommand } from './args.ts';
import { withLive } from './live.ts';
import { checkReportFile, copyReport } from './report-file.ts';
import { findingsText } from './result.ts';
import type { Shell } from './shell.ts';

/** Reviews and prints the findings. @returns the exit code. @throws TargetError, ReportError before anything is started */
export async function review(command: ReviewCommand, shell: Shell): Promise<number> {
  parseTarget(command.target);
  const report = command.report === undefined ? undefined : checkReportFile(command.report, shell.cwd);
  return withLive(command, shell, async (live) => {
    const run = await live.host.startReview(command.target);
    await run.ended();
    const outcome = run.state.ended?.outcome ?? 'error';
    const text = findingsText(run.state);
    if (!command.json && text !== undefined) shell.terminal.print(text);
    if (report !== undefined && outcome === 'ok') {
      copyReport(run.folder, report);
      shell.terminal.say({ label: 'report', text: report });
    } else if (report !== undefined) {
      shell.terminal.say({
        label: 'report',
        text: 'not written, since the review did not succeed',
        tone: 'warn',
      });
    }
    return exitCode(outcome);
  });
}
