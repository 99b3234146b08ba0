/** The demo model as a process of its own: it has to outlive a reload of the window, as the turn that uses it does. */
import { KEY_VARIABLE } from './held.ts';
import { startDemoModel } from './server.ts';

const { baseUrl } = await startDemoModel(process.env[KEY_VARIABLE]);
process.stdout.write(`demo model listening on ${baseUrl}\n`);
