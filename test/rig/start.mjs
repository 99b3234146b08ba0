import './node-version.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import util from 'node:util';
import { engineBinary, engineEnvironment, ripgrepFolder } from './engine.mjs';
import { endLeftovers } from './leftovers.mjs';
import { ROOT, VSIX } from './paths.mjs';
import { main, messageOf, Problem } from './problem.mjs';
import { npmCommand, onInterrupt, ownMark, run } from './processes.mjs';
import { makeSample } from './sample.mjs';
import { ALL_PARTS, setup } from './setup.mjs';
import { THEMES } from './workbench/themes.mjs';

const USAGE = `npm start -- [folder] [options]
  folder                  a git repository with uncommitted changes; a sample is made when none is given
  --once                  end when the review has ended, leaving out/start/screenshot.png and report.md
  --model provider/model  a model of your own engine's configuration, instead of the built-in demo model
  --theme name            dark, light, hc-dark or hc-light
  --desktop               in the "code" on PATH instead of a headless browser
  --help
`;

/** Closing waits for the extension's own end (5 s); what is stuck longer is ended as a leftover. */
const CLOSE_LIMIT_MS = 10_000;
/** For processes that are about to go by themselves; what stays longer is ended. */
const GOING_MS = 1_000;
const OUTCOMES = /** @type {Record<number, string>} */ ({
  1: 'an error',
  2: 'incomplete',
  3: 'server unreachable',
  4: 'session stalled',
  130: 'interrupted',
});

/** @param {string} line */
const say = (line) => process.stderr.write(`[start] ${line}\n`);

/** @type {import('./workbench/workbench.mjs').Workbench | undefined} */
let workbench;

/** Everything of this start lies in one folder, named by its mark. */
function useOwnTemporaryFolder() {
  const folder = path.join(tmpdir(), ownMark());
  mkdirSync(folder);
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder;
  return folder;
}

/** @param {string} temporary */
async function cleanUp(temporary) {
  await Promise.race([workbench?.close(), delay(CLOSE_LIMIT_MS, undefined, { ref: false })]);
  await endLeftovers(ownMark(), GOING_MS);
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function buildPackage() {
  const npm = npmCommand();
  const { code, output } = await run(npm.command, [...npm.args, 'run', '--silent', 'package'], { cwd: ROOT });
  if (code === 0) return;
  process.stderr.write(output);
  throw new Problem('The extension could not be built: the lines above say why.');
}

/** @param {string | undefined} folder @param {string} temporary */
function workspace(folder, temporary) {
  if (folder === undefined) {
    const sample = path.join(temporary, 'checkout');
    makeSample(sample);
    return sample;
  }
  const chosen = path.resolve(process.env['INIT_CWD'] ?? '.', folder); // npm changes to the package's own folder
  if (!existsSync(chosen)) throw new Problem(`There is no folder ${chosen}.`);
  if (spawnSync('git', ['rev-parse', '--git-dir'], { cwd: chosen }).status !== 0)
    throw new Problem(`${chosen} is not in a git repository, so there are no changes to review.`);
  return chosen;
}

/**
 * With a model of their own the engine must find the person's configuration and login; otherwise it must find
 * nothing of theirs.
 *
 * @param {string} home a throw-away folder @param {string | undefined} model
 * @returns {NodeJS.ProcessEnv}
 */
function environment(home, model) {
  if (model === undefined) return engineEnvironment(home);
  const { HOME, USERPROFILE, XDG_CONFIG_HOME, XDG_DATA_HOME, PATH = '' } = process.env;
  return {
    HOME,
    USERPROFILE,
    XDG_CONFIG_HOME,
    XDG_DATA_HOME,
    PATH: `${PATH}${path.delimiter}${ripgrepFolder()}`,
  };
}

/** @typedef {{ folder: string, model: string | undefined, theme: import('./workbench/themes.mjs').Theme, once: boolean }} Wish */

/** @param {Wish} wish @returns {Record<string, unknown>} */
const settings = ({ model }) => ({
  'holdfast.engine.path': engineBinary(),
  'holdfast.model': model ?? 'demo',
});

/** @param {Wish} wish */
async function startInBrowser(wish) {
  const { openWorkbench } = await import('./workbench/workbench.mjs');
  const { beginReview, follow, keepResults } = await import('./start-review.mjs');
  say('opening the workbench');
  workbench = await openWorkbench({
    folder: wish.folder,
    vsix: VSIX,
    settings: settings(wish),
    env: ({ home }) => environment(home, wish.model),
    theme: wish.theme,
    viewport: { width: 1440, height: 900 },
  });
  say('Holdfast: Run Review');
  const folder = await beginReview(workbench);
  const code = await follow(folder);
  for (const file of await keepResults(workbench, wish.folder, folder, say))
    say(`wrote ${path.relative(ROOT, file)}`);
  if (wish.once) {
    if (code !== 0) say(`The review did not succeed (${OUTCOMES[code] ?? `exit code ${code}`}).`);
    return code;
  }
  say(
    `open http://${workbench.server.host}/?folder=${encodeURIComponent(wish.folder)} to look around; Ctrl-C ends everything`,
  );
  return stayOpen();
}

/** @returns {Promise<number>} never; a pending promise alone would let Node end, so a timer keeps it up */
function stayOpen() {
  return new Promise(() => setInterval(() => undefined, 60_000));
}

/** @param {string} name @returns {import('./workbench/themes.mjs').Theme} */
function themeNamed(name) {
  const theme = Object.keys(THEMES).find((known) => known === name);
  if (theme) return /** @type {import('./workbench/themes.mjs').Theme} */ (theme);
  throw new Problem(`There is no theme "${name}": choose from ${Object.keys(THEMES).join(', ')}.`);
}

const { values, positionals } = util.parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    once: { type: 'boolean' },
    desktop: { type: 'boolean' },
    help: { type: 'boolean' },
    model: { type: 'string' },
    theme: { type: 'string' },
  },
});

await main('start', async () => {
  if (values['help']) {
    process.stdout.write(USAGE);
    return 0;
  }
  const known = ['once', 'desktop', 'help', 'model', 'theme'];
  const unknown = Object.keys(values).find((name) => !known.includes(name));
  if (unknown) throw new Problem(`There is no option --${unknown}: "npm start -- --help" lists them.`);
  const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : undefined);
  const desktop = values['desktop'] === true;

  const temporary = useOwnTemporaryFolder();
  onInterrupt(() => cleanUp(temporary));
  try {
    const wish = {
      folder: workspace(positionals[0], temporary),
      model: text(values['model']),
      theme: themeNamed(text(values['theme']) ?? 'dark'),
      once: values['once'] === true,
    };
    await setup(desktop ? ['packages', 'engine', 'workbench'] : ALL_PARTS); // the workbench brings rg
    say('building the extension');
    await buildPackage();
    if (!desktop) return await startInBrowser(wish);
    const { startOnDesktop } = await import('./start-desktop.mjs');
    return await startOnDesktop({
      folder: wish.folder,
      vsix: VSIX,
      settings: settings(wish),
      env: (home) => environment(home, wish.model),
      temporary,
    });
  } catch (error) {
    // a browser that cannot show something is nothing a person can act on but by its first line
    throw error instanceof Problem ? error : new Problem(messageOf(error).split('\n')[0]);
  } finally {
    await cleanUp(temporary);
  }
});
