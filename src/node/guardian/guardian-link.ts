import { type FileHandle, open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Graces } from './grace.ts';
import { LineSocket } from './line-socket.ts';
import { GuardianMessageSchema, parseLine, type Welcome } from './protocol.ts';

/** From the connection to the welcome, ms. */
export const CONNECT_MS = 5_000;
/** Longest line of a guardian, characters: 64 KiB of output, each character escaped. */
const MAX_LINE_CHARS = 512 * 1024;

export interface Introduction {
  token: string;
  label: string;
  graces: Graces;
}

export interface Link {
  line: LineSocket;
  welcome: Welcome;
}

/**
 * Connects to a guardian and shows that we may.
 * @throws Error when nobody listens, or who does has not let us in within 5 s.
 */
export async function connectToGuardian(
  socket: string,
  introduction: Introduction,
  clock: Clock,
): Promise<Link> {
  const line = new LineSocket(await connected(socket), MAX_LINE_CHARS);
  let proof: Promise<FileHandle> | undefined;
  try {
    const welcome = new Promise<Welcome>((resolve, reject) => {
      const cancel = clock.setTimer(CONNECT_MS, () => reject(new Error('it did not answer within 5 s')));
      void line.closed.then(() => {
        cancel();
        reject(new Error('it did not let us in'));
      });
      const next = () =>
        line.onceLine((text) => {
          const message = parseLine(GuardianMessageSchema, text);
          if (message?.type === 'welcome') {
            cancel();
            resolve(message);
            return;
          }
          if (message?.type === 'prove') void prove(message.file);
          next();
        });
      const prove = async (file: string) => {
        try {
          // For the guardian to see in our open files; it removes it.
          proof = open(file, 'wx', 0o600);
          await proof;
          line.send({ type: 'proved' });
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      next();
    });
    line.send({ type: 'hello', ...introduction, pid: process.pid });
    return { line, welcome: await welcome };
  } catch (error) {
    line.drop();
    throw error;
  } finally {
    // It may open only once nobody waits for it any more.
    void proof?.then(
      (file) => file.close(),
      () => undefined,
    );
  }
}

function connected(socket: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    connection.once('error', reject);
    connection.once('connect', () => {
      connection.removeListener('error', reject);
      resolve(connection);
    });
  });
}
