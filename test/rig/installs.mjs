import fs, { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem.mjs';
import { npmCommand, run } from './processes.mjs';

/** @typedef {{ version?: string, link?: boolean, optional?: boolean, os?: string | string[], cpu?: string | string[], libc?: string | string[] }} LockedPackage */

/** @param {string} file @returns {Record<string, LockedPackage> | undefined} */
function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** @returns {string | undefined} undefined where the C library plays no part */
function ownLibc() {
  if (process.platform !== 'linux') return undefined;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime ? 'glibc' : 'musl';
}

/** @param {string | string[] | undefined} wanted @param {string | undefined} own */
function fits(wanted, own) {
  if (wanted === undefined || own === undefined) return true;
  const list = [wanted].flat();
  return list.includes(own) || (list.every((entry) => entry.startsWith('!')) && !list.includes(`!${own}`));
}

/**
 * Whether a folder's node_modules is what its lock file asks for on this platform. npm writes the record that is
 * compared here as its last act, so an interrupted install does not count; no stamp of our own is needed.
 *
 * @param {string} folder
 */
export function isInstalled(folder) {
  const wanted = lockedPackages(path.join(folder, 'package-lock.json'));
  const present = lockedPackages(path.join(folder, 'node_modules/.package-lock.json'));
  if (!wanted || !present) return false;
  const libc = ownLibc();
  return Object.entries(wanted).every(([name, entry]) => {
    if (!name.startsWith('node_modules/') || entry.link) return true;
    const here = present[name];
    if (here) return here.version === entry.version;
    // an optional package may be absent unless it is the one made for this platform
    const forUs =
      (entry.os ?? entry.cpu) &&
      fits(entry.os, process.platform) &&
      fits(entry.cpu, process.arch) &&
      fits(entry.libc, libc);
    return entry.optional === true && !forUs;
  });
}

const NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|UNABLE_TO_|SELF_SIGNED/;

/**
 * One sentence for why npm failed.
 *
 * @param {string} what @param {string} output
 */
export function explainNpm(what, output) {
  const name = NETWORK.exec(output)?.[0];
  if (name !== undefined)
    return `The ${what} could not be installed because npm's registry cannot be reached (${name}): check the network, the proxy or npm's registry setting, and run again.`;
  if (/ENOSPC/.test(output))
    return `The ${what} could not be installed because the disk is full: free some space and run again.`;
  if (/EACCES|EPERM|EROFS/.test(output))
    return `The ${what} could not be installed because its folder cannot be written: give yourself write access to the checkout and run again.`;
  if (/EUSAGE/.test(output))
    return `The ${what} could not be installed because package.json and package-lock.json disagree: run "npm install" there.`;
  if (/E40[137]\b|ERR! 40[137]\b/.test(output))
    return `The ${what} could not be installed because npm's registry refused access: log in to it or choose another one.`;
  if (/EBADPLATFORM/.test(output))
    return `The ${what} cannot be installed: there is no package of it for ${process.platform}-${process.arch}.`;
  if (/E404|ETARGET/.test(output))
    return `The ${what} could not be installed because npm's registry lacks one of its packages: choose a complete registry.`;
  const first =
    output.split('\n').find((line) => /npm (error|ERR!)/.test(line)) ?? output.trim().split('\n').at(-1);
  return `The ${what} could not be installed: npm said "${first?.replace(/^npm (error|ERR!) ?/, '').trim()}".`;
}

/** Flags of an outer `npm test` describe the outer package and would mislead an install in another folder. */
function npmEnvironment() {
  const env = { ...process.env };
  for (const name of Object.keys(env))
    if (/^npm_(package|lifecycle)_|^npm_config_local_prefix$|^INIT_CWD$/.test(name)) delete env[name];
  return env;
}

/**
 * `npm ci` without scripts. Scripts stay off because nothing here needs one, and some would download or compile.
 *
 * @param {string} folder @param {string} what for the message when it fails
 * @param {number} megabytes room that it takes
 */
export async function install(folder, what, megabytes) {
  if (!existsSync(path.join(folder, 'package-lock.json')))
    throw new Problem(`The ${what} cannot be installed: ${folder} holds no package-lock.json.`);
  const disk = fs.statfsSync(folder);
  const free = Math.floor((disk.bavail * disk.bsize) / 2 ** 20);
  if (free < megabytes)
    throw new Problem(
      `The ${what} needs ${megabytes} MB of disk and ${free} MB are free: free some space and run again.`,
    );
  const npm = npmCommand();
  // dev is named because NODE_ENV=production would leave it out
  const flags = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--loglevel=error',
  ];
  const { code, output } = await run(npm.command, [...npm.args, ...flags], {
    cwd: folder,
    env: npmEnvironment(),
  });
  if (code === 127) throw new Problem('npm was not found on PATH: install npm 10 or newer and run again.');
  if (code !== 0) throw new Problem(explainNpm(what, output));
}
