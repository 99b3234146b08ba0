/** A cold disk or a virus scanner. It starts to listen when the gate, a server of the test, answers. */
import { serve } from './serve.mjs';

await fetch(process.env.FAKE_GATE);
process.stdout.write(`${await serve()}\n`);
