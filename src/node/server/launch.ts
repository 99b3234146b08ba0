/** The two halves of a start: from the settings to a process, and from its ready line to a connection. */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import type { Clock } from '../../core/clock.ts';
import type { Engine, EngineClient, LaunchOptions } from '../../core/engine.ts';
import { CancelledError, DatabaseError, explain, RequestError, StartError } from '../../core/errors.ts';
import type { ServerLimits } from '../../core/server/state.ts';
import type { HostedProcess, ProcessHost, ProcessKey, ProcessSpec } from '../process/process-host.ts';
import type { SessionStore } from './session-store.ts';

/** A password of 256 bits, made for each start. */
const PASSWORD_BYTES = 32;
/** When a request fails because the process died, its exit tells more: how long to wait for that, ms. */
const EXIT_NEWS_MS = 1_000;

/** What may change between two starts. Read at each start, so that a change never touches a running turn. */
export interface LaunchChoices extends Pick<LaunchOptions, 'extraPath'> {
  /** Engine configuration that wins over the user's files. */
  config?(): Promise<Readonly<Record<string, unknown>>>;
  /** Where the binary is; absent to look for it. */
  enginePath?: string;
  limits: ServerLimits;
}

export interface LaunchPorts {
  engine: Engine;
  host: ProcessHost;
  /** Which server is meant, over all windows. */
  key(): ProcessKey;
  /** Absolute path of the folder with the programs that come with Holdfast. */
  programs: string;
  /** Where Holdfast may have installed an engine of its own. */
  storage: string;
  clock: Clock;
  /** Absolute path of the workspace folder. */
  directory: string;
  /** The environment of our own process. */
  env: Readonly<Record<string, string | undefined>>;
  /** Where its sessions are; absent where nothing is known of that. */
  store?: SessionStore;
}

export interface LaunchedServer {
  process: HostedProcess;
  password: string;
  engineVersion: string;
  /** What the user has to know of this start, a sentence each. */
  notes: readonly string[];
}

/** What the next client of a server has to know. Kept in memory by whoever holds the process, never on disk. */
const Handover = v.object({ password: v.string(), engineVersion: v.string() });

/**
 * The server that runs already, or a new process of the engine.
 * @param isWanted asked after the search, so that a start that was stopped meanwhile spawns nothing.
 * @throws EngineMissingError, StartError, CancelledError
 */
export async function launch(
  ports: LaunchPorts,
  choices: LaunchChoices,
  generation: number,
  isWanted: () => boolean,
): Promise<LaunchedServer> {
  // Also where a server is found: what it was configured with has to live on as well.
  const config = await choices.config?.();
  let notes: readonly string[] = [];
  const held = await ports.host.hold(ports.key(), async () => {
    const spec = await newSpec(ports, choices, generation, isWanted, config);
    notes = (await ports.store?.beforeStart()) ?? [];
    if (!isWanted()) throw new CancelledError();
    return spec;
  });
  const { password, engineVersion } = v.parse(Handover, JSON.parse(held.handover));
  return { process: held.process, password, engineVersion, notes };
}

async function newSpec(
  { engine, env, programs, storage }: LaunchPorts,
  choices: LaunchChoices,
  generation: number,
  isWanted: () => boolean,
  config: Readonly<Record<string, unknown>> | undefined,
): Promise<ProcessSpec> {
  const binary = await engine.locate({
    env,
    storage,
    ...(choices.enginePath !== undefined && { path: choices.enginePath }),
  });
  if (!isWanted()) throw new CancelledError();
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  const { extraPath } = choices;
  const spec = engine.launch({
    binary,
    password,
    baseEnv: env,
    extraPath,
    programs,
    ...(config && { config }),
  });
  const handover: v.InferOutput<typeof Handover> = { password, engineVersion: binary.version };
  return {
    ...spec,
    secrets: [password],
    label: `${engine.kind} server ${generation} (${binary.version})`,
    handover: JSON.stringify(handover),
  };
}

/**
 * Waits for the ready line and then for proof: the server refuses a request without the password, and a route of
 * this workspace answers. A health route proves neither.
 * @throws StartError with a sentence. Never settles when the process ends before its ready line.
 */
export async function connectWhenReady(
  ports: LaunchPorts,
  { process, password }: LaunchedServer,
  timeoutMs: number,
): Promise<{ client: EngineClient; baseUrl: string }> {
  const baseUrl = (await process.readyLine)[1] ?? '';
  if (!isLoopback(baseUrl)) {
    throw new StartError(
      `The server listens on ${baseUrl || 'an unknown address'}, not on this machine alone.`,
      '',
    );
  }
  const { directory, env } = ports;
  const client = ports.engine.connect({ baseUrl, password, directory, env });
  // Both at once, since each takes its time; what the first one says comes first.
  const serves = client.ready(timeoutMs);
  serves.catch(() => {});
  try {
    if (!(await client.isProtected())) {
      throw new StartError('The server answers without its password and was refused.', await process.tail());
    }
    await serves;
    return { client, baseUrl };
  } catch (error) {
    void client.close().catch(() => {});
    if (!(error instanceof StartError)) await exitNews(process, ports.clock);
    throw asStartError(error, await process.tail());
  }
}

function asStartError(error: unknown, tail: string): StartError {
  if (error instanceof StartError) return error;
  if (error instanceof RequestError && error.cause instanceof DatabaseError) return error.cause;
  const message = `The server runs but cannot serve this workspace: ${explain(error)}`;
  return new StartError(message, tail, { cause: error });
}

function exitNews(process: HostedProcess, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(EXIT_NEWS_MS, resolve);
    void process.exited.then(() => {
      cancel();
      resolve();
    });
  });
}

function isLoopback(baseUrl: string): boolean {
  if (!URL.canParse(baseUrl)) return false;
  const { hostname } = new URL(baseUrl);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
