import { interrupted } from './processes.mjs';

/**
 * Something the person at the terminal can act on.
 * *Cause*: the machine, the network or a part under test. *Handled by*: `main`, which prints the sentence alone.
 */
export class Problem extends Error {}

/**
 * Runs an entry point. Its number becomes the exit code; a `Problem` is printed as one sentence; anything else is a
 * mistake in the rig and keeps its stack.
 *
 * @param {string} name what the line on stderr begins with
 * @param {() => Promise<number>} body
 */
export async function main(name, body) {
  try {
    process.exitCode = await body();
  } catch (error) {
    if (interrupted()) return; // the interrupt handler ended our children, which is why this failed; it also exits
    const text =
      error instanceof Problem ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`[${name}] ${text}\n`);
    process.exitCode = 1;
  }
}

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
