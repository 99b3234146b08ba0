/** A configuration of the engine's own that opens it to the network. */
await import('./serve.mjs');
process.stdout.write('fake server listening on http://192.0.2.7:4096\n');
setInterval(() => {}, 1e6);
