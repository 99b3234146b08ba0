/** Seen with debug logging: megabytes before and after it is ready. */
import { serve } from './serve.mjs';

const flood = `${'x'.repeat(199)}\n`.repeat(1000);
for (let round = 0; round < 20; round += 1) process.stderr.write(flood);
process.stdout.write(`${await serve()}\n`);
for (let round = 0; round < 20; round += 1) process.stderr.write(flood);
