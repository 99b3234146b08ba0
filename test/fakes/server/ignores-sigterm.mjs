/** Seen on a server in a long uninterruptible piece of work. */
import { serve } from './serve.mjs';

process.on('SIGTERM', () => {});
process.stdout.write(`${await serve()}\n`);
