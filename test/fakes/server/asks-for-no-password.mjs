/** A server that lost its password on the way, or a build that knows none. */
import { serve } from './serve.mjs';

process.stdout.write(`${await serve({ guarded: false })}\n`);
