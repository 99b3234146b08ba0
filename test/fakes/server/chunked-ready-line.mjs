/** Pipes cut where they like: inside the ready line, inside a character, between CR and LF. */
import { setImmediate } from 'node:timers/promises';
import { serve } from './serve.mjs';

const line = Buffer.from(`prêt\r\n${await serve()}\r\n`);
for (const byte of line) {
  process.stdout.write(Buffer.of(byte));
  await setImmediate();
}
