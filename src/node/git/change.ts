/** The diff of one changed file, or the reason why it is not looked at. */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addedFileDiff, parseDiff } from '../../core/review/diff.ts';
import type { ScopeFile } from '../../core/review/finding.ts';
import { formatBytes } from './bytes.ts';
import { DIFF_OPTIONS, isNameless, type DiffEntry } from './changes.ts';
import { git, GitOutputError } from './git.ts';

export interface Change extends DiffEntry {
  areas: ScopeFile['areas'];
  /**
   * Where the diff comes from: git compares the base with a tracked file; for an untracked one it is made here,
   * so that the index stays as it is; a file that was only taken out of the index is compared by its content.
   */
  source: 'tracked' | 'untracked' | 'unstaged-file';
}

/** `skip` is a sentence part for people. */
export type ReadChange = { diff: string } | { skip: string };

const SUBMODULE = '160000';
const SYMBOLIC_LINK = '120000';
/** Bytes at the start of a file that git looks for a NUL in, to call the file binary. */
const BINARY_PROBE = 8000;

/** Reads one change. Files that vanish or cannot be read meanwhile are skipped like the others, with the reason. */
export async function readChange(
  root: string,
  base: string,
  change: Change,
  fileBytes: number,
): Promise<ReadChange> {
  const modes = [change.oldMode, change.newMode];
  if (isNameless(change.file) || isNameless(change.oldFile ?? '')) return { skip: 'its name is not UTF-8' };
  if (change.file.endsWith('/')) return { skip: 'a repository of its own inside of this one' };
  if (modes.includes(SUBMODULE)) return { skip: 'submodule: its changes belong to its own repository' };
  if (modes.includes(SYMBOLIC_LINK)) return { skip: 'symbolic link' };
  try {
    const stays = change.source !== 'tracked' || change.status !== 'deleted';
    const problem = stays ? await problemOf(join(root, change.file), fileBytes) : undefined;
    if (problem !== undefined) return { skip: problem };
    return change.source === 'untracked'
      ? await readUntracked(root, change.file)
      : await readTracked(root, base, change, fileBytes);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (typeof code === 'string') return { skip: `cannot be read (${code})` };
    throw error;
  }
}

async function problemOf(path: string, fileBytes: number): Promise<string | undefined> {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) return 'symbolic link';
  if (!stat.isFile()) return 'not a regular file';
  if (stat.size > fileBytes) return `larger than ${formatBytes(fileBytes)} (${formatBytes(stat.size)})`;
  return undefined;
}

async function readTracked(
  root: string,
  base: string,
  change: Change,
  fileBytes: number,
): Promise<ReadChange> {
  // A diff shows old and new text: twice the limit is what two files just within it can take.
  const maxOutput = 2 * fileBytes;
  const compared =
    change.source === 'unstaged-file' ? [`${base}:${change.file}`, '--'] : [base, '--', ...oldPath(change)];
  let output: Buffer;
  try {
    const result = await git(root, ['diff', ...DIFF_OPTIONS, '--patch', ...compared, change.file], {
      maxOutput,
    });
    if (result.code !== 0)
      return { skip: `git cannot compare it: ${result.stderr.trim().split('\n')[0] ?? ''}` };
    output = result.stdout;
  } catch (error) {
    if (error instanceof GitOutputError) return { skip: `its diff is larger than ${formatBytes(maxOutput)}` };
    throw error;
  }
  const text = decode(output);
  if (text === undefined) return { skip: NOT_UTF8 };
  // Where a file gave way to a folder of its name, git shows what is in the folder as well.
  const parts = parseDiff(text).filter((part) => part.file === change.file);
  if (parts.some(({ header }) => header.some((line) => /^Binary files .* differ$/.test(line)))) {
    return { skip: 'binary, or marked as such in .gitattributes' };
  }
  if (parts.length === 0) return { skip: UNDONE };
  return { diff: parts.map((part) => part.text).join('') };
}

async function readUntracked(root: string, file: string): Promise<ReadChange> {
  const path = join(root, file);
  const [bytes, stat] = await Promise.all([readFile(path), lstat(path)]);
  if (bytes.subarray(0, BINARY_PROBE).includes(0)) return { skip: 'binary' };
  const text = decode(bytes);
  if (text === undefined) return { skip: NOT_UTF8 };
  return { diff: addedFileDiff(file, text, (stat.mode & 0o100) === 0 ? '100644' : '100755') };
}

/** Staged once, and then the working file was put back: what is committed and what is on disk are the same. */
export const UNDONE = 'staged, but the working file is as in the base';
/** Guessing an encoding would put words into the file that are not there, and no anchor would match. */
const NOT_UTF8 = 'text that is not UTF-8';

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function oldPath({ oldFile }: Change): string[] {
  return oldFile === undefined ? [] : [oldFile];
}
