// @ts-nocheck: what it stands in for has no types
// Output channels are files that the native spdlog writes and the workbench tails: with no logger they stay empty.
// Lines are appended synchronously and files never rotate, which is fine for a profile that lives for minutes.
const { appendFileSync, closeSync, mkdirSync, openSync } = require('node:fs');
const { dirname } = require('node:path');

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];
const INFO = LEVELS.indexOf('info');

/** Local time as spdlog's default pattern prints it: `2030-01-31 23:59:59.123`. */
function timestamp() {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 23).replace('T', ' ');
}

class Logger {
  constructor(_kind, _name, file) {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, 'a')); // the workbench watches for the file before the first line comes
    this.file = file;
    this.level = INFO;
    this.formatted = true;
  }

  write(level, message) {
    if (level < this.level || this.file === undefined) return;
    const line = this.formatted ? `${timestamp()} [${LEVELS[level]}] ${message}\n` : message;
    try {
      appendFileSync(this.file, line);
    } catch {
      this.file = undefined; // the log folder was removed under us: the profile is being thrown away
    }
  }

  getLevel() {
    return this.level;
  }
  setLevel(level) {
    this.level = level;
  }
  setPattern() {
    this.formatted = true;
  }
  clearFormatters() {
    this.formatted = false;
  }
  flush() {}
  drop() {
    this.file = undefined;
  }
}

const METHODS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];
METHODS.forEach((method, level) => {
  Logger.prototype[method] = function log(message) {
    this.write(level, message);
  };
});

async function createLogger(name, file) {
  return new Logger('rotating', name, file);
}

// The server imports this as an ES module, and Node only finds CommonJS names that are assigned one by one.
exports.version = 0;
exports.setLevel = () => undefined;
exports.setFlushOn = () => undefined;
exports.Logger = Logger;
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
