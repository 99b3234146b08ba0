/**
 * What the user has typed and not sent, on disk: one file a run, beside the runs and outside of their journals, since a
 * draft is no record of what happened. It is never sent by anybody but the user.
 *
 * A window that merely follows a run has a draft of its own for it. Where two windows show a run that rests, the last
 * one to write wins; neither can harm the draft of another run.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { explain } from '../core/errors.ts';
import { inFront, MAX_PROMPT_LENGTH } from '../core/protocol.ts';
import { MAX_RUNS, writeAtomically } from '../node/run/run-store.ts';

/** Drafts kept, one for each run that is; beyond, the one that was written longest ago is forgotten. */
export const MAX_DRAFTS = MAX_RUNS;

const Text = v.pipe(v.string(), v.maxLength(MAX_PROMPT_LENGTH));
const DraftSchema = v.object({
  /** What stands in the prompt box. */
  typed: Text,
  /** Handed over to be sent, and not under way yet; `at` is when, epoch ms. */
  sending: v.array(v.object({ text: Text, at: v.number() })),
});
type Draft = v.InferOutput<typeof DraftSchema>;

/** What became of a text that was to be sent; a lost one was never begun with, and belongs to the user. */
export type Fate = 'on-its-way' | 'taken' | 'lost';

export interface DraftStoreOptions {
  log: { warn(text: string): void };
  /** Told once, with a sentence, when the disk takes no drafts any more. They are kept in memory until it does. */
  onFull(why: string): void;
}

/** None of its methods throws: a disk that takes nothing must not keep anybody from typing. */
export class DraftStore {
  readonly #folder: string;
  readonly #options: DraftStoreOptions;
  /** What the disk did not take. */
  readonly #unsaved = new Map<string, Draft>();
  /** Files that were warned of: they are looked at with every key. */
  readonly #warned = new Set<string>();
  #isFull = false;

  /** @param runsFolder the folder of the workspace's runs: the drafts lie beside it. */
  constructor(runsFolder: string, options: DraftStoreOptions) {
    this.#folder = path.join(path.dirname(runsFolder), 'drafts');
    this.#options = options;
  }

  /**
   * What belongs into the prompt box: what the user had typed, behind what they sent and never got under way. That is
   * from here on typed, and no longer sent. A file that cannot be read is an empty draft and one warning, and is put aside.
   * @param id of a run, or another name that is one of a file.
   * @param fateOf a text that was to be sent at that time.
   */
  read(id: string, fateOf: (text: string, at: number) => Fate = () => 'lost'): string {
    this.#change(id, ({ typed, sending }) => {
      const fates = sending.map((one) => ({ ...one, fate: fateOf(one.text, one.at) }));
      const lost = fates.filter(({ fate }) => fate === 'lost');
      return {
        typed: lost.reduceRight((rest, { text }) => inFront(text, rest), typed),
        sending: sending.filter((_, index) => fates[index]?.fate === 'on-its-way'),
      };
    });
    return this.#read(id).typed;
  }

  /** Keeps what stands in the prompt box. */
  type(id: string, typed: string): void {
    this.#change(id, (draft) => ({ ...draft, typed }));
  }

  /** The text leaves the box, to be sent. It stays here until `settle`. */
  hand(id: string, text: string, at: number): void {
    this.#change(id, (draft) => ({
      typed: draft.typed === text ? '' : draft.typed,
      sending: [...draft.sending, { text, at }],
    }));
  }

  /** The text is under way, or queued; or, `isBack`, it is in front of what stands in the box. */
  settle(id: string, text: string, isBack: boolean): void {
    this.#change(id, ({ typed, sending }) => {
      const at = sending.findIndex((each) => each.text === text);
      return { typed: isBack ? inFront(text, typed) : typed, sending: sending.filter((_, i) => i !== at) };
    });
  }

  /** Puts a text in front of what stands in the box. */
  putBack(id: string, text: string): void {
    this.#change(id, (draft) => ({ ...draft, typed: inFront(text, draft.typed) }));
  }

  /** The run is gone, and what was typed for it. */
  forget(id: string): void {
    this.#change(id, () => ({ typed: '', sending: [] }));
  }

  #change(id: string, change: (draft: Draft) => Draft): void {
    const before = this.#read(id);
    const draft = change(before);
    if (!this.#unsaved.has(id) && JSON.stringify(draft) === JSON.stringify(before)) return;
    try {
      this.#write(this.#file(id), draft);
      this.#unsaved.delete(id);
      this.#isFull = false;
    } catch (error) {
      this.#unsaved.set(id, draft);
      if (!this.#isFull) this.#options.onFull(explain(error));
      this.#isFull = true;
    }
  }

  #write(file: string, draft: Draft): void {
    if (draft.typed === '' && draft.sending.length === 0) {
      fs.rmSync(file, { force: true });
      return;
    }
    fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    if (!fs.existsSync(file)) this.#forgetOldest();
    writeAtomically(file, JSON.stringify(draft));
  }

  #read(id: string): Draft {
    const unsaved = this.#unsaved.get(id);
    if (unsaved !== undefined) return unsaved;
    const file = this.#file(id);
    try {
      return v.parse(DraftSchema, JSON.parse(fs.readFileSync(file, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#putAside(file, error);
      return { typed: '', sending: [] };
    }
  }

  /** Under another name nobody stumbles over it again, and what can be made out in it is not gone. */
  #putAside(file: string, error: unknown): void {
    if (!this.#warned.has(file))
      this.#options.log.warn(`the draft in ${file} cannot be read, and is begun anew: ${explain(error)}`);
    this.#warned.add(file);
    try {
      fs.renameSync(file, `${file}.broken`);
    } catch {
      // It stays, and is written over.
    }
  }

  #forgetOldest(): void {
    const files = fs
      .readdirSync(this.#folder)
      .map((name) => path.join(this.#folder, name))
      .map((file) => ({ file, at: fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .toSorted((a, b) => b.at - a.at);
    for (const { file } of files.slice(MAX_DRAFTS - 1)) fs.rmSync(file, { force: true });
  }

  #file(id: string): string {
    return path.join(this.#folder, `${path.basename(id)}.json`);
  }
}
