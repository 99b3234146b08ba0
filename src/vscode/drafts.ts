import * as vscode from 'vscode';
import type { Run } from '../node/run/run.ts';
import type { DraftStore, Fate } from './draft-store.ts';
import type { Hosting } from './hosting.ts';
import { loadHost } from './load-host.ts';
import type { Notices } from './notices.ts';

/** What is typed into the palette's box, also for a session that has not begun; the name of no run. */
const PALETTE = 'palette';

/** The drafts of this window. Nothing is loaded or read before the first one is asked for. */
export class Drafts {
  readonly #hosting: Hosting;
  readonly #notices: Notices;
  readonly #log: vscode.LogOutputChannel;
  /** Texts on their way from this window. */
  readonly #handed = new Set<string>();
  /** Runs for which something was typed here while another window did them. */
  readonly #typedAside = new Set<string>();
  #store: DraftStore | undefined;

  constructor(hosting: Hosting, notices: Notices, log: vscode.LogOutputChannel) {
    this.#hosting = hosting;
    this.#notices = notices;
    this.#log = log;
  }

  /** What stands in the prompt box of a run, or belongs there: it was sent, and never got under way. */
  read({ id, state, followed }: Run): string {
    if (followed) return this.#storeOf()?.read(whereFollowed(id)) ?? '';
    const { turn, queue } = state;
    const fateOf = (text: string, at: number): Fate => {
      if (this.#handed.has(key(id, text))) return 'on-its-way';
      const isQueued = queue.items.some((item) => item.text === text);
      const isUnderWay = turn !== undefined && turn.prompt.text === text && turn.draftedAt >= at;
      return isQueued || isUnderWay ? 'taken' : 'lost';
    };
    return this.#storeOf()?.read(id, fateOf) ?? '';
  }

  /** What stands in the palette's box for a prompt. */
  get inPalette(): string {
    return this.#storeOf()?.read(PALETTE) ?? '';
  }

  set inPalette(text: string) {
    this.type(PALETTE, text);
  }

  /** @param isFollowed where another window does the run: its own draft is that window's. */
  type(runId: string, text: string, isFollowed = false): void {
    const store = this.#storeOf();
    store?.type(isFollowed ? whereFollowed(runId) : runId, text);
    if (isFollowed) this.#typedAside.add(runId);
    // The run is this window's now, and so is what was typed.
    else if (this.#typedAside.delete(runId)) store?.forget(whereFollowed(runId));
  }

  /** The text leaves the box, to be sent. */
  hand({ id }: Run, text: string): void {
    this.#handed.add(key(id, text));
    this.#storeOf()?.hand(id, text, Date.now());
  }

  /** The text is under way or queued; or, `isBack`, it stands in front of what is in the box. */
  settle({ id }: Run, text: string, isBack: boolean): void {
    this.#handed.delete(key(id, text));
    this.#storeOf()?.settle(id, text, isBack);
  }

  putBack({ id }: Run, text: string): void {
    this.#storeOf()?.putBack(id, text);
  }

  forget(runId: string): void {
    this.#storeOf()?.forget(runId);
  }

  #storeOf(): DraftStore | undefined {
    const { folder, storage } = this.#hosting;
    if (folder === undefined) return undefined;
    const { DraftStore, runsFolder } = loadHost();
    return (this.#store ??= new DraftStore(runsFolder(storage, folder), {
      log: this.#log,
      onFull: (why) =>
        this.#notices.warning(
          vscode.l10n.t('What you type stays in the panel but cannot be saved: {0}', why),
        ),
    }));
  }
}

/** The name of what is typed for a run in a window that only follows it. */
function whereFollowed(runId: string): string {
  return `${runId}.followed`;
}

function key(runId: string, text: string): string {
  return `${runId} ${text}`;
}
