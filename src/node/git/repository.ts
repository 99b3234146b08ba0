/** What stands still about a repository while it is reviewed: its root, branch and base commit. */
import { normalize } from 'node:path';
import { TargetError } from '../../core/errors.ts';
import { git, type GitResult } from './git.ts';

export interface Repository {
  /** Absolute path of the root of the working tree. */
  root: string;
  /** False when the folder asked for is one below the root. */
  atRoot: boolean;
  /** Absent on a detached HEAD. */
  branch?: string;
  /** Full id of the commit that HEAD names; absent in a repository without commits. */
  head?: string;
}

/** Finds the repository that `folder` is in. Throws `TargetError` with one sentence when there is none to be had. */
export async function openRepository(folder: string): Promise<Repository> {
  const bare = await git(folder, ['rev-parse', '--is-bare-repository']);
  if (bare.code !== 0) throw cannotOpen(folder, bare);
  if (lineOf(bare) === 'true') {
    throw new TargetError(`${folder} is a bare repository: it has no working files to review.`);
  }
  const [top, prefix] = await Promise.all([
    git(folder, ['rev-parse', '--show-toplevel']),
    git(folder, ['rev-parse', '--show-prefix']),
  ]);
  if (top.code !== 0) throw cannotOpen(folder, top);
  const root = normalize(lineOf(top));
  const [head, branch] = await Promise.all([
    git(root, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']),
    git(root, ['symbolic-ref', '--quiet', '--short', 'HEAD']),
  ]);
  // Without a branch, HEAD must name a commit; with one, no commit means that there is none yet.
  if (head.code !== 0 && branch.code !== 0) {
    throw new TargetError(
      `The HEAD of the repository at ${root} names no commit; the repository seems damaged.`,
    );
  }
  return {
    root,
    atRoot: lineOf(prefix) === '',
    ...(branch.code === 0 ? { branch: lineOf(branch) } : {}),
    ...(head.code === 0 ? { head: lineOf(head) } : {}),
  };
}

/** The id of the tree without files, in the repository's own hash; stands in for HEAD where there is no commit. */
export async function emptyTree(root: string): Promise<string> {
  const result = await git(root, ['hash-object', '-t', 'tree', '--stdin']);
  if (result.code !== 0) throw gitSaid('The repository cannot be read', result);
  return lineOf(result);
}

/** An error with git's own first line, for cases without words of ours. */
export function gitSaid(what: string, { code, stderr }: GitResult): TargetError {
  const line =
    stderr
      .trim()
      .split('\n')[0]
      ?.replace(/^(?:fatal|error): /, '') ?? '';
  return new TargetError(
    line === '' ? `${what}: git ended with code ${code}.` : `${what}; git says: ${line}`,
  );
}

function cannotOpen(folder: string, result: GitResult): TargetError {
  const { stderr } = result;
  if (/dubious ownership/.test(stderr)) {
    return new TargetError(
      `git refuses the repository at ${folder} because it belongs to another user; if you trust it, add it to git's safe.directory setting.`,
    );
  }
  if (/not a git repository/i.test(stderr)) {
    return new TargetError(`${folder} is not in a git repository, so there are no changes to review.`);
  }
  if (/cannot change to/.test(stderr)) return new TargetError(`The folder ${folder} cannot be opened.`);
  if (/must be run in a work tree/.test(stderr)) {
    return new TargetError(`${folder} is inside of git's own folder; open the working files instead.`);
  }
  return gitSaid(`The repository at ${folder} cannot be read`, result);
}

function lineOf({ stdout }: GitResult): string {
  return stdout.toString('utf8').replace(/\r?\n$/, '');
}
