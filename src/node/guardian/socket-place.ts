import { randomBytes } from 'node:crypto';
import { lstat, mkdtemp, realpath, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Longest path of a socket, bytes: 104 on macOS and 108 on Linux, with the zero at its end. */
const MAX_PATH_BYTES = 103;
const PREFIX = 'holdfast-';
/** mkdtemp adds six characters. */
const ADDED = `/${PREFIX}xxxxxx/s`.length;

/**
 * A new place to listen at, that only our own user can reach: a socket in a private folder, or a named pipe of a
 * random name (Windows, where a pipe is open to its own user and administrators; not run there).
 * @throws the error of the system when no folder can be made.
 */
export async function newSocketPlace(): Promise<{ socket: string }> {
  if (process.platform === 'win32')
    return { socket: `\\\\.\\pipe\\${PREFIX}${randomBytes(16).toString('hex')}` };
  let failure: unknown;
  for (const base of [process.env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp']) {
    try {
      if (base === undefined || base === '') continue;
      // As the system will name it: what is seen in /proc is compared with it.
      const real = await realpath(base);
      if (Buffer.byteLength(real) + ADDED > MAX_PATH_BYTES) continue;
      if (base === process.env['XDG_RUNTIME_DIR'] && (await lstat(real)).uid !== process.getuid?.()) continue;
      return { socket: join(await mkdtemp(join(real, PREFIX)), 's') };
    } catch (error) {
      failure = error;
    }
  }
  throw failure ?? new Error('There is no folder for a socket.');
}

/** Removes a place, and nothing that was not made as one. */
export async function removeSocketPlace(socket: string): Promise<void> {
  const folder = dirname(socket);
  if (process.platform === 'win32' || !/[/\\]holdfast-[^/\\]+[/\\]s$/.test(socket)) return;
  await rm(socket, { force: true }).catch(() => {});
  // Not if anything else is in it.
  await rmdir(folder).catch(() => {});
}
