/** The two halves of a start: from the settings to a process, and from its ready line to a connection. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Engine, EngineClient, LaunchOptions } from '../../core/engine.ts';
import { CancelledError, explain, StartError } from '../../core/errors.ts';
import type { ServerLimits } from '../../core/server/state.ts';
import type { HostedProcess, ProcessHost } from '../process/process-host.ts';

/** A password of 256 bits, made for each start. */
const PASSWORD_BYTES = 32;
/** When a request fails because the process died, its exit tells more: how long to wait for that, ms. */
const EXIT_NEWS_MS = 1_000;

/** What may change between two starts. Read at each start, so that a change never touches a running turn. */
export interface LaunchChoices extends Pick<LaunchOptions, 'extraPath' | 'config'> {
  /** Where the binary is; absent to look for it. */
  enginePath?: string;
  limits: ServerLimits;
}

export interface LaunchPorts {
  engine: Engine;
  host: ProcessHost;
  clock: Clock;
  /** Absolute path of the workspace folder. */
  directory: string;
  /** The environment of our own process. */
  env: Readonly<Record<string, string | undefined>>;
}

export interface LaunchedServer {
  process: HostedProcess;
  password: string;
  engineVersion: string;
}

/**
 * Finds the engine and starts a process of it.
 * @param isWanted asked after the search, so that a start that was stopped meanwhile spawns nothing.
 * @throws EngineMissingError, StartError, CancelledError
 */
export async function launch(
  ports: LaunchPorts,
  choices: LaunchChoices,
  generation: number,
  isWanted: () => boolean,
): Promise<LaunchedServer> {
  const { engine, host, env } = ports;
  const binary = await engine.locate({
    env,
    ...(choices.enginePath !== undefined && { path: choices.enginePath }),
  });
  if (!isWanted()) throw new CancelledError();
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  const { config, extraPath } = choices;
  const spec = engine.launch({ binary, password, baseEnv: env, extraPath, ...(config && { config }) });
  const process = await host.spawn({
    ...spec,
    secrets: [password],
    label: `${engine.kind} server ${generation}`,
  });
  return { process, password, engineVersion: binary.version };
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
  const client = ports.engine.connect({ baseUrl, password, directory: ports.directory });
  try {
    if (!(await client.isProtected())) {
      throw new StartError('The server answers without its password and was refused.', process.tail());
    }
    await client.ready(timeoutMs);
    return { client, baseUrl };
  } catch (error) {
    void client.close().catch(() => {});
    if (!(error instanceof StartError)) await exitNews(process, ports.clock);
    throw asStartError(error, process.tail());
  }
}

function asStartError(error: unknown, tail: string): StartError {
  if (error instanceof StartError) return error;
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
