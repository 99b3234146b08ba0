/** What a review looks at: the changes of a repository, resolved to files, commits and one diff. */
import { basename } from 'node:path';
import { TargetError } from '../../core/errors.ts';
import { countChanges, parseDiff } from '../../core/review/diff.ts';
import type { ReviewTarget, ScopeFile, SkippedFile } from '../../core/review/finding.ts';
import { parseTarget } from '../../core/review/target.ts';
import { readChange, UNDONE, type Change } from './change.ts';
import { readDiffEntries, readStatus, type DiffEntry, type StatusEntry } from './changes.ts';
import { formatBytes } from './bytes.ts';
import { emptyTree, openRepository, type Repository } from './repository.ts';

/** What a review takes in. What is beyond is skipped by name. */
export interface TargetLimits {
  /** Largest file, bytes. */
  fileBytes: number;
  /** Largest diff of all files together, bytes of UTF-8. */
  diffBytes: number;
  /** Most changed files; with more of them there is no review, since not even the list could be read. */
  files: number;
}

/** A mebibyte of diff is about 300,000 tokens, more than most models take; generated files of 256 KiB are read by nobody. */
export const DEFAULT_LIMITS: TargetLimits = { fileBytes: 256 * 1024, diffBytes: 1024 * 1024, files: 2000 };

/** Diffs asked of git at the same time: enough to hide the start of a process, few enough for two cores. */
const PARALLEL = 4;

/**
 * Resolves what is to be reviewed, before any model is asked. For `uncommitted` these are the staged, unstaged and
 * untracked changes of the whole repository that `folder` is in, as one comparison of HEAD with the working files.
 * Nothing is written to the repository, its index included. No changes are no error: `scope.files` is then empty.
 * Throws `TargetError` with one sentence for people.
 */
export async function resolveTarget(asked: {
  folder: string;
  target: string;
  limits?: TargetLimits;
}): Promise<ReviewTarget> {
  const limits = asked.limits ?? DEFAULT_LIMITS;
  const target = parseTarget(asked.target);
  const repository = await openRepository(asked.folder);
  const { root, head } = repository;
  const base = head ?? (await emptyTree(root));
  const [status, entries] = await Promise.all([readStatus(root), readDiffEntries(root, base)]);
  const { changes, undone } = pair(status, entries);
  if (changes.length > limits.files) {
    throw new TargetError(
      `${changes.length} files have changed, more than a review takes in (${limits.files}); commit some of them, or leave generated ones out by .gitignore.`,
    );
  }

  const files: ScopeFile[] = [];
  const skipped: SkippedFile[] = [...undone];
  let diff = '';
  let room = limits.diffBytes;
  for (let at = 0; at < changes.length; at += PARALLEL) {
    const batch = changes.slice(at, at + PARALLEL);
    const read = await Promise.all(batch.map((change) => readChange(root, base, change, limits.fileBytes)));
    read.forEach((result, index) => {
      const change = batch[index] as Change;
      if ('skip' in result) {
        skipped.push({ file: change.file, reason: result.skip });
        return;
      }
      const bytes = Buffer.byteLength(result.diff);
      if (bytes > room) {
        skipped.push({
          file: change.file,
          reason: `no room left: all diffs together may be ${formatBytes(limits.diffBytes)}`,
        });
        return;
      }
      room -= bytes;
      diff += result.diff;
      files.push(scopeFile(change, result.diff));
    });
  }
  skipped.sort((a, b) => compare(a.file, b.file));
  return {
    scope: {
      target,
      title: titleOf(repository, status),
      root,
      ...(repository.branch === undefined ? {} : { branch: repository.branch }),
      ...(head === undefined ? {} : { base: head }),
      files,
      skipped,
    },
    diff,
  };
}

/**
 * Brings together what differs from the base and where it stands in git. A file can be staged and yet be as in the
 * base, when the working files undo what was staged: such a one is named as skipped.
 */
function pair(
  status: ReadonlyMap<string, StatusEntry>,
  entries: readonly DiffEntry[],
): { changes: Change[]; undone: SkippedFile[] } {
  const changes: Change[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    const known = status.get(entry.file);
    // Only its times differ from what the index says: no change.
    if (!known) continue;
    seen.add(entry.file);
    if (entry.oldFile !== undefined) seen.add(entry.oldFile);
    const { areas } = known;
    // Removed from the index only: the file is still there, so the base is compared with it.
    const untracked = areas.includes('untracked');
    changes.push({
      ...entry,
      areas,
      source: !untracked ? 'tracked' : entry.status === 'deleted' ? 'unstaged-file' : 'untracked',
    });
  }
  const undone: SkippedFile[] = [];
  for (const { file, areas } of status.values()) {
    if (seen.has(file)) continue;
    if (areas.includes('untracked')) {
      changes.push({
        file,
        status: 'added',
        oldMode: '000000',
        newMode: '100644',
        areas,
        source: 'untracked',
      });
    } else {
      undone.push({ file, reason: UNDONE });
    }
  }
  changes.sort((a, b) => compare(a.file, b.file));
  return { changes, undone };
}

function scopeFile(change: Change, diff: string): ScopeFile {
  const { file, oldFile, areas } = change;
  return {
    file,
    status: change.source === 'unstaged-file' ? 'modified' : change.status,
    areas,
    ...countChanges(parseDiff(diff)),
    ...(oldFile === undefined ? {} : { oldFile }),
  };
}

function titleOf(
  { root, atRoot, branch, head }: Repository,
  status: ReadonlyMap<string, StatusEntry>,
): string {
  const conflicts = [...status.values()].filter((entry) => entry.unmerged).length;
  const where = branch ?? `a detached HEAD at ${head?.slice(0, 10)}`;
  const notes = [
    ...(head === undefined ? ['no commits yet'] : []),
    ...(conflicts > 0
      ? [`merge under way, conflicts in ${conflicts === 1 ? '1 file' : `${conflicts} files`}`]
      : []),
    ...(atRoot ? [] : [`the whole repository ${basename(root)}`]),
  ];
  return `Uncommitted changes on ${where}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
}

/** By code units, the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
