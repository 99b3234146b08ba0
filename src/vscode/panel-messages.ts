import type * as vscode from 'vscode';
import type { Answer } from '../core/engine.ts';
import { assertNever } from '../core/errors.ts';
import type { CardAction, PanelMessage } from '../core/protocol.ts';
import type { Run } from '../node/run/run.ts';
import type { Submitted } from './prompting.ts';

/** Messages about the run that is shown. */
type RunMessage = Extract<
  PanelMessage,
  {
    type:
      | 'send'
      | 'queue'
      | 'remove-queued'
      | 'edit-queued'
      | 'resume-queue'
      | 'stop'
      | 'permission'
      | 'question'
      | 'open-file';
  }
>;

/** What the panel asks for; each is a command of the palette too. */
export interface PanelActions {
  /** See `submitPrompt`. */
  submit(run: Run, text: string, how: 'send' | 'queue'): Promise<Submitted>;
  resumeQueue(run: Run): Promise<void>;
  /** See `takeQueued`. */
  takeQueued(run: Run, ids: readonly string[], keep?: (text: string) => void): Promise<void>;
  stop(run: Run): void;
  answer(run: Run, askId: string, answer: Answer): Promise<void>;
  openFile(
    run: Run,
    file: string,
    line: number | undefined,
    panel: vscode.ViewColumn | undefined,
  ): Promise<void>;
  openLink(url: string): Promise<void>;
  perform(action: CardAction): Promise<void>;
}

/** What carries a message out: the panel keeps what was typed, the rest is not its business. */
interface Doers {
  panel: {
    submit(run: Run, text: string, how: 'send' | 'queue'): Promise<Submitted>;
    editQueued(run: Run, id: string): Promise<void>;
  };
  actions: PanelActions;
  /** Where the panel is. */
  column: vscode.ViewColumn | undefined;
}

/** Does what the user asked for in the panel, of the run that it shows. */
export async function performOnRun(
  run: Run,
  message: RunMessage,
  { panel, actions, column }: Doers,
): Promise<void> {
  switch (message.type) {
    case 'send':
    case 'queue':
      await panel.submit(run, message.text, message.type);
      return;
    case 'remove-queued':
      return actions.takeQueued(run, [message.id]);
    case 'edit-queued':
      return panel.editQueued(run, message.id);
    case 'resume-queue':
      return actions.resumeQueue(run);
    case 'stop':
      return actions.stop(run);
    case 'permission':
      return actions.answer(run, message.askId, { type: 'permission', reply: message.reply });
    case 'question': {
      const { askId, answers } = message;
      const answer: Answer = answers === undefined ? { type: 'dismiss' } : { type: 'question', answers };
      return actions.answer(run, askId, answer);
    }
    case 'open-file':
      return actions.openFile(run, message.file, message.line, column);
    default:
      return assertNever(message);
  }
}
