import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WORKBENCH } from '../paths.mjs';
import { Problem } from '../problem.mjs';
import { endTree, ownMark, run, spawnOwned } from '../processes.mjs';

const START_LIMIT_MS = 60_000;
const INSTALL_LIMIT_MS = 60_000;
const KEPT_LOG_CHARS = 1024 * 1024;

/** Settings under which nothing moves, asks or fetches by itself. */
const QUIET_SETTINGS = {
  'chat.agentHost.enabled': false,
  'chat.disableAIFeatures': true,
  'comments.openView': 'never',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'remote.autoForwardPorts': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'typescript.disableAutomaticTypeAcquisition': true,
  'update.mode': 'none',
  'window.autoDetectColorScheme': false,
  'window.confirmBeforeClose': 'never',
  'window.restoreWindows': 'none',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
};

/**
 * A throw-away profile. `dir` holds everything; its name carries this run's mark.
 *
 * @typedef {object} Profile
 * @property {string} dir
 * @property {string} home HOME of the server, the extension host and all below
 * @property {string} userData
 * @property {string} extensions
 * @property {string} globalStorage where extensions keep their global storage
 */

/**
 * @param {Record<string, unknown>} [settings] laid over the quiet ones
 * @returns {Profile}
 */
export function createProfile(settings = {}) {
  // short names: sockets lie in here, and the path of a socket must stay under 108 bytes (104 on macOS)
  const dir = mkdtempSync(path.join(tmpdir(), tmpdir().includes(ownMark()) ? 'wb-' : `${ownMark()}-`));
  const at = (/** @type {string} */ name) => path.join(dir, name);
  const userData = at('user-data');
  for (const folder of ['home', 'extensions', 'user-data/User', 'user-data/Machine'])
    mkdirSync(at(folder), { recursive: true });
  mkdirSync(at('run'), { mode: 0o700 });
  const profile = {
    dir,
    home: at('home'),
    userData,
    extensions: at('extensions'),
    globalStorage: path.join(userData, 'User/globalStorage'),
  };
  writeSettings(profile, settings);
  return profile;
}

/**
 * Replaces the settings; a running workbench notices. They go to both places: this window counts as remote, where
 * settings of machine scope are read from the machine's file alone, and all others from the user's.
 *
 * @param {Profile} profile @param {Record<string, unknown>} settings
 */
export function writeSettings(profile, settings) {
  const text = JSON.stringify({ ...QUIET_SETTINGS, ...settings }, null, 2);
  for (const scope of ['User', 'Machine'])
    writeFileSync(path.join(profile.userData, scope, 'settings.json'), text);
}

/** @param {Profile} profile */
export function removeProfile(profile) {
  rmSync(profile.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** code-server needs Node 24 whatever runs us; the workbench's packages bring one. */
function node24() {
  const file = path.join('bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const os = process.platform === 'win32' ? 'win' : process.platform;
  for (const name of [`node-${os}-${process.arch}`, `node-bin-${os}-${process.arch}`]) {
    const node = path.join(WORKBENCH, 'node_modules', name, file);
    if (existsSync(node)) return node;
  }
  if (process.versions.node.startsWith('24.')) return process.execPath;
  throw new Problem(
    `The workbench has no Node 24 for ${process.platform}-${process.arch}: run this with Node 24, or run "node test/rig/setup.mjs".`,
  );
}

/** @param {Profile} profile */
function baseArguments(profile) {
  const config = path.join(profile.dir, 'code-server.yaml');
  const isolated = [
    '--config',
    config,
    '--user-data-dir',
    profile.userData,
    '--extensions-dir',
    profile.extensions,
  ];
  const quiet = [
    '--auth',
    'none',
    '--disable-telemetry',
    '--disable-update-check',
    '--disable-getting-started-override',
  ];
  return [path.join(WORKBENCH, 'node_modules/code-server/out/node/entry.js'), ...isolated, ...quiet];
}

/** @param {Profile} profile @param {NodeJS.ProcessEnv} extra */
function serverEnvironment(profile, extra) {
  const env = { ...process.env };
  // inside an editor's terminal these would connect our workbench to that editor
  for (const name of Object.keys(env)) if (/^(VSCODE|ELECTRON)_/.test(name)) delete env[name];
  const { home } = profile;
  const own = {
    HOME: home,
    USERPROFILE: home,
    XDG_CONFIG_HOME: path.join(home, '.config'),
    XDG_DATA_HOME: path.join(home, '.local/share'),
  };
  return {
    ...env,
    EXTENSIONS_GALLERY: '{}',
    ...own,
    XDG_RUNTIME_DIR: path.join(profile.dir, 'run'),
    ...extra,
  };
}

/**
 * @param {Profile} profile
 * @param {string} vsix
 */
export async function installVsix(profile, vsix) {
  const args = [...baseArguments(profile), '--install-extension', path.resolve(vsix)];
  const { code, output } = await run(node24(), args, {
    cwd: profile.dir,
    env: serverEnvironment(profile, {}),
    timeoutMs: INSTALL_LIMIT_MS,
  });
  if (code !== 0)
    throw new Problem(`The workbench refused ${path.basename(vsix)}: ${output.trim().split('\n').at(-1)}`);
}

/**
 * @typedef {object} ServerOptions
 * @property {NodeJS.ProcessEnv} [env] reaches the extension host and everything that it starts
 * @property {boolean} [smoke] makes the page honour `extensionTestsPath`, and hides all notification toasts
 */
/**
 * @typedef {object} Server
 * @property {string} host `127.0.0.1:<port>`
 * @property {() => string} log the end of what it printed
 * @property {() => number[]} extensionHostPids in the order of their start; the last one is the present one
 * @property {() => Promise<void>} stop
 */

/**
 * Starts code-server on a free port and waits until it answers.
 *
 * @param {Profile} profile
 * @param {ServerOptions} [options]
 * @returns {Promise<Server>}
 */
export async function startServer(profile, { env = {}, smoke = false } = {}) {
  const args = [...baseArguments(profile), '--bind-addr', '127.0.0.1:0', '--reconnection-grace-time', '5'];
  if (smoke) args.push('--vscode-option', 'enable-smoke-test-driver');
  const child = spawnOwned(node24(), args, {
    cwd: profile.dir,
    env: serverEnvironment(profile, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const take = (/** @type {string} */ text) => (log = (log + text).slice(-KEPT_LOG_CHARS));
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await endTree(child);
      throw new Problem(
        `The workbench's server did not start: ${log.trim().split('\n').slice(-3).join(' | ')}`,
      );
    }
    const host = /HTTP server listening on http:\/\/(127\.0\.0\.1:\d+)/.exec(log)?.[1];
    if (host && (await answers(`http://${host}/healthz`)))
      return {
        host,
        log: () => log,
        extensionHostPids: () => hostPids(log),
        stop: () => endTree(child, 5_000),
      };
    await delay(25);
  }
}

/** @param {string} url */
const answers = (url) =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );

/** @param {string} log */
const hostPids = (log) =>
  [...log.matchAll(/<(\d+)> Launched Extension Host Process/g)].map((match) => Number(match[1]));
