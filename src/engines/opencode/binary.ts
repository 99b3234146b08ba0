import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open, readFile, realpath, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** A cold binary of 180 MB takes up to 4 s, and 10 s were seen on a machine with too much to do. */
const VERSION_TIMEOUT_MS = 30_000;
/** Shims of package managers have some hundred bytes. */
const MAX_SHIM_BYTES = 64 * 1024;

export type Env = Readonly<Record<string, string | undefined>>;

/** What a path turned out to be. `problem` fits "<path> <problem>". */
export type Probe = { ok: true; path: string; version: string } | { ok: false; problem: string };

/**
 * Finds out whether a file is opencode and which version. Resolves the npm package's wrapper and package
 * managers' shims to the real binary: a signal to a wrapper would miss the server behind it.
 */
export async function probe(path: string, env: Env): Promise<Probe> {
  let real: string;
  try {
    real = await realpath(path);
    if ((await stat(real)).isDirectory()) return { ok: false, problem: 'is a folder' };
  } catch (error) {
    return { ok: false, problem: isMissing(error) ? 'does not exist' : `cannot be read (${String(error)})` };
  }
  const behind = await behindWrapper(real);
  if (behind === undefined) return (await fromPackage(real)) ?? askVersion(real, env);
  let last: Probe = { ok: false, problem: 'is a wrapper whose binary is not installed' };
  for (const candidate of behind) {
    last = await askVersion(candidate, env);
    if (last.ok) return last;
  }
  return last;
}

/**
 * What npm's own record beside a binary says of it: asking the binary itself takes a second, at every start.
 * Undefined for a binary that npm did not install, or that cannot be run.
 */
async function fromPackage(path: string): Promise<Probe | undefined> {
  try {
    await access(path, constants.X_OK);
    const { name, version } = JSON.parse(
      await readFile(join(dirname(path), '..', 'package.json'), 'utf8'),
    ) as {
      name?: unknown;
      version?: unknown;
    };
    const isOurs = typeof name === 'string' && /^opencode-(?:ai|linux-|darwin-|windows-)/.test(name);
    return isOurs && typeof version === 'string' ? { ok: true, path, version } : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a binary for its version. @param path absolute, of the binary itself and not of a wrapper */
export async function askVersion(path: string, env: Env): Promise<Probe> {
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    return { ok: false, problem: isMissing(error) ? 'does not exist' : 'is not executable' };
  }
  return new Promise((done) => {
    const options = {
      env: { ...env },
      timeout: VERSION_TIMEOUT_MS,
      killSignal: 'SIGKILL' as const,
      windowsHide: true,
    };
    execFile(path, ['--version'], options, (error, stdout) => {
      const version = /^\s*v?(\d+\.\d+\.\d+\S*)\s*$/.exec(stdout)?.[1];
      if (error === null && version !== undefined) done({ ok: true, path, version });
      else if (error === null) done({ ok: false, problem: 'does not answer "--version" as opencode does' });
      else if (error.killed === true)
        done({ ok: false, problem: `did not answer "--version" within ${VERSION_TIMEOUT_MS / 1000} s` });
      else done({ ok: false, problem: `cannot run (${firstLine(error.message)})` });
    });
  });
}

/** The binaries that a wrapper stands for, best first; undefined when the file is no wrapper. */
async function behindWrapper(real: string): Promise<string[] | undefined> {
  const text = await shimText(real);
  if (text === undefined) return undefined;
  const inPackage = /^(.*[\\/]opencode-ai)[\\/]bin[\\/]/.exec(real)?.[1];
  const named = /(?:"|'|\s|=)([^"'\s=]*opencode-ai)[\\/]bin[\\/]opencode/.exec(text)?.[1];
  const home = inPackage ?? (named === undefined ? undefined : fromShim(named, dirname(real)));
  if (home === undefined) return undefined;
  return [...platformBinaries(home), ...(inPackage === undefined ? [join(home, 'bin', 'opencode.exe')] : [])];
}

/** A path in a shim is written relative to the shim's own folder, in the words of its shell. */
function fromShim(path: string, folder: string): string {
  return resolve(folder, path.replace(/^(?:\$basedir|%~dp0|%dp0%)[\\/]*/, '').replaceAll('\\', '/'));
}

/** The text of a small script, undefined for a binary. */
async function shimText(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_SHIM_BYTES) return undefined;
    const bytes = await file.readFile();
    return bytes.includes(0) ? undefined : bytes.toString('utf8');
  } finally {
    await file.close();
  }
}

/**
 * The package `opencode-ai` holds no binary of its own, only optional dependencies per platform, from which
 * its install script copies one. Where that script did not run, its order is repeated here; a variant that
 * this machine cannot run does not answer, and the next one is tried.
 */
function platformBinaries(home: string): string[] {
  const require = createRequire(join(home, 'package.json'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const base = `opencode-${platform}-${process.arch}`;
  const executable = platform === 'windows' ? 'opencode.exe' : 'opencode';
  return ['', '-baseline', '-musl', '-baseline-musl'].flatMap((variant) => {
    try {
      return [join(dirname(require.resolve(`${base}${variant}/package.json`)), 'bin', executable)];
    } catch {
      return [];
    }
  });
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function firstLine(text: string): string {
  return text.replace(/\n[^]*$/, '').trim();
}
