import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DIST, ROOT } from './paths.mjs';
import { Problem } from './problem.mjs';
import { spawnOwned } from './processes.mjs';
import { notifications } from './workbench/page.mjs';

/** From the command to the first line of the journal: activation, and a cold engine on a slow disk. */
const BEGIN_LIMIT_MS = 90_000;
const SQUIGGLE_LIMIT_MS = 15_000;
const POLL_MS = 100;

/** Where a start leaves what a person may want to keep. */
const OUT = path.join(ROOT, 'out/start');

/** @typedef {import('./workbench/workbench.mjs').Workbench} Workbench */
/** @typedef {import('./workbench/server.mjs').Profile} Profile */

/** @param {string} folder @returns {string[]} paths of what is in it */
const children = (folder) =>
  existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];

/** @param {Profile} profile @returns {string | undefined} the folder of the run that the journal shows */
function findRun(profile) {
  const workspaces = children(path.join(profile.globalStorage, 'holdfast.holdfast/workspaces'));
  const runs = workspaces.flatMap((workspace) => children(path.join(workspace, 'runs')));
  return runs.find((run) => children(run).some((file) => file.endsWith('.jsonl')));
}

/**
 * Waits until the review that was asked for is being journalled.
 *
 * @param {Profile} profile
 * @param {() => Promise<string[]>} seen what the workbench tells its user meanwhile
 * @returns {Promise<string>} the run's folder
 */
export async function waitForRun(profile, seen) {
  const deadline = Date.now() + BEGIN_LIMIT_MS;
  for (;;) {
    const run = findRun(profile);
    if (run) return run;
    if (Date.now() > deadline) {
      const said = await seen();
      throw new Problem(
        `The review did not begin within ${BEGIN_LIMIT_MS / 1000} s${said.length > 0 ? `; the workbench says: ${said.join(' / ')}` : ''}.`,
      );
    }
    await delay(POLL_MS);
  }
}

/**
 * Prints a run's progress and findings until it ends.
 *
 * @param {string} run its folder
 * @returns {Promise<number>} the run's exit code
 */
export async function follow(run) {
  const child = spawnOwned(process.execPath, [path.join(DIST, 'holdfast.mjs'), 'replay', '--follow', run], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

/**
 * @param {string} folder the workspace @param {string} report
 * @returns {string | undefined} the changed file that the report names first, as `file:line`
 */
function firstFinding(folder, report) {
  const status = spawnSync('git', ['status', '--porcelain', '-z', '--untracked-files=all'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const files = (status.stdout ?? '')
    .split('\0')
    .map((entry) => entry.slice(3))
    .filter(Boolean);
  const named = files.map((file) => ({ file, at: report.indexOf(`${file}:`) })).filter(({ at }) => at >= 0);
  const first = named.sort((one, other) => one.at - other.at)[0];
  if (!first) return undefined;
  const line = /^\d+/.exec(report.slice(first.at + first.file.length + 1))?.[0];
  return line ? `${first.file}:${line}` : first.file;
}

/**
 * Shows the code beside the panel rather than on top of it.
 *
 * @param {Workbench} workbench @param {string} file
 * @returns {Promise<boolean>} whether a finding is marked in it
 */
async function openBesidePanel({ page, openFile }, file) {
  const groups = await page.locator('.editor-group-container').count();
  if (groups > 1) await page.keyboard.press('ControlOrMeta+1');
  const panelInFront =
    (await page.locator('.editor-group-container.active .tab.active', { hasText: 'Holdfast' }).count()) > 0;
  await openFile(file, { beside: panelInFront });
  const marks = page.locator('.squiggly-error, .squiggly-warning, .squiggly-info').first();
  return marks.waitFor({ state: 'attached', timeout: SQUIGGLE_LIMIT_MS }).then(
    () => true,
    () => false,
  );
}

/**
 * Leaves the report and a picture of the findings in `out/start`.
 *
 * @param {Workbench} workbench
 * @param {string} folder the workspace
 * @param {string} run its folder
 * @param {(line: string) => void} say
 * @returns {Promise<string[]>} the files that were written
 */
export async function keepResults(workbench, folder, run, say) {
  mkdirSync(OUT, { recursive: true });
  const kept = [];
  const report = path.join(run, 'report.md');
  if (existsSync(report)) {
    copyFileSync(report, path.join(OUT, 'report.md'));
    kept.push(path.join(OUT, 'report.md'));
    const file = firstFinding(folder, readFileSync(report, 'utf8'));
    if (file && !(await openBesidePanel(workbench, file))) say(`no finding is marked in ${file}`);
  }
  await workbench.screenshot(path.join(OUT, 'screenshot.png'));
  kept.push(path.join(OUT, 'screenshot.png'));
  return kept;
}

/** @param {Workbench} workbench @returns {Promise<string>} the run's folder */
export async function beginReview({ page, profile, runCommand }) {
  await runCommand('Holdfast: Run Review');
  return waitForRun(profile, () => notifications(page));
}
