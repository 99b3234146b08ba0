import { chromium } from 'playwright-core';
import { findBrowser } from '../browser.mjs';
import { Problem } from '../problem.mjs';

/** @typedef {import('playwright-core').Browser} Browser */
/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').FrameLocator} FrameLocator */
/** @typedef {import('playwright-core').Locator} Locator */

/** A cold workbench on a busy two-core machine. */
const SHOWN_LIMIT_MS = 90_000;
/** Extensions that wait for the end of the start come some seconds after the workbench is shown. */
const ACTIVATED_LIMIT_MS = 10_000;
const PALETTE_LIMIT_MS = 30_000;
/** One try at the palette: keys pressed before the page listens are lost, so they are pressed again. */
const PALETTE_TRY_MS = 2_500;

/** @returns {Promise<Browser>} */
export function launchBrowser() {
  const { executable, env } = findBrowser();
  // containers seldom allow the browser's own sandbox, and the only page it opens is ours
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  // the rig ends the browser itself, in the right order
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  return chromium.launch({ executablePath: executable, args, env: { ...process.env, ...env }, ...signals });
}

/** @param {Page} page */
export async function waitForWorkbench(page) {
  try {
    await page.waitForSelector('.monaco-workbench .part.statusbar', { timeout: SHOWN_LIMIT_MS });
  } catch (error) {
    const text = `The workbench was not shown within ${SHOWN_LIMIT_MS / 1000} s.`;
    throw new Problem(text, { cause: error });
  }
}

/**
 * Waits until the extension has said so in the status bar, if it is there: an untrusted window and an empty one are
 * without.
 *
 * @param {Page} page
 */
export async function waitForActivation(page) {
  const item = page.locator('[id="holdfast.holdfast.holdfast.server"]');
  await item.waitFor({ state: 'attached', timeout: ACTIVATED_LIMIT_MS }).catch(() => {});
}

/**
 * Opens a quick input by a key and hands back its text field.
 *
 * @param {Page} page @param {string} key
 */
async function openQuickInput(page, key) {
  const input = page.locator('.quick-input-widget input[type="text"]').first();
  const deadline = Date.now() + PALETTE_LIMIT_MS;
  for (;;) {
    await page.keyboard.press(key);
    try {
      await input.waitFor({ state: 'visible', timeout: PALETTE_TRY_MS });
      return input;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/**
 * Runs a command the way a person does: F1, its title, Enter.
 *
 * @param {Page} page
 * @param {string} title as the palette shows it, for example `Holdfast: Run Review`
 */
export async function runCommand(page, title) {
  const deadline = Date.now() + PALETTE_LIMIT_MS;
  for (;;) {
    const input = await openQuickInput(page, 'F1');
    // by its exact label: fuzzy matching would offer a similar command, or one used lately
    const row = page
      .locator('.quick-input-list .monaco-list-row')
      .filter({ has: page.getByText(title, { exact: true }) });
    try {
      await input.fill(`>${title}`, { timeout: PALETTE_TRY_MS });
      await row.first().click({ timeout: PALETTE_TRY_MS });
      return;
    } catch (error) {
      // The palette closes where a window that is just being restored takes the focus; and its list is a picture of
      // the moment it was opened in, while commands of extensions come late. Open it again.
      if (Date.now() > deadline)
        throw new Problem(`The command palette offers no "${title}".`, { cause: error });
      await page.keyboard.press('Escape');
    }
  }
}

/**
 * Opens a file of the workspace by quick open and waits for its editor.
 *
 * @param {Page} page
 * @param {string} file path relative to the workspace folder, with a line if wanted: `src/pay.ts:12`
 * @param {{ beside?: boolean }} [options] `beside`: in a group of its own next to the active one
 */
export async function openFile(page, file, { beside = false } = {}) {
  const input = await openQuickInput(page, 'ControlOrMeta+P');
  await input.fill(file);
  const name = file.replace(/:\d+$/, '').split('/').at(-1) ?? file;
  await page
    .locator('.quick-input-list .monaco-list-row', { hasText: name })
    .first()
    .waitFor({ state: 'visible', timeout: PALETTE_LIMIT_MS });
  await page.keyboard.press(beside ? 'ControlOrMeta+Enter' : 'Enter');
  await page
    .locator('.tab.active', { hasText: name })
    .first()
    .waitFor({ state: 'visible', timeout: PALETTE_LIMIT_MS });
}

/**
 * The document of a webview: VS Code nests it in a frame of its own.
 *
 * @param {Page} page
 * @returns {FrameLocator}
 */
export function webviewFrame(page, nth = 0) {
  return page.frameLocator('iframe.webview.ready').nth(nth).frameLocator('iframe#active-frame');
}

/** @param {Page} page @returns {Promise<string[]>} texts of the notifications on screen */
export function notifications(page) {
  return page.locator('.notifications-toasts .notification-list-item-message').allInnerTexts();
}
