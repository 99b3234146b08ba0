import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Problem } from '../problem.mjs';
import { findMarked, waitUntilGone } from '../leftovers.mjs';
import {
  launchBrowser,
  openFile,
  runCommand,
  waitForActivation,
  waitForWorkbench,
  webviewFrame,
} from './page.mjs';
import { createProfile, installVsix, removeProfile, startServer, writeSettings } from './server.mjs';
import { THEMES } from './themes.mjs';

/** @typedef {import('./page.mjs').Page} Page */
/** @typedef {import('./page.mjs').FrameLocator} FrameLocator */
/** @typedef {import('./page.mjs').Locator} Locator */
/** @typedef {import('./themes.mjs').Theme} Theme */
/** @typedef {import('./server.mjs').Profile} Profile */

/** An extension host is given up to 5 s for its `deactivate()`. */
const HOST_GONE_LIMIT_MS = 8_000;
const LOAD_TRIES = 5;
const BLANK = 'about:blank';
/** What an extension leaves running for a window that may come back has to go by itself; the profile waits for it. */
const LEFT_GONE_LIMIT_MS = 30_000;

/**
 * @typedef {object} WorkbenchOptions
 * @property {string} [folder] opened as the workspace; none opens an empty window
 * @property {string} [vsix] installed first
 * @property {Record<string, unknown>} [settings]
 * @property {NodeJS.ProcessEnv | ((profile: Profile) => NodeJS.ProcessEnv)} [env] for the extension host and all below
 * @property {Theme} [theme]
 * @property {boolean} [smoke] for mocha inside the host; hides toasts
 * @property {{ width: number, height: number }} [viewport]
 * @property {(page: Page, host: string) => Promise<[string, string][]>} [prepare] before the page is opened; returns
 *   the payload entries for its address
 */
/**
 * A window of a workbench: a page with an extension host of its own.
 *
 * @typedef {object} Window
 * @property {Page} page
 * @property {(title: string) => Promise<void>} runCommand through the command palette
 * @property {(file: string, options?: { beside?: boolean }) => Promise<void>} openFile through quick open
 * @property {(nth?: number) => FrameLocator} webview
 * @property {(file: string) => Promise<void>} screenshot
 * @property {() => Promise<void>} reload and wait until the workbench is shown again
 * @property {() => Promise<void>} open the workspace in the page, wherever that was, and wait until it is shown
 */
/**
 * @typedef {object} WorkbenchParts
 * @property {Profile} profile
 * @property {import('./server.mjs').Server} server
 * @property {() => Promise<Window>} secondWindow on the same workspace and profile, in a browser session of its own
 * @property {(settings: Record<string, unknown>) => void} changeSettings replaces those given at the start
 * @property {() => Promise<void>} close idempotent
 */
/** A real workbench on a throw-away profile, open in a real browser. @typedef {Window & WorkbenchParts} Workbench */

/**
 * @param {WorkbenchOptions} [options]
 * @returns {Promise<Workbench>}
 */
export async function openWorkbench(options = {}) {
  const {
    folder,
    vsix,
    env = {},
    theme = 'dark',
    smoke = false,
    viewport = { width: 1280, height: 800 },
    prepare,
  } = options;
  const settingsWith = (/** @type {Record<string, unknown>} */ own) => ({
    'workbench.colorTheme': THEMES[theme],
    ...own,
  });
  const profile = createProfile(settingsWith(options.settings ?? {}));
  /** Undone in reverse order, also when opening fails half-way. @type {(() => Promise<void> | void)[]} */
  const undo = [
    () => removeProfile(profile),
    async () => void (await waitUntilGone(() => findMarked(path.basename(profile.dir)), LEFT_GONE_LIMIT_MS)),
  ];
  let closing = /** @type {Promise<void> | undefined} */ (undefined);
  const close = () => (closing ??= closeAll(undo));
  try {
    if (vsix) await installVsix(profile, vsix);
    const server = await startServer(profile, { env: typeof env === 'function' ? env(profile) : env, smoke });
    undo.push(server.stop);
    const browser = await launchBrowser();
    undo.push(() => browser.close());
    // the pages before the browser: only a closed page tells its extension host to deactivate; a browser that just
    // goes leaves it waiting for a reconnection
    const pages = /** @type {Page[]} */ ([]);
    undo.push(() => closePages(pages, profile));
    const newPage = async () => {
      const page = await (await browser.newContext({ viewport })).newPage();
      pages.push(page);
      return page;
    };
    const page = await newPage();
    const payload = (await prepare?.(page, server.host)) ?? [];
    const address = workbenchUrl(server.host, folder, payload);
    return {
      ...(await openWindow(page, address, server)),
      profile,
      server,
      secondWindow: async () => openWindow(await newPage(), address, server),
      changeSettings: (own) => writeSettings(profile, settingsWith(own)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * @param {Page} page
 * @param {string} address
 * @param {import('./server.mjs').Server} server
 * @returns {Promise<Window>}
 */
async function openWindow(page, address, server) {
  const load = async (/** @type {() => Promise<unknown>} */ go) => {
    for (let tries = 1; ; tries++) {
      const before = server.extensionHostPids().length;
      await go();
      await waitForWorkbench(page);
      await waitForActivation(page);
      if (server.extensionHostPids().length - before <= 1) return;
      if (tries === LOAD_TRIES)
        throw new Problem(`The workbench started two extension hosts for one page, ${LOAD_TRIES} times.`);
      // On a busy machine code-server's page now and then starts two extension hosts for itself, and talks to both:
      // no editor that anybody has. Leaving the page ends both.
      await page.goto(BLANK);
    }
  };
  const open = () => load(() => page.goto(address));
  await open();
  return {
    page,
    runCommand: (title) => runCommand(page, title),
    openFile: (file, how) => openFile(page, file, how),
    webview: (nth) => webviewFrame(page, nth),
    async screenshot(file) {
      mkdirSync(path.dirname(file), { recursive: true });
      await page.screenshot({ path: file });
    },
    reload: () => load(() => (page.url() === BLANK ? page.goto(address) : page.reload())),
    open,
  };
}

/** @param {(() => Promise<void> | void)[]} undo */
async function closeAll(undo) {
  for (const step of undo.reverse()) {
    try {
      await step();
    } catch {
      // a part that is gone already must not keep the others alive
    }
  }
}

/** @param {readonly Page[]} pages @param {Profile} profile */
async function closePages(pages, profile) {
  await Promise.all(pages.map((page) => page.close()));
  // the server must outlive the hosts, else `deactivate()` is cut short
  const hosts = () =>
    findMarked(path.basename(profile.dir)).filter(({ command }) => command.includes('--type=extensionHost'));
  await waitUntilGone(hosts, HOST_GONE_LIMIT_MS);
}

/** @param {string} file an absolute path; on Windows its URI form starts with a slash too */
export const uriPath = (file) => file.replaceAll('\\', '/').replace(/^(?!\/)/, '/');

/** @param {string} host @param {string | undefined} folder @param {[string, string][]} payload */
function workbenchUrl(host, folder, payload) {
  const query = new URLSearchParams(folder ? { folder: uriPath(folder) } : { ew: 'true' });
  if (payload.length > 0) query.set('payload', JSON.stringify(payload));
  return `http://${host}/?${query.toString()}`;
}
