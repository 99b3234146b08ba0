/** Whether a file can be run, asked before it is: the shell in between would blur the cause. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { StartError } from '../../core/errors.ts';

/**
 * @param path absolute
 * @throws StartError with a sentence: nothing there (ENOENT), or not to be run by this user (EACCES).
 */
export async function assertRunnable(path: string): Promise<void> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw notPermitted(path);
    await access(path, constants.X_OK);
  } catch (error) {
    throw asStartError(error, path);
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
