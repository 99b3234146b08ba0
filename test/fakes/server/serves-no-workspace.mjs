/** Seen with a broken project configuration: the process is healthy, every route of the workspace is 400. */
import { serve } from './serve.mjs';

process.stdout.write(`${await serve({ workspace: [400, 'opencode.json is not valid JSON'] })}\n`);
