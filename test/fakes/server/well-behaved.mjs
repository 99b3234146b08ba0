import { serve } from './serve.mjs';

process.stdout.write(`${await serve()}\n`);
