import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ENGINE, WORKBENCH } from './paths.mjs';
import { Problem } from './problem.mjs';

const PLATFORMS = /** @type {Record<string, string>} */ ({
  darwin: 'darwin',
  linux: 'linux',
  win32: 'windows',
});
const EXE = process.platform === 'win32' ? '.exe' : '';

/** The engine's ordinary build needs AVX2 and dies of an illegal instruction without it. */
function hasAvx2() {
  if (process.platform === 'linux') return /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  if (process.platform === 'darwin')
    return spawnSync('sysctl', ['-n', 'hw.optional.avx2_0'], { encoding: 'utf8' }).stdout?.trim() === '1';
  return false; // Windows has no cheap way to tell; the baseline build runs everywhere
}

function usesMusl() {
  return process.platform === 'linux' && existsSync('/etc/alpine-release');
}

/**
 * Packages that can hold the binary, best first. npm installs both builds where both fit, and the wrapper's own
 * choice lives in an install script that we do not run.
 */
function packageNames() {
  const base = `opencode-${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`;
  const builds = process.arch !== 'x64' ? [''] : hasAvx2() ? ['', '-baseline'] : ['-baseline', ''];
  return builds.map((build) => `${base}${build}${usesMusl() ? '-musl' : ''}`);
}

/** @returns {string} absolute path of the real engine binary, not of a wrapper. Throws a `Problem` when absent. */
export function engineBinary() {
  for (const name of packageNames()) {
    const file = path.join(ENGINE, 'node_modules', name, 'bin', `opencode${EXE}`);
    if (existsSync(file)) return file;
  }
  throw new Problem(
    `The engine is not installed for ${process.platform}-${process.arch}: run "node test/rig/setup.mjs".`,
  );
}

/** @returns {string} the exact version that the rig installs */
export function engineVersion() {
  return JSON.parse(readFileSync(path.join(ENGINE, 'package.json'), 'utf8')).dependencies['opencode-ai'];
}

/** @returns {string} folder of an `rg`: without one on PATH the engine downloads it and its search tools fail offline */
export function ripgrepFolder() {
  return path.join(
    WORKBENCH,
    'node_modules/@vscode/ripgrep-universal/bin',
    `${process.platform}-${process.arch}`,
  );
}

/**
 * The environment in which the engine runs with no network and leaves the user's own files alone. Creates the
 * folders under `home`. Seen on 1.18.33: for every configuration folder the engine installs its plugin package from
 * the registry, unless that folder holds a lock file which already names it.
 *
 * @param {string} home a throw-away folder
 * @returns {Record<string, string>} variables to lay over `process.env`
 */
export function engineEnvironment(home) {
  const config = path.join(home, '.config');
  const opencode = path.join(config, 'opencode');
  mkdirSync(path.join(opencode, 'node_modules'), { recursive: true });
  const lock = {
    lockfileVersion: 3,
    packages: { '': { dependencies: { '@opencode-ai/plugin': engineVersion() } } },
  };
  writeFileSync(path.join(opencode, 'package-lock.json'), JSON.stringify(lock));
  return {
    HOME: home,
    USERPROFILE: home,
    XDG_CONFIG_HOME: config,
    XDG_DATA_HOME: path.join(home, '.local/share'),
    XDG_CACHE_HOME: path.join(home, '.cache'),
    XDG_STATE_HOME: path.join(home, '.local/state'),
    PATH: `${ripgrepFolder()}${path.delimiter}${process.env['PATH'] ?? ''}`,
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_FFF: '1', // else every server leaves a 5.6 MB library in the temporary folder
    OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER: '1',
  };
}
