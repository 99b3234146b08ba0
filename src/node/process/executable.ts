/** Whether a command can be run, asked before it is: the shell in between would blur the cause. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { StartError } from '../../core/errors.ts';

/**
 * The path of a command, as it will be run.
 * @throws StartError with a sentence: nothing there (ENOENT), or not to be run by this user (EACCES).
 */
export async function findExecutable(
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  if (isAbsolute(command)) {
    await assertRunnable(command);
    return command;
  }
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(folder, command);
    if (isAbsolute(candidate) && (await isRunnable(candidate))) return candidate;
  }
  throw new StartError(`The server could not be started: no ${command} on the PATH (ENOENT).`, '');
}

async function assertRunnable(path: string): Promise<void> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw notPermitted(path);
    await access(path, constants.X_OK);
  } catch (error) {
    throw asStartError(error, path);
  }
}

async function isRunnable(path: string): Promise<boolean> {
  try {
    await assertRunnable(path);
    return true;
  } catch {
    return false;
  }
}

/** A failure of the system to start `path`, in a sentence that keeps the system's own name of it. */
export function asStartError(error: unknown, path: string): StartError {
  if (error instanceof StartError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new StartError(`The server could not be started: there is no ${path} (${code}).`, '', {
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') return notPermitted(path, error);
  const words = error instanceof Error ? error.message : String(error);
  return new StartError(`The server could not be started: ${words}.`, '', { cause: error });
}

function notPermitted(path: string, cause?: unknown): StartError {
  return new StartError(`The server could not be started: ${path} may not be executed (EACCES).`, '', {
    cause,
  });
}
