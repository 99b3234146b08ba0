/**
 * Runs inside an owned opencode server, before the engine's own code: keeps what the server was given in secret away
 * from the programs that its tools start, and ends the server when nobody holds it any more. A bundle of its own.
 *
 * The engine's runtime, Bun, loads it by `BUN_INSPECT_PRELOAD` (`launch.ts`). As a plugin of the engine it would
 * come late, would not come at all under the user's `OPENCODE_PURE`, and a configuration with any plugin makes
 * opencode 1.18.33 wait for an npm install before it serves a workspace: minutes where no registry answers.
 *
 * Nothing here may break the engine: what fails is told on stderr, the server's log, and the server works on.
 */
const PASSWORD = 'OPENCODE_SERVER_PASSWORD';
/** Holds the API keys of providers that Holdfast or the user configures. */
const CONFIG = 'OPENCODE_CONFIG_CONTENT';
const PRELOAD = 'BUN_INSPECT_PRELOAD';
/** Set by the guardian in the environment of the servers it holds. */
const HELD = 'HOLDFAST_SERVER';

/** Printed once the server listens and has read its password (1.18.33). */
const READY_LINE = /^opencode server listening on (http:\/\/\S+)$/;
/** Between looks whether the holder is there, ms. */
const HOLDER_LOOK_MS = 1_000;
/** How long the engine may take to end its work once its holder is gone, ms; it takes 0.4 s with tools running. */
const DISPOSE_MS = 2_000;
/** `PR_SET_DUMPABLE` of prctl(2). */
const SET_DUMPABLE = 4;

/** What is used of `bun:ffi`. Pointers are numbers, or null. */
interface Ffi {
  dlopen<S extends string>(
    library: string,
    symbols: Record<S, { args: readonly string[]; returns: string }>,
  ): { symbols: Record<S, (...args: (number | bigint | null)[]) => number | null> };
  ptr(bytes: Uint8Array): number;
}

/**
 * Takes the secrets out of the environment that the system shows of this process, and on Linux closes its memory
 * to other processes of the same user. Windows shows no environment to begin with.
 */
async function closeToOthers(): Promise<void> {
  if (process.platform === 'win32') return;
  const { dlopen, ptr } = (await import('bun:ffi' as string)) as Ffi;
  const libc = firstOf(libraries(), (name) =>
    dlopen(name, {
      getenv: { args: ['ptr'], returns: 'ptr' },
      memset: { args: ['ptr', 'i32', 'u64'], returns: 'ptr' },
      strlen: { args: ['ptr'], returns: 'u64' },
    }),
  );
  for (const name of [PASSWORD, CONFIG, PRELOAD]) {
    const value = libc.found.symbols.getenv(ptr(Buffer.from(`${name}\0`)));
    if (value !== null) libc.found.symbols.memset(value, 0, libc.found.symbols.strlen(value));
  }
  // macOS has no such call, and lets nobody but a debugger look into a process.
  if (process.platform !== 'linux') return;
  const prctl = { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' };
  if (dlopen(libc.name, { prctl }).symbols.prctl(SET_DUMPABLE, 0, 0, 0, 0) !== 0) {
    throw new Error('prctl(PR_SET_DUMPABLE) failed');
  }
}

/** Names of the C library; of Linux first glibc's, then the two that musl goes by. macOS was not run. */
function libraries(): string[] {
  if (process.platform === 'darwin') return ['/usr/lib/libSystem.B.dylib'];
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  return ['libc.so.6', `libc.musl-${machine}.so.1`, `/lib/ld-musl-${machine}.so.1`];
}

/** What works for the first of `names`; throws as the last one did. */
function firstOf<T>(names: readonly string[], attempt: (name: string) => T): { name: string; found: T } {
  let failure: unknown;
  for (const name of names) {
    try {
      return { name, found: attempt(name) };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The engine still reads the variable by its name; what copies the environment for a child does not see it. */
function conceal(name: string, value: string | undefined): void {
  delete process.env[name];
  if (value === undefined) return;
  Object.defineProperty(process.env, name, { value, enumerable: false, configurable: true, writable: true });
}

/** Ends the server when its holder is gone: also when everything of ours was killed at one blow. */
function endWithHolder(holder: number, baseUrl: string, password: string): void {
  const timer = setInterval(() => {
    if (isThere(holder)) return;
    clearInterval(timer);
    void endServer(baseUrl, password);
  }, HOLDER_LOOK_MS);
  timer.unref();
}

function isThere(holder: number): boolean {
  // A process whose parent ended gets another. The holder is never the first process of a system.
  if (process.platform !== 'win32') return process.ppid === holder && holder !== 1;
  // On Windows the number stays; that it may be given to another process costs the end of this one.
  try {
    process.kill(holder, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The engine ends its turns and the commands that run in them, which a signal would leave behind (1.18.33). */
async function endServer(baseUrl: string, password: string): Promise<void> {
  const user = process.env['OPENCODE_SERVER_USERNAME'] ?? 'opencode';
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const signal = AbortSignal.timeout(DISPOSE_MS);
  await fetch(`${baseUrl}/global/dispose`, { method: 'POST', headers: { authorization }, signal }).catch(
    () => undefined,
  );
  process.exit(1);
}

/** Calls `then` with the server's URL before anybody can know it. The engine prints with `console.log` (1.18.33). */
function onReady(then: (baseUrl: string) => void): void {
  /* oxlint-disable no-console -- the line is the only sign that the engine gives */
  const log = console.log;
  console.log = (...words: unknown[]) => {
    const baseUrl = READY_LINE.exec(String(words[0]))?.[1];
    if (baseUrl !== undefined) {
      console.log = log;
      then(baseUrl);
    }
    log(...words);
  };
  /* oxlint-enable no-console */
}

async function accompany(): Promise<void> {
  // A program that a tool starts on the same runtime is no server.
  delete process.env[PRELOAD];
  const password = process.env[PASSWORD];
  const config = process.env[CONFIG];
  const holder = process.ppid;
  onReady((baseUrl) => {
    conceal(PASSWORD, password);
    if (process.env[HELD] !== undefined && password !== undefined) endWithHolder(holder, baseUrl, password);
  });
  await closeToOthers().catch((error: unknown) => {
    const words = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `[holdfast] Other programs of this user can read the server's memory and environment: ${words}\n`,
    );
  });
  // The runtime may have had its copies in the memory that was emptied. The engine reads the password while it starts
  // from a copy of the environment: only once it listens can the variable leave the copies.
  if (password !== undefined) process.env[PASSWORD] = password;
  conceal(CONFIG, config);
}

export {};

await accompany();
