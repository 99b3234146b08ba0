import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem.mjs';
import { BINARY, CHANGES, DELETED, OVERSIZED, UNTRACKED } from './sample/changes.mjs';
import { COMMITTED } from './sample/committed.mjs';

/** The same commit id on every machine. */
const DATE = '2026-03-02T09:00:00Z';
const WHO = { NAME: 'Robin Example', EMAIL: 'robin@example.com' };

/** Whatever the person's own git is set to (signing, hooks, line ends, templates) must not show in the sample. */
const SETTINGS = [
  'commit.gpgsign=false',
  'core.hooksPath=/dev/null',
  'core.autocrlf=false',
  'core.fsmonitor=false',
  'gc.auto=0',
  'core.excludesFile=',
];

/** @param {string} folder @param {...string} args */
function git(folder, ...args) {
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: process.platform === 'win32' ? 'NUL' : '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    ...{ GIT_AUTHOR_NAME: WHO.NAME, GIT_AUTHOR_EMAIL: WHO.EMAIL, GIT_AUTHOR_DATE: DATE },
    ...{ GIT_COMMITTER_NAME: WHO.NAME, GIT_COMMITTER_EMAIL: WHO.EMAIL, GIT_COMMITTER_DATE: DATE },
  };
  // inside a git hook these would point at another repository
  for (const name of ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE']) Reflect.deleteProperty(env, name);
  const result = spawnSync('git', [...SETTINGS.flatMap((setting) => ['-c', setting]), ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  if (result.status !== 0)
    throw new Problem(
      `The sample repository could not be made: git ${args[0]} said "${(result.stderr ?? String(result.error)).trim()}".`,
    );
}

/** @param {string} folder @param {string} file @param {string | Uint8Array} content */
function put(folder, file, content) {
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, content);
}

/** @param {string} folder @param {import('./sample/changes.mjs').Change} change */
function edit(folder, { file, edits }) {
  let text = readFileSync(path.join(folder, file), 'utf8');
  for (const [before, after] of edits) {
    if (!text.includes(before)) throw new Error(`the sample's change to ${file} no longer fits: ${before}`);
    text = text.replace(before, () => after);
  }
  writeFileSync(path.join(folder, file), text);
}

/**
 * Makes the sample repository: one commit, and on top of it uncommitted work of every kind (staged, unstaged,
 * untracked, a deletion, a binary, an oversized file).
 *
 * @param {string} folder made when absent; must be empty
 */
export function makeSample(folder) {
  mkdirSync(folder, { recursive: true });
  git(folder, 'init', '--quiet', '-b', 'main', '--template=');
  for (const [file, text] of Object.entries(COMMITTED)) put(folder, file, text);
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '-m', 'Take vouchers at checkout');

  for (const change of CHANGES) {
    edit(folder, change);
    if (change.staged) git(folder, 'add', change.file);
  }
  for (const [file, text] of Object.entries(UNTRACKED)) put(folder, file, text);
  put(folder, BINARY.file, BINARY.bytes);
  put(folder, OVERSIZED.file, OVERSIZED.text);
  rmSync(path.join(folder, DELETED));
}
