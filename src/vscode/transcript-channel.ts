import * as vscode from 'vscode';
import type { Transcript } from '../core/journal/transcript.ts';
import type { Run } from '../node/run/run.ts';
import type { Hosting, RunRecord } from './hosting.ts';
import { loadHost } from './load-host.ts';

/** What of a run the channel has, so that a record is written once. */
interface Following {
  runId: string;
  seq: number;
  transcript: Transcript;
}

/** The transcript of one run as an output channel, made when it is first asked for, and following that run. */
export class TranscriptChannel implements vscode.Disposable {
  readonly #stop: vscode.Disposable;
  #channel: vscode.OutputChannel | undefined;
  #following: Following | undefined;

  constructor(hosting: Hosting) {
    this.#stop = hosting.onRecord((entry) => this.#onRecord(entry));
  }

  /** @throws JournalError when the run cannot be read. */
  show(run: Run): void {
    this.#channel ??= vscode.window.createOutputChannel('Holdfast Transcript');
    if (this.#following?.runId !== run.id) this.#follow(run);
    this.#channel.show(true);
  }

  dispose(): void {
    this.#stop.dispose();
    this.#channel?.dispose();
  }

  #follow(run: Run): void {
    const { newTranscript, readJournal, transcriptLines } = loadHost();
    const { records } = readJournal(run.folder);
    const transcript = newTranscript();
    const lines = records.flatMap((record) => transcriptLines(record, transcript));
    this.#following = { runId: run.id, seq: records.at(-1)?.seq ?? 0, transcript };
    this.#channel?.replace(`${lines.join('\n')}\n`);
  }

  #onRecord({ run, record }: RunRecord): void {
    if (this.#channel === undefined) return;
    // What begins now is what the user looks for.
    if (record.kind === 'turn-drafted' && this.#following?.runId !== run.id) this.#follow(run);
    const following = this.#following;
    if (following?.runId !== run.id || record.seq <= following.seq) return;
    following.seq = record.seq;
    for (const line of loadHost().transcriptLines(record, following.transcript))
      this.#channel.appendLine(line);
  }
}
