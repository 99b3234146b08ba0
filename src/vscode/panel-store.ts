/** What the panel must not forget across a reload and has in no journal: which run it shows, and drafts. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { MAX_PROMPT_LENGTH } from '../core/protocol.ts';
import { writeAtomically } from '../node/run/run-store.ts';

/** Drafts kept; beyond, the one that was written longest ago is forgotten. */
const MAX_DRAFTS = 20;

const StoreSchema = v.object({
  shown: v.optional(v.string()),
  /** Oldest first. */
  drafts: v.array(v.object({ runId: v.string(), text: v.pipe(v.string(), v.maxLength(MAX_PROMPT_LENGTH)) })),
});
type Store = v.InferOutput<typeof StoreSchema>;

/** Read anew each time and kept nowhere: another window of this workspace has drafts in there too. */
export class PanelStore {
  readonly #file: string;

  /** @param runsFolder the folder of the workspace's runs; the file lies beside it. A file that cannot be read is begun anew. */
  constructor(runsFolder: string) {
    this.#file = path.join(path.dirname(runsFolder), 'panel.json');
  }

  /** The run that was shown last. */
  get shown(): string | undefined {
    return read(this.#file).shown;
  }

  setShown(runId: string): void {
    const store = read(this.#file);
    if (runId !== store.shown) this.#write({ ...store, shown: runId });
  }

  draft(runId: string): string {
    return draftIn(read(this.#file), runId);
  }

  /** An empty text forgets the draft. */
  setDraft(runId: string, text: string): void {
    const store = read(this.#file);
    if (text === draftIn(store, runId)) return;
    const others = store.drafts.filter((draft) => draft.runId !== runId);
    const drafts = text === '' ? others : [...others, { runId, text }].slice(-MAX_DRAFTS);
    this.#write({ ...store, drafts });
  }

  #write(store: Store): void {
    fs.mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    writeAtomically(this.#file, JSON.stringify(store));
  }
}

function draftIn(store: Store, runId: string): string {
  return store.drafts.find((draft) => draft.runId === runId)?.text ?? '';
}

function read(file: string): Store {
  try {
    return v.parse(StoreSchema, JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch {
    return { drafts: [] };
  }
}
