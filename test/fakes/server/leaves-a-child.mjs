/** Seen with language servers and file watchers: a child in the same group that takes no notice of SIGTERM. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { serve } from './serve.mjs';

const stubborn =
  "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log(`child ${process.pid}`)";
const child = spawn(process.execPath, ['-e', stubborn], { stdio: ['ignore', 'pipe', 'inherit'] });
const [said] = await once(child.stdout, 'data');
process.stdout.write(said);
process.stdout.write(`${await serve()}\n`);
