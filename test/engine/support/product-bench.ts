import { readdirSync, watch } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalRecord, RecordKind, RecordOf } from '../../../src/core/journal/record.ts';
import { parseSettings, type Settings } from '../../../src/core/settings.ts';
import { openWorkspace } from '../../../src/engines/open-workspace.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import type { Run } from '../../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../../src/node/workspace-host.ts';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { type FakeModel, startFakeModel } from '../../fakes/model/server.ts';
import { ROOT } from '../../rig/paths.mjs';
import { engineBinary, isolatedEnv } from './engine-process.ts';

/** Settings of one window. Its limits may be shorter than the settings take: a test need not wait. */
type Choices = Partial<Pick<Settings, 'stallTimeoutMs' | 'toolStallTimeoutMs' | 'model'>>;

/** The whole product below its shells, on the real engine and a scripted model. */
export interface ProductBench {
  model: FakeModel;
  /** The workspace folder. */
  folder: string;
  /** What its servers are started with. */
  env: Readonly<Record<string, string>>;
  /** A window on it; each has the same storage. */
  open(choices?: Choices): WorkspaceHost;
  /** A window that uses a server which runs already, and has a storage of its own. */
  attach(server: { baseUrl: string; password: string }, choices?: Choices): WorkspaceHost;
  /** Closes a window for good. */
  close(host: WorkspaceHost): Promise<void>;
  /** Lets a window go, as a reload does. */
  leave(host: WorkspaceHost): Promise<void>;
  /** Kills the server that a window uses, with SIGKILL unless told otherwise. */
  killServer(host: WorkspaceHost, signal?: NodeJS.Signals): void;
  /** Resolves when nobody holds a server any more. */
  holdersGone(): Promise<void>;
  stop(): Promise<void>;
}

export async function startProduct(
  settings: Record<string, unknown> = {},
  config: Record<string, unknown> | ((modelUrl: string) => Record<string, unknown>) = {},
): Promise<ProductBench> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-product-')));
  const model = await startFakeModel();
  const folder = join(root, 'workspace');
  await mkdir(folder);
  const own: Record<string, unknown> = {
    'engine.path': engineBinary(),
    'engine.busyGrace': 30,
    'engine.idleGrace': 1,
    ...settings,
  };
  const options = {
    settings: parseSettings((key) => own[key]).settings,
    folder,
    storage: join(root, 'storage'),
    programs: join(ROOT, 'dist'),
    env: {
      ...(await isolatedEnv(root)),
      OPENCODE_CONFIG_CONTENT: JSON.stringify(
        scriptedModelConfig(model.baseUrl, typeof config === 'function' ? config(model.baseUrl) : config),
      ),
    },
    extraPath: [],
    label: 'test',
    version: '0.0.0',
    log: { info: () => undefined, warn: () => undefined },
  };
  const hosts = new Set<WorkspaceHost>();
  return {
    model,
    folder,
    env: options.env,
    open(choices = {}) {
      const host = openWorkspace({ ...options, settings: { ...options.settings, ...choices } });
      hosts.add(host);
      return host;
    },
    attach({ baseUrl, password }, choices = {}) {
      const server = { url: baseUrl, restartCommand: '' };
      const settings = { ...options.settings, ...choices, server };
      const host = openWorkspace({ ...options, settings, password, storage: join(root, 'attached') });
      hosts.add(host);
      return host;
    },
    async close(host) {
      hosts.delete(host);
      await host.close();
    },
    async leave(host) {
      hosts.delete(host);
      await host.leave();
    },
    killServer(host, signal = 'SIGKILL') {
      const { pid } = host.server.state;
      if (pid === undefined) throw new Error('there is no server');
      process.kill(pid, signal);
    },
    holdersGone() {
      const folder = join(options.storage, 'servers', 'registry');
      return new Promise((resolve) => {
        const watcher = watch(folder, () => look());
        const look = (): void => {
          if (readdirSync(folder).length > 0) return;
          watcher.close();
          resolve();
        };
        look();
      });
    },
    async stop() {
      await Promise.all([...hosts].map((host) => host.close()));
      await model.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Resolves with the first record of a run that fits, told already or still to come. */
export function recordOf<K extends RecordKind>(
  run: Run,
  kind: K,
  fits: (record: RecordOf<K>) => boolean = () => true,
): Promise<RecordOf<K>> {
  return new Promise((resolve) => {
    const take = (record: JournalRecord): boolean => {
      if (record.kind !== kind || !fits(record as RecordOf<K>)) return false;
      stop();
      resolve(record as RecordOf<K>);
      return true;
    };
    const stop = run.listen({ onRecord: take });
    for (const record of readJournal(run.folder).records) if (take(record)) return;
  });
}

/** All records of one kind, as they stand on disk. */
export function recordsOf<K extends RecordKind>(run: Run, kind: K): RecordOf<K>[] {
  return readJournal(run.folder).records.filter((record): record is RecordOf<K> => record.kind === kind);
}
