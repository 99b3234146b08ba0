/** What the panel must not forget across a reload and has in no journal: which run it shows. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { writeAtomically } from '../node/run/run-store.ts';

const StoreSchema = v.object({ shown: v.optional(v.string()) });
type Store = v.InferOutput<typeof StoreSchema>;

/** Read anew each time and kept nowhere: another window of this workspace writes it too. */
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

  setShown(shown: string): void {
    if (shown === this.shown) return;
    fs.mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    writeAtomically(this.#file, JSON.stringify({ shown } satisfies Store));
  }
}

function read(file: string): Store {
  try {
    return v.parse(StoreSchema, JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
