/**
 * The guardian: a small process of its own that holds one server, so that it neither dies with the window that
 * started it nor outlives its use. Its order comes on stdin, its answer goes to stdout.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { explain } from '../../core/errors.ts';
import { systemClock } from '../clock.ts';
import { type Answer, type Order, OrderSchema, parseLine } from './protocol.ts';
import { tend } from './tend.ts';

/** Longest order, characters: an environment, mostly. */
const MAX_ORDER_CHARS = 8 * 1024 * 1024;
/** Something of our own is broken. */
const EXIT_BROKEN = 70;

/**
 * A V8 flag that keeps it small: it parses short lines and copies output, so that the optimising compiler would cost
 * more memory than it is worth. Set only once it runs: with any flag on its command line the runtime does
 * not use its own compiled code, and starts a fifth slower (Node 20.20: 86 ms, 106 ms).
 */
const FLAG = '--no-opt';

let end: () => void = () => process.exit(EXIT_BROKEN);
process.on('SIGTERM', () => end());
// A terminal that closes or is interrupted means its own programs, not what other windows use.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
let log: string | undefined;
process.on('uncaughtException', (error) => {
  try {
    if (log !== undefined) appendFileSync(log, `[holdfast] guardian: ${error.stack ?? error.message}\n`);
  } finally {
    // Exiting takes the server's tree along (see DirectHost); whoever comes next cleans up by the registry.
    process.exit(EXIT_BROKEN);
  }
});

void main();

async function main(): Promise<void> {
  const order = parseLine(OrderSchema, await firstLine());
  if (order === undefined) process.exit(EXIT_BROKEN);
  log = join(order.storage, 'log', 'server.log');
  const tended = await start(order);
  if (tended === undefined) process.exit(EXIT_BROKEN);
  end = tended.end;
  setFlagsFromString(FLAG);
  process.exit(await tended.done);
}

async function start(order: Order) {
  try {
    const tended = await tend(order, systemClock);
    // Nobody to answer to: what nobody uses ends by its grace.
    await answer({ ok: true }).catch(() => {});
    return tended;
  } catch (error) {
    await answer({ ok: false, message: explain(error) }).catch(() => {});
    return undefined;
  }
}

function firstLine(): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    process.stdin.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (!chunk.includes('\n') && text.length < MAX_ORDER_CHARS) return;
      process.stdin.destroy();
      resolve(text.split('\n')[0] ?? '');
    });
    process.stdin.once('error', () => resolve(''));
    process.stdin.once('end', () => resolve(''));
  });
}

function answer(value: Answer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.once('error', reject);
    process.stdout.write(`${JSON.stringify(value)}\n`, () => resolve());
  });
}
