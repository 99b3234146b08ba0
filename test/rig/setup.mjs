import './node-version.mjs';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { assertPackedBrowserFits, isUnpacked, needsPackedBrowser, unpackBrowser } from './browser.mjs';
import { engineBinary } from './engine.mjs';
import { install, isInstalled } from './installs.mjs';
import { BROWSER, ENGINE, ROOT, WORKBENCH } from './paths.mjs';
import { main, Problem } from './problem.mjs';
import { onInterrupt } from './processes.mjs';

/** @typedef {'packages' | 'engine' | 'workbench' | 'browser'} Part */
/** @typedef {{ ready: () => boolean, make: () => Promise<void> }} Recipe */

/** How often a running install says that it is still there. */
const STILL_MS = 10_000;

const SERVER = path.join(WORKBENCH, 'node_modules/code-server/lib/vscode');
/** What the workbench's own page fetches must lie under the folder that is served; the rest is found by walking up. */
const SERVED = path.join(SERVER, 'node_modules');
const SERVED_PACKAGES = ['vscode-oniguruma', 'vscode-textmate'];
/** Its language server is not in the package, of which it complains in a toast; its squiggles would hide ours. */
const UNWANTED = path.join(SERVER, 'extensions/typescript-language-features');

function fitWorkbench() {
  mkdirSync(SERVED, { recursive: true });
  // copies, because links need a privilege on Windows
  for (const name of SERVED_PACKAGES)
    cpSync(path.join(WORKBENCH, 'node_modules', name), path.join(SERVED, name), { recursive: true });
  rmSync(UNWANTED, { recursive: true, force: true }); // last: its absence says that all of this is done
}

/** @type {Record<Part, Recipe>} */
const RECIPES = {
  packages: { ready: () => isInstalled(ROOT), make: () => install(ROOT, 'packages', 700) },
  engine: {
    ready: () => isInstalled(ENGINE),
    async make() {
      await install(ENGINE, 'engine', 800);
      engineBinary(); // the install succeeds on a platform that the engine has no package for
    },
  },
  workbench: {
    ready: () => isInstalled(WORKBENCH) && !existsSync(UNWANTED),
    async make() {
      if (!isInstalled(WORKBENCH)) await install(WORKBENCH, 'workbench', 900);
      fitWorkbench();
    },
  },
  browser: {
    ready: () => !needsPackedBrowser() || isUnpacked(),
    async make() {
      assertPackedBrowserFits();
      if (!isInstalled(BROWSER)) await install(BROWSER, 'browser', 600);
      await unpackBrowser();
    },
  },
};
/** @type {readonly Part[]} */
export const ALL_PARTS = ['packages', 'engine', 'workbench', 'browser'];

/** @param {string} line */
const say = (line) => process.stderr.write(`[setup] ${line}\n`);
/** @param {number} since */
const seconds = (since) => `${Math.round((Date.now() - since) / 1000)} s`;

function assertGit() {
  if (spawnSync('git', ['--version'], { windowsHide: true }).status !== 0)
    throw new Problem('git was not found on PATH: install git and run again.');
}

/**
 * Installs what is not there yet; milliseconds when everything is. Throws a `Problem` that says what is missing.
 *
 * @param {readonly Part[]} [parts]
 */
export async function setup(parts = ALL_PARTS) {
  assertGit();
  const missing = parts.filter((part) => !RECIPES[part].ready());
  if (missing.length === 0) return;
  const start = Date.now();
  say(`installing ${missing.join(', ')} (once)`);
  const pending = new Set(missing);
  const still = setInterval(
    () => say(`still at it: ${[...pending].join(', ')} (${seconds(start)})`),
    STILL_MS,
  );
  try {
    // all at once: each waits for the network for a good part of its time
    const outcomes = await Promise.allSettled(
      missing.map(async (part) => {
        await RECIPES[part].make();
        pending.delete(part);
        say(`${part} … ${seconds(start)}`);
      }),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  } finally {
    clearInterval(still);
  }
}

const invoked = process.argv[1];
if (invoked && import.meta.url === pathToFileURL(realpathSync(invoked)).href) {
  await main('setup', async () => {
    onInterrupt();
    const start = performance.now();
    const unknown = process.argv.slice(2).find((part) => !(part in RECIPES));
    if (unknown) throw new Problem(`There is no part "${unknown}": choose from ${ALL_PARTS.join(', ')}.`);
    await setup(process.argv.length > 2 ? /** @type {Part[]} */ (process.argv.slice(2)) : ALL_PARTS);
    say(`ready after ${Math.round(performance.now() - start)} ms`);
    return 0;
  });
}
