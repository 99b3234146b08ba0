/**
 * The files of a lease. `lease-000003.json` in a folder: its writer holds the folder as long as there is no higher
 * generation. The highest one is never removed, only renamed when its holder lets go, so that a generation, once
 * given, is never given again:
 *
 *     .json ──▶ .left   unfinished, given up on purpose
 *       └─────▶ .done   finished
 */
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

/** Other users of the machine have no business here: a command line is in it. */
const PRIVATE = 0o600;

export interface Generation {
  number: number;
  suffix: 'json' | 'left' | 'done';
  /** Absolute path. */
  file: string;
}

/**
 * The generation that counts, from the names alone; undefined in a folder that nobody has ever taken.
 * @throws the error of the system when the folder cannot be read, other than that there is none.
 */
export function highestGeneration(folder: string): Generation | undefined {
  let highest: Generation | undefined;
  for (const generation of generations(folder)) {
    if (highest === undefined || counts(generation, highest)) highest = generation;
  }
  return highest;
}

/**
 * Whether `a` overrules `b`. In one generation the one let go does: beside it a `.json` can only be that of somebody
 * who was so slow that the generation was over before its turn came, and who is about to notice.
 */
function counts(a: Generation, b: Generation): boolean {
  return a.number > b.number || (a.number === b.number && b.suffix === 'json');
}

function generations(folder: string): Generation[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.flatMap((name) => {
    const [, number, suffix] = /^lease-(\d{6,})\.(json|left|done)$/.exec(name) ?? [];
    if (number === undefined) return [];
    return [
      { number: Number(number), suffix: suffix as Generation['suffix'], file: path.join(folder, name) },
    ];
  });
}

/** Absolute path of a generation's file. */
export function generationFile(folder: string, number: number, suffix: Generation['suffix']): string {
  return path.join(folder, `lease-${String(number).padStart(6, '0')}.${suffix}`);
}

/**
 * Takes a generation with its content whole, or not at all. Lower ones are removed.
 * @returns false when somebody else has it, or had it.
 * @throws the error of the system when the folder cannot be written or knows no hard links.
 */
export function claimGeneration(folder: string, number: number, content: string): boolean {
  const file = generationFile(folder, number, 'json');
  const temporary = path.join(folder, `.lease-${crypto.randomBytes(6).toString('hex')}.tmp`);
  try {
    fs.writeFileSync(temporary, content, { mode: PRIVATE });
    fs.linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(temporary, { force: true });
  }
  const found = generations(folder);
  // The name was free, but perhaps only because its holder has let go or has been overtaken since we looked.
  if (found.some((other) => other.file !== file && other.number >= number)) {
    fs.rmSync(file, { force: true });
    return false;
  }
  for (const other of found) if (other.number < number) fs.rmSync(other.file, { force: true });
  return true;
}
