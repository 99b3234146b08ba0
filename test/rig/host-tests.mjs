import path from 'node:path';
import { format } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, TEST_OUT } from './paths.mjs';
import { openWorkbench, uriPath } from './workbench/workbench.mjs';

/** The whole suite, workbench start included. */
const SUITE_LIMIT_MS = 300_000;

/** What the tests print, told apart from what the workbench logs into the same console. The same as in `host-entry.ts`. */
const PREFIX = '[suite] ';

/**
 * @typedef {object} HostTestOptions
 * @property {string} folder the workspace that is open meanwhile
 * @property {import('./workbench/workbench.mjs').WorkbenchOptions['env']} [env]
 * @property {Record<string, unknown>} [settings]
 * @property {string} [extension] folder of the extension under development; ours unless told
 * @property {string} [entry] bundled CommonJS module with `run()`; the `host` suite's unless told
 * @property {number} [limitMs]
 * @property {(text: string) => void} [onOutput] what the tests print
 */

/**
 * Runs a test entry inside a real extension host, by the page functions that VS Code's own test runner provides.
 *
 * @param {HostTestOptions} options
 * @returns {Promise<{ code: number, log: string }>} code 0 when `run()` was fulfilled; 124 when the limit came first
 */
export async function runHostTests(options) {
  const {
    folder,
    env,
    settings,
    limitMs = SUITE_LIMIT_MS,
    onOutput = (text) => process.stdout.write(text),
  } = options;
  const verbose = process.env['HOLDFAST_RIG_VERBOSE'] === '1';
  const { extension = ROOT, entry = path.join(TEST_OUT, 'host/index.cjs') } = options;
  /** @type {(code: number) => void} */
  let finish = () => undefined;
  const finished = new Promise((/** @type {(code: number) => void} */ resolve) => (finish = resolve));
  const workbench = await openWorkbench({
    folder,
    smoke: true,
    ...(env ? { env } : {}),
    ...(settings ? { settings } : {}),
    async prepare(page, host) {
      await page.exposeFunction(
        'codeAutomationLog',
        (/** @type {string} */ _level, /** @type {unknown[]} */ args) => {
          const text = format(...args);
          if (text.startsWith(PREFIX)) onOutput(`${text.slice(PREFIX.length)}\n`);
          else if (verbose) onOutput(`${text}\n`);
        },
      );
      await page.exposeFunction('codeAutomationExit', (/** @type {number} */ code) => finish(code));
      const remote = (/** @type {string} */ file) => `vscode-remote://${host}${uriPath(file)}`;
      return [
        ['extensionDevelopmentPath', remote(extension)],
        ['extensionTestsPath', remote(entry)],
        ['skipWelcome', 'true'],
      ];
    },
  });
  const stop = new AbortController();
  try {
    const timeout = delay(limitMs, 124, { signal: stop.signal }).catch(() => 124);
    const code = await Promise.race([finished, timeout]);
    return { code, log: workbench.server.log() };
  } finally {
    stop.abort();
    await workbench.close();
  }
}
