/** Puts the parts together for one workspace folder: engine, server, model. Both shells begin here. */
import * as path from 'node:path';
import type { Engine } from '../core/engine.ts';
import { DEMO_MODEL, type Settings } from '../core/settings.ts';
import { systemClock } from '../node/clock.ts';
import { type DemoModel, startDemoModel } from '../node/demo-model/server.ts';
import { DirectHost } from '../node/process/direct-host.ts';
import { AttachedServer } from '../node/server/attached-server.ts';
import { OwnedServer } from '../node/server/owned-server.ts';
import type { Server } from '../node/server/server.ts';
import { WorkspaceHost } from '../node/workspace-host.ts';
import { createOpencodeEngine } from './opencode/engine.ts';

export interface OpenWorkspaceOptions {
  settings: Settings;
  /** Absolute path of the workspace folder. */
  folder: string;
  /** Holdfast's own storage folder. */
  storage: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Folders for the end of the engine's PATH, e.g. where the editor keeps ripgrep. */
  extraPath: readonly string[];
  /** Of the attached server, when `settings.server.url` is set. */
  password?: string;
  log: { info(text: string): void; warn(text: string): void };
  /** Holdfast's own version. */
  version: string;
}

/** Opens a workspace. No server is started before a run needs one; a demo model listens on loopback at once. */
export async function openWorkspace(options: OpenWorkspaceOptions): Promise<WorkspaceHost> {
  const { settings, folder, storage, log, version } = options;
  const demo = settings.model === DEMO_MODEL ? await startDemoModel() : undefined;
  const engine = createOpencodeEngine();
  return new WorkspaceHost({
    engine,
    server: settings.server.url === '' ? ownedServer(options, engine, demo) : attachedServer(options, engine),
    folder,
    storage,
    settings,
    model: demo?.model ?? (settings.model === '' ? undefined : settings.model),
    demo: demo !== undefined,
    clock: systemClock,
    log,
    version,
    processStartedAt: Math.round(Date.now() - process.uptime() * 1000),
    alsoClose: demo === undefined ? [] : [demo],
  });
}

function ownedServer(options: OpenWorkspaceOptions, engine: Engine, demo: DemoModel | undefined): Server {
  const { settings, folder, storage, env, extraPath } = options;
  const { path: enginePath, startTimeoutMs } = settings.engine;
  return new OwnedServer({
    engine,
    host: new DirectHost(path.join(storage, 'servers'), systemClock),
    clock: systemClock,
    random: Math.random,
    directory: folder,
    env,
    choices: () => ({
      extraPath,
      ...(enginePath === '' ? {} : { enginePath }),
      ...(demo === undefined ? {} : { config: demo.config }),
      limits: { restarts: settings.restartBudget, readyTimeoutMs: startTimeoutMs },
    }),
  });
}

function attachedServer(options: OpenWorkspaceOptions, engine: Engine): Server {
  return new AttachedServer({
    engine,
    clock: systemClock,
    url: options.settings.server.url,
    directory: options.folder,
    credentials: () => Promise.resolve({ password: options.password }),
  });
}
