import { open } from 'node:fs/promises';
import type { Sleep } from './retry.ts';

/** As much of the end of the log as is looked at, bytes. What is looked for was written a moment ago. */
const TAIL_BYTES = 256 * 1024;
/** The line comes up to some 200 ms after the answer that refers to it (1.18.33): looks, and the time between them, ms. */
const LOOKS = 10;
const LOOK_MS = 100;

/**
 * What opencode wrote of an error that it answered with a reference alone: `err_3eb5e2ed`.
 * @returns the line of its log; undefined when there is none.
 */
export async function lineOfReference(
  file: string,
  reference: string,
  sleep: Sleep,
): Promise<string | undefined> {
  for (let looks = 1; ; looks++) {
    const line = (await tail(file)).split('\n').find((one) => one.includes(`ref=${reference} `));
    if (line !== undefined || looks === LOOKS) return line;
    await sleep(LOOK_MS);
  }
}

async function tail(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // It may log elsewhere, or nothing.
    return '';
  }
}
