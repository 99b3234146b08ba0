import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { BROWSER } from './paths.mjs';
import { Problem } from './problem.mjs';

/** @typedef {{ executable: string, env: Record<string, string> }} Browser */

const PACKED = path.join(BROWSER, 'node_modules/@sparticuz/chromium/bin');
/** Inside node_modules, so that removing or renewing the packages removes it too. */
const CACHE = path.join(BROWSER, 'node_modules/.cache');
const UNPACKED = path.join(CACHE, 'chromium');

const NAMES = [
  'google-chrome',
  'google-chrome-stable',
  'chromium',
  'chromium-browser',
  'microsoft-edge',
  'chrome',
  'msedge',
];

/** Places outside PATH where an installer puts a browser. */
function usualPlaces() {
  if (process.platform === 'darwin')
    return ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
      (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
    );
  if (process.platform !== 'win32') return [];
  const roots = [process.env['PROGRAMFILES'], process.env['PROGRAMFILES(X86)'], process.env['LOCALAPPDATA']];
  return roots.flatMap((root) =>
    root
      ? [
          path.join(root, 'Google/Chrome/Application/chrome.exe'),
          path.join(root, 'Microsoft/Edge/Application/msedge.exe'),
        ]
      : [],
  );
}

/** `HOLDFAST_RIG_BROWSER` overrules the search: the path of a browser, or `packed` for the one of the npm package. */
const CHOSEN = process.env['HOLDFAST_RIG_BROWSER'];

/** @returns {string | undefined} */
function installedBrowser() {
  if (CHOSEN) return CHOSEN === 'packed' ? undefined : CHOSEN;
  const exe = process.platform === 'win32' ? '.exe' : '';
  const onPath = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .flatMap((folder) => NAMES.map((name) => path.join(folder, name + exe)));
  return [...onPath, ...usualPlaces()].find((file) => existsSync(file));
}

/** Whether this machine must use the browser from the npm package. */
export const needsPackedBrowser = () => installedBrowser() === undefined;

/** Whether the package has been unpacked whole. */
export const isUnpacked = () => existsSync(UNPACKED);

/** The packed browser exists for one platform; elsewhere a person installs one. */
export function assertPackedBrowserFits() {
  if (process.platform === 'linux' && process.arch === 'x64') return;
  throw new Problem(
    `No browser was found and none can be fetched for ${process.platform}-${process.arch}: install Chrome, Chromium or Edge and run again.`,
  );
}

/** @param {string} name @param {string} to */
async function unpackFile(name, to) {
  await pipeline(
    createReadStream(path.join(PACKED, name)),
    createBrotliDecompress({ chunkSize: 1 << 20 }),
    createWriteStream(to),
  );
}

/** @param {string} name of a `.tar.br` @param {string} folder */
async function unpackArchive(name, folder) {
  const tar = path.join(CACHE, name.replace('.br', ''));
  mkdirSync(folder, { recursive: true });
  await unpackFile(name, tar);
  if (spawnSync('tar', ['-xf', tar, '-C', folder]).status !== 0)
    throw new Problem(
      'The browser could not be unpacked because "tar" is missing: install tar, or a Chromium, and run again.',
    );
}

/** Libraries and fonts that a desktop has and a bare container lacks; the package brings both. */
async function unpackWhatIsMissing(/** @type {string} */ executable) {
  const linked = spawnSync('ldd', [executable], { encoding: 'utf8' }).stdout ?? '';
  if (linked.includes('not found')) await unpackArchive('al2023.tar.br', CACHE);
  const lib = path.join(CACHE, 'lib');
  const still =
    spawnSync('ldd', [executable], { encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: lib } })
      .stdout ?? '';
  const missing = /(\S+) => not found/.exec(still)?.[1];
  if (missing)
    throw new Problem(
      `The browser cannot run because the system library ${missing} is missing: install your system's "chromium" package and run again.`,
    );
  if (existsSync('/usr/share/fonts')) return;
  await unpackArchive('fonts.tar.br', CACHE);
  const config = `<?xml version="1.0"?><fontconfig><dir>${path.join(CACHE, 'fonts')}</dir><cachedir>${path.join(CACHE, 'fontconfig')}</cachedir></fontconfig>`;
  writeFileSync(path.join(CACHE, 'fonts.conf'), config);
}

/** Unpacks the browser of the npm package. The executable gets its name last, so a half-done one never counts. */
export async function unpackBrowser() {
  mkdirSync(CACHE, { recursive: true });
  const partial = `${UNPACKED}.${process.pid}`;
  await unpackFile('chromium.br', partial);
  chmodSync(partial, 0o755);
  await unpackWhatIsMissing(partial);
  renameSync(partial, UNPACKED);
}

/** @returns {Browser} an installed browser, else the unpacked one. Throws a `Problem` when there is neither. */
export function findBrowser() {
  const installed = installedBrowser();
  if (installed) return { executable: installed, env: {} };
  if (!isUnpacked())
    throw new Problem('No browser was found: run "node test/rig/setup.mjs", or install Chrome or Chromium.');
  const lib = path.join(CACHE, 'lib');
  const fonts = path.join(CACHE, 'fonts.conf');
  return {
    executable: UNPACKED,
    env: {
      ...(existsSync(lib) ? { LD_LIBRARY_PATH: lib } : {}),
      ...(existsSync(fonts) ? { FONTCONFIG_FILE: fonts } : {}),
    },
  };
}
