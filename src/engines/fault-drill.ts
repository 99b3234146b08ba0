/** The fault drill on the user's own engine. Both shells begin here. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DrillReport } from '../core/drill/report.ts';
import type { FaultName } from '../core/drill/faults.ts';
import type { Engine } from '../core/engine.ts';
import type { Settings } from '../core/settings.ts';
import { DEMO_NAME } from '../node/demo-model/server.ts';
import { startDrillModel } from '../node/drill/drill-model.ts';
import { type DrillSteps, playAll } from '../node/drill/drill.ts';
import type { LossyProxy } from '../node/drill/lossy-proxy.ts';
import { makeSandbox, type Sandbox } from '../node/drill/sandbox.ts';
import { openWorkspace, type OpenWorkspaceOptions } from './open-workspace.ts';
import { apartEnv } from './opencode/apart.ts';
import { createOpencodeEngine } from './opencode/engine.ts';

/** In the environment of all that the engine of a drill starts, to tell what is left of it. */
const MARK_NAME = 'HOLDFAST_DRILL';

export interface FaultDrillOptions extends Pick<
  OpenWorkspaceOptions,
  'programs' | 'env' | 'extraPath' | 'label' | 'version' | 'log'
> {
  faults: readonly FaultName[];
  engine: Pick<Settings['engine'], 'path' | 'startTimeoutMs'>;
  /** Where Holdfast may have installed an engine of its own; nothing else of it is looked at. */
  storage: string;
  signal: AbortSignal;
  steps: DrillSteps & {
    /** The engine was found, and the folder of the drill is there. */
    onBegin(engine: DrillReport['engine'], folder: string): void;
  };
}

/**
 * Injects faults into sessions of its own: their folders, storage, servers and model are made for it and gone
 * afterwards. Nothing of the user is used but the engine's binary.
 *
 * @throws EngineMissingError, DrillError, StartError, CancelledError; whatever was begun is gone then, and what could
 * not be removed is named in the log.
 */
export async function faultDrill(options: FaultDrillOptions): Promise<DrillReport> {
  const begunAt = Date.now();
  const { path, startTimeoutMs } = options.engine;
  const { storage, env, log } = options;
  const binary = await createOpencodeEngine().locate({ path, storage, env });
  const engine = { version: binary.version, path: binary.path };
  const sandbox = makeSandbox();
  let played;
  let remains: string | undefined;
  try {
    options.steps.onBegin(engine, sandbox.root);
    played = await playIn(sandbox, { ...engine, startTimeoutMs }, options);
  } finally {
    remains = sandbox.remove();
    if (remains !== undefined) log.warn(`Of the fault drill this could not be removed: ${remains}.`);
  }
  return { ...played, engine, ...(remains !== undefined && { remains }), tookMs: Date.now() - begunAt };
}

async function playIn(
  sandbox: Sandbox,
  engine: DrillReport['engine'] & { startTimeoutMs: number },
  { faults, programs, env, extraPath, label, version, log, signal, steps }: FaultDrillOptions,
): ReturnType<typeof playAll> {
  const opencode = createOpencodeEngine();
  const mark = { name: MARK_NAME, value: randomUUID() };
  const apart = await apartEnv(join(sandbox.root, 'engine'), env, engine.version);
  const model = await startDrillModel();
  const config = { ...model.config, permission: { '*': 'allow' } };
  const engineEnv = {
    ...apart,
    [mark.name]: mark.value,
    OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
  };
  try {
    return await playAll(
      faults,
      {
        sandbox,
        model,
        modelName: DEMO_NAME,
        engine,
        mark,
        platform: process.platform,
        signal,
        warn: (text) => log.warn(text),
        open: ({ proxy, ...window }) =>
          openWorkspace({
            ...window,
            programs,
            env: engineEnv,
            extraPath,
            label,
            version,
            log: { info: () => undefined, warn: () => undefined },
            engine: proxy === undefined ? opencode : throughProxy(opencode, proxy),
          }),
      },
      steps,
    );
  } finally {
    await model.close();
  }
}

/** The same engine, whose clients reach their server through the proxy alone. */
function throughProxy(engine: Engine, proxy: LossyProxy): Engine {
  return {
    ...engine,
    connect(to) {
      proxy.aim(to.baseUrl);
      return engine.connect({ ...to, baseUrl: proxy.baseUrl });
    },
  };
}
