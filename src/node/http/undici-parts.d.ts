/**
 * The package's own entry installs an agent into the process-wide slots `undici.globalDispatcher.*` when it
 * is loaded, which would change the built-in `fetch` of a shared extension host. These parts alone do not.
 */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export default Client;
}
