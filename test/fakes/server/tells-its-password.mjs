/** A stack trace or a debug line that spells out the environment or a header. */
import { serve } from './serve.mjs';

const basic = Buffer.from(`user:${process.env.FAKE_PASSWORD}`).toString('base64');
process.stderr.write(`env FAKE_PASSWORD=${process.env.FAKE_PASSWORD}\nauthorization: Basic ${basic}\n`);
process.stdout.write(`${await serve()}\n`);
