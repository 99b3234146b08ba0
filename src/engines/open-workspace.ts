/** Puts the parts together for one workspace folder: engine, server, model. Both shells begin here. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import type { Engine } from '../core/engine.ts';
import { DEMO_MODEL, type Settings } from '../core/settings.ts';
import { systemClock } from '../node/clock.ts';
import { Copies } from '../node/copies.ts';
import { HeldDemoModel } from '../node/demo-model/held.ts';
import { DEMO_NAME } from '../node/demo-model/server.ts';
import { GuardianHost } from '../node/guardian/guardian-host.ts';
import type { ProcessKey } from '../node/process/process-host.ts';
import { countSessions, runsFolder } from '../node/run/run-store.ts';
import { AttachedServer } from '../node/server/attached-server.ts';
import { restartCommand } from '../node/server/restart-command.ts';
import { OwnedServer } from '../node/server/owned-server.ts';
import type { Server } from '../node/server/server.ts';
import { WorkspaceHost } from '../node/workspace-host.ts';
import { createOpencodeEngine } from './opencode/engine.ts';
import { createSessionStore } from './opencode/session-store.ts';

export interface OpenWorkspaceOptions {
  settings: Settings;
  /** Absolute path of the workspace folder. */
  folder: string;
  /** Holdfast's own storage folder. */
  storage: string;
  /** Absolute path of the folder with the programs that come with Holdfast. */
  programs: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Folders for the end of the engine's PATH, e.g. where the editor keeps ripgrep. */
  extraPath: readonly string[];
  /** Of the attached server, when `settings.server.url` is set. */
  password?: string;
  /** What this process is, for people: `VS Code window`, `holdfast command`. */
  label: string;
  log: { info(text: string): void; warn(text: string): void };
  /** Holdfast's own version. */
  version: string;
  /** Absent for opencode as it is. */
  engine?: Engine;
}

/** Opens a workspace. Nothing is started before a run needs it. */
export function openWorkspace(options: OpenWorkspaceOptions): WorkspaceHost {
  const { settings, folder, storage, log, version, label, programs } = options;
  const isDemo = settings.model === DEMO_MODEL;
  const engine = options.engine ?? createOpencodeEngine();
  const env = isDemo ? { ...options.env, OPENCODE_DB: demoDatabase(storage) } : options.env;
  const host = guardianHost(options);
  const demo = isDemo ? new HeldDemoModel({ host, programs, version, env }) : undefined;
  const server =
    settings.server.url === ''
      ? ownedServer({ ...options, env }, engine, host, demo)
      : attachedServer(options, engine);
  return new WorkspaceHost({
    engine,
    server,
    folder,
    storage,
    settings,
    model: isDemo ? DEMO_NAME : settings.model === '' ? undefined : settings.model,
    demo: isDemo,
    clock: systemClock,
    log,
    version,
    processStartedAt: Math.round(Date.now() - process.uptime() * 1000),
    label,
    companions: demo === undefined ? [] : [demo],
    reconcile: () => host.reconcile(),
  });
}

/** The guardians of this storage folder and what they hold. */
export function guardianHost({
  storage,
  programs,
  settings,
  folder,
  label,
  log,
}: Pick<
  OpenWorkspaceOptions,
  'storage' | 'programs' | 'settings' | 'folder' | 'label' | 'log'
>): GuardianHost {
  const { busyGraceMs, idleGraceMs } = settings.engine;
  return new GuardianHost({
    storage: path.join(storage, 'servers'),
    program: path.join(programs, 'guardian.cjs'),
    clock: systemClock,
    graces: () => ({ busyMs: busyGraceMs, idleMs: idleGraceMs }),
    label,
    workspace: folder,
    log,
  });
}

function ownedServer(
  options: OpenWorkspaceOptions,
  engine: Engine,
  host: GuardianHost,
  demo: HeldDemoModel | undefined,
): Server {
  const { settings, folder, storage, env, extraPath, programs } = options;
  const { path: enginePath, startTimeoutMs } = settings.engine;
  return new OwnedServer({
    engine,
    host,
    key: () => serverKey(engine, options, demo !== undefined),
    programs,
    storage,
    clock: systemClock,
    random: Math.random,
    directory: folder,
    env,
    store: createSessionStore({
      env,
      copies: new Copies(path.join(storage, 'backups', hash(engine.dataPath(env))), () => systemClock.now()),
      clock: systemClock,
      knownSessions: () => countSessions(runsFolder(storage, folder), demo !== undefined),
    }),
    choices: () => ({
      extraPath,
      ...(enginePath === '' ? {} : { enginePath }),
      ...(demo === undefined ? {} : { config: () => demo.config() }),
      limits: { restarts: settings.restartBudget, readyTimeoutMs: startTimeoutMs },
    }),
  });
}

/**
 * One server for all windows whose sessions lie in the same place, since two would not know of each other's turns.
 * What would make it another kind of server is its flavour.
 */
function serverKey(engine: Engine, { env, settings }: OpenWorkspaceOptions, isDemo: boolean): ProcessKey {
  const flavour = [settings.engine.path, env['OPENCODE_CONFIG_CONTENT'] ?? '', isDemo ? 'demo' : ''];
  return {
    name: `${engine.kind} ${hash(engine.dataPath(env))}`,
    flavour: hash(JSON.stringify(flavour)),
  };
}

/** The demo's sessions stay out of the user's own, and its server shares nothing with that of a real model. */
function demoDatabase(storage: string): string {
  const folder = path.join(storage, 'demo');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    // Storage that cannot be written can still be looked at; whatever begins in it says why it cannot.
  }
  return path.join(folder, 'opencode.db');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function attachedServer(options: OpenWorkspaceOptions, engine: Engine): Server {
  const { settings, folder, password, env, log } = options;
  const { url, restartCommand: command } = settings.server;
  return new AttachedServer({
    engine,
    clock: systemClock,
    url,
    directory: folder,
    credentials: () => Promise.resolve({ password }),
    ...(command === '' ? {} : { restart: restartCommand({ command, env, clock: systemClock, log }) }),
  });
}
