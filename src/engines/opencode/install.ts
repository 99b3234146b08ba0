import { mkdir, mkdtemp, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineBinary } from '../../core/engine.ts';
import { CancelledError, explain, InstallError } from '../../core/errors.ts';
import { findNpm } from '../../node/install/find-npm.ts';
import { npmInstall } from '../../node/install/npm-install.ts';
import { isAlive } from '../../node/process/tree.ts';
import { askVersion, type Env } from './binary.ts';
import { enginesFolder, installedFolder, OPENCODE_VERSION } from './installed.ts';
import { platformPackage, thisMachine } from './machine.ts';

/** Folders of tries under way; the number is the pid of who tries. */
const TRY = /^\.installing-(\d+)-/;

export type InstallStep = 'downloading' | 'checking';

export interface InstallOptions {
  /** Absolute path of Holdfast's own storage. */
  storage: string;
  env: Env;
  signal: AbortSignal;
  onProgress(step: InstallStep): void;
  /** Gets npm's own words. */
  log(line: string): void;
}

/**
 * Installs opencode 1.18.33 through npm, for Holdfast alone: the package of this platform, which is one binary.
 * It is installed beside its place, run once, and then moved there, so that the place holds all of it or nothing;
 * one that is there already and runs is kept.
 *
 * @throws InstallError with one sentence; CancelledError. Nothing is left behind by then.
 */
export async function installOpencode(options: InstallOptions): Promise<EngineBinary> {
  const { storage, env, signal, onProgress, log } = options;
  const target = installedFolder(storage);
  const installed = { path: binaryIn(target), version: OPENCODE_VERSION, source: 'Holdfast' };
  if ((await problemOf(target, env)) === undefined) return installed;

  const name = platformPackage(await thisMachine());
  if (name === undefined) {
    throw new InstallError(
      `There is no opencode for this machine (${process.platform}-${process.arch}).`,
      false,
    );
  }
  const npm = await findNpm(env);
  if (npm === undefined) {
    throw new InstallError(
      'npm, which opencode is installed with, was not found on PATH. Install Node.js, which brings npm, and ' +
        'restart the editor; or install opencode yourself and set "holdfast.engine.path" to its binary.',
      false,
    );
  }
  const folder = await newTry(storage);
  try {
    onProgress('downloading');
    await npmInstall({ npm, name, version: OPENCODE_VERSION, folder, env, signal, log });
    onProgress('checking');
    // A package manager may have put a link there, which would not survive the move.
    const staged = await realpath(join(folder, 'node_modules', name));
    const problem = await problemOf(staged, env);
    if (signal.aborted) throw new CancelledError();
    if (problem !== undefined) {
      throw new InstallError(`opencode was downloaded but cannot be used: it ${problem}.`, false);
    }
    await flush(binaryIn(staged));
    await place(staged, target, folder, env);
    return installed;
  } catch (error) {
    throw asInstallError(error, storage);
  } finally {
    // What cannot be removed now is removed by a try after our end.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

/** Why the package in a folder is not the engine that is wanted, for a sentence that begins with "it". */
async function problemOf(folder: string, env: Env): Promise<string | undefined> {
  const answer = await askVersion(binaryIn(folder), env);
  if (!answer.ok) return answer.problem;
  return answer.version === OPENCODE_VERSION
    ? undefined
    : `is version ${answer.version} and not ${OPENCODE_VERSION}`;
}

function binaryIn(folder: string): string {
  return join(folder, 'bin', process.platform === 'win32' ? 'opencode.exe' : 'opencode');
}

/** A new folder beside the place, after those of tries that were cut off are gone. */
async function newTry(storage: string): Promise<string> {
  const engines = enginesFolder(storage);
  try {
    await mkdir(engines, { recursive: true, mode: 0o700 });
    for (const entry of await readdir(engines)) {
      const pid = TRY.exec(entry)?.[1];
      if (pid === undefined || isAlive(Number(pid))) continue;
      await rm(join(engines, entry), { recursive: true, force: true });
    }
    return await mkdtemp(join(engines, `.installing-${process.pid}-`));
  } catch (error) {
    throw asInstallError(error, storage);
  }
}

/** A binary that is in its place is never run again to check it, so it has to be on the disk before. */
async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function place(staged: string, target: string, folder: string, env: Env): Promise<void> {
  try {
    await rename(staged, target);
  } catch (error) {
    // Another window was faster, or what is there does not run.
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    if ((await problemOf(target, env)) === undefined) return;
    await rename(target, join(folder, 'replaced'));
    await rename(staged, target);
  }
}

function asInstallError(error: unknown, storage: string): unknown {
  if (error instanceof InstallError || error instanceof CancelledError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const sentence = ['ENOSPC', 'EDQUOT'].includes(code)
    ? 'opencode could not be installed: the disk is full.'
    : ['EACCES', 'EPERM', 'EROFS'].includes(code)
      ? `opencode could not be installed: ${enginesFolder(storage)} may not be written to (${code}).`
      : `opencode could not be installed: ${explain(error)}.`;
  return new InstallError(sentence, true, { cause: error });
}
