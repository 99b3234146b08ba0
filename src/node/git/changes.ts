/** The list of what changed, from git's machine-readable output. Parsing only; no reading of contents. */
import type { ScopeFile } from '../../core/review/finding.ts';
import { git } from './git.ts';
import { gitSaid } from './repository.ts';

type Area = ScopeFile['areas'][number];

/** One path as `git status` sees it. */
export interface StatusEntry {
  file: string;
  areas: Area[];
  /** True while a merge left it with conflicts. */
  unmerged: boolean;
}

/** One path as `git diff --raw` sees it: the base against the working files. */
export interface DiffEntry {
  file: string;
  oldFile?: string;
  status: ScopeFile['status'];
  /** Modes as git writes them, `000000` for "not there". */
  oldMode: string;
  newMode: string;
}

/**
 * Options that make `git diff` say the same whatever the user's configuration is. Copies are not looked for: they
 * would turn an added file into a puzzle for the reader.
 */
export const DIFF_OPTIONS = [
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--no-relative',
  '--find-renames',
  '--ignore-submodules=none',
  '--submodule=short',
  '--diff-algorithm=myers',
  '--unified=3',
  '--inter-hunk-context=0',
  '--src-prefix=a/',
  '--dst-prefix=b/',
];

/** Every changed path with the areas it changed in; `files` are whole folders only where another repository lies in one. */
export async function readStatus(root: string): Promise<Map<string, StatusEntry>> {
  const args = [
    'status',
    '--porcelain=v2',
    '-z',
    '--untracked-files=all',
    '--ignore-submodules=none',
    '--renames',
  ];
  const result = await git(root, args);
  if (result.code !== 0) throw gitSaid('The changes cannot be listed', result);
  return parseStatus(decodePaths(result.stdout));
}

/** What differs between `base` (a commit or tree) and the working files, tracked files only. */
export async function readDiffEntries(root: string, base: string): Promise<DiffEntry[]> {
  const result = await git(root, ['diff', ...DIFF_OPTIONS, '--raw', '-z', '--no-abbrev', base, '--']);
  if (result.code !== 0) throw gitSaid('The changes cannot be listed', result);
  return parseRaw(decodePaths(result.stdout));
}

/** `git status --porcelain=v2 -z`. Fields are split by blanks, records by NUL; a rename has a second record, its old path. */
export function parseStatus(output: string): Map<string, StatusEntry> {
  const entries = new Map<string, StatusEntry>();
  const add = (file: string, areas: Area[], unmerged = false): void => {
    const known = entries.get(file);
    if (known) known.areas.push(...areas);
    else entries.set(file, { file, areas, unmerged });
  };
  const records = output.split('\0');
  for (let at = 0; at < records.length; at += 1) {
    const record = records[at] ?? '';
    const kind = record.charAt(0);
    if (kind === '1') add(restAfter(record, 8), areasOf(record));
    else if (kind === 'u') add(restAfter(record, 10), ['staged', 'unstaged'], true);
    else if (kind === '?') add(restAfter(record, 1), ['untracked']);
    else if (kind === '2') {
      add(restAfter(record, 9), areasOf(record));
      at += 1;
      // The old path has its part in the change too: it is looked up when no rename is made of the pair.
      const old = records[at];
      if (old !== undefined) add(old, areasOf(record));
    }
  }
  return entries;
}

/** `git diff --raw -z`: `:oldmode newmode oldid newid S`, NUL, path, and the new path after another NUL for a rename. */
export function parseRaw(output: string): DiffEntry[] {
  const records = output.split('\0');
  const entries = new Map<string, DiffEntry>();
  for (let at = 0; at < records.length;) {
    const fields = /^:(\d+) (\d+) \S+ \S+ ([A-Z])\d*$/.exec(records[at] ?? '');
    at += 1;
    if (!fields) continue;
    const [, oldMode = '', newMode = '', letter = ''] = fields;
    const first = records[at] ?? '';
    at += 1;
    if (letter === 'R') {
      const file = records[at] ?? '';
      at += 1;
      entries.set(file, { file, oldFile: first, status: 'renamed', oldMode, newMode });
      continue;
    }
    // A path in conflict is listed twice, as `U` and as what became of the working file: the latter says more.
    if (letter === 'U') continue;
    entries.set(first, { file: first, status: STATUS_OF[letter] ?? 'modified', oldMode, newMode });
  }
  return [...entries.values()];
}

const STATUS_OF: Readonly<Record<string, ScopeFile['status']>> = {
  A: 'added',
  D: 'deleted',
  M: 'modified',
  T: 'modified',
};

function areasOf(record: string): Area[] {
  const areas: Area[] = [];
  if (record.charAt(2) !== '.') areas.push('staged');
  if (record.charAt(3) !== '.') areas.push('unstaged');
  return areas;
}

/** What follows the first `fields` blank-separated fields. */
function restAfter(record: string, fields: number): string {
  let at = 0;
  for (let n = 0; n < fields; n += 1) at = record.indexOf(' ', at) + 1;
  return record.slice(at);
}

/**
 * Paths are bytes to git. In one that is not UTF-8 the odd bytes become U+FFFD: it can then be told to people, and
 * `isNameless` keeps it from being handed back to git.
 */
function decodePaths(bytes: Buffer): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** Whether a path cannot be opened by this name, because its bytes are not UTF-8. */
export function isNameless(file: string): boolean {
  return file.includes('\uFFFD');
}
