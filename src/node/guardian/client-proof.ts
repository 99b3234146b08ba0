/**
 * Keeps the agent's own tools from becoming clients: they run as our user and can read the token. On Linux alone:
 * elsewhere the system does not tell which process is at the other end, and the token is all that is asked for.
 */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parentOf } from '../process/identity.ts';
import { MARK_NAME } from './protocol.ts';

/** Longest line of ancestors that is followed; a longer one is a loop of pids that are reused as we look. */
const MAX_ANCESTORS = 64;

/** Shows which process a connection belongs to: it alone has that file open. */
export class ClientProof {
  /** Does not exist yet: the client creates it. */
  readonly file: string;

  constructor(socket: string) {
    this.file = join(dirname(socket), `proof-${randomBytes(16).toString('hex')}`);
  }

  /** Why the client is refused, or undefined. @param mark value of the mark. @param server pid of the server. */
  async refusal(pid: number, mark: string, server: number): Promise<string | undefined> {
    if (!(await this.#isOpenIn(pid))) return `it did not prove to be process ${pid}`;
    for (let one: number | undefined = pid, steps = 0; one !== undefined; one = await parentOf(one)) {
      if (one === server || (await isMarked(one, mark)))
        return `process ${pid} is a tool of the server itself`;
      if (++steps > MAX_ANCESTORS) return `the parents of process ${pid} have no end`;
    }
    return undefined;
  }

  async remove(): Promise<void> {
    await rm(this.file, { force: true }).catch(() => {});
  }

  async #isOpenIn(pid: number): Promise<boolean> {
    const folder = `/proc/${pid}/fd`;
    for (const name of await readdir(folder).catch(() => []))
      if ((await readlink(join(folder, name)).catch(() => '')) === this.file) return true;
    return false;
  }
}

/** A process whose environment we may not read is another user's, and no tool of ours. */
async function isMarked(pid: number, mark: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return environment.split('\0').includes(`${MARK_NAME}=${mark}`);
}
