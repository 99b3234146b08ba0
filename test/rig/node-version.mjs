// Imported first by every entry point: on an older Node the modules after this one would fail with a stack trace
// about syntax or a missing function, which tells a newcomer nothing.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `Holdfast needs Node 20.19 or newer and this is Node ${process.versions.node}: install a newer Node and run again.\n`,
  );
  process.exit(1);
}
