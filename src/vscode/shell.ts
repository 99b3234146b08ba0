import type * as vscode from 'vscode';
import type { Drafts } from './drafts.ts';
import type { FaultDrill } from './fault-drill.ts';
import type { Findings } from './findings.ts';
import type { Hosting } from './hosting.ts';
import type { Notices } from './notices.ts';
import type { Panel } from './panel.ts';
import type { SessionsTree } from './sessions-tree.ts';
import type { TranscriptChannel } from './transcript-channel.ts';

/** The parts of the extension that commands work on. */
export interface Shell {
  readonly hosting: Hosting;
  readonly drafts: Drafts;
  readonly panel: Panel;
  readonly findings: Findings;
  readonly sessions: SessionsTree;
  readonly transcript: TranscriptChannel;
  readonly drill: FaultDrill;
  readonly notices: Notices;
  readonly log: vscode.LogOutputChannel;
  readonly secrets: vscode.SecretStorage;
}
