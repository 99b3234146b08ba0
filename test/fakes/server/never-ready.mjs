/** Seen on a start that hangs on a lock or on the network: the process lives and says nothing. */
import { serve } from './serve.mjs';

await serve();
