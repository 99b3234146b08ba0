/**
 * The heavy half of the extension: everything that needs the engine, the network, git or the journals. It is a
 * bundle of its own, loaded by `load-host.ts` on first use, and knows nothing of `vscode`.
 */
import * as v from 'valibot';
import { type PanelMessage, PanelMessageSchema } from '../core/protocol.ts';

export { drillMarkdown, summaryLine } from '../core/drill/report.ts';
export { incidentReport } from '../core/journal/incident-report.ts';
export { transcriptMarkdown, transcriptLines, newTranscript } from '../core/journal/transcript.ts';
export { faultDrill } from '../engines/fault-drill.ts';
export { installOpencode } from '../engines/opencode/install.ts';
export { OPENCODE_DOWNLOAD_MB, OPENCODE_VERSION } from '../engines/opencode/installed.ts';
export { locateOpencode } from '../engines/opencode/locate.ts';
export { openWorkspace } from '../engines/open-workspace.ts';
export { readJournal } from '../node/journal/journal-reader.ts';
export { REPORT_FILE } from '../node/run/review-work.ts';
export { hasUnfinished, listRuns, runsFolder, writeAtomically } from '../node/run/run-store.ts';
export { DraftStore } from './draft-store.ts';
export { PanelStore } from './panel-store.ts';
export { readReview, writeDismissed } from './review-store.ts';
export { summarise } from './run-summary.ts';

/** What the panel said, or where it is wrong. */
export function parsePanelMessage(value: unknown): { message: PanelMessage } | { problem: string } {
  const result = v.safeParse(PanelMessageSchema, value);
  if (result.success) return { message: result.output };
  const [issue] = result.issues;
  return { problem: `${v.getDotPath(issue) ?? 'message'}: ${issue.message}` };
}
