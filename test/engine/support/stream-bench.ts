import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/core/clock.ts';
import type { EngineEvent } from '../../../src/core/engine.ts';
import { parseSettings, type Settings } from '../../../src/core/settings.ts';
import { createOpencodeEngine } from '../../../src/engines/opencode/engine.ts';
import { systemClock } from '../../../src/node/clock.ts';
import type { Run } from '../../../src/node/run/run.ts';
import { AttachedServer } from '../../../src/node/server/attached-server.ts';
import { WorkspaceHost } from '../../../src/node/workspace-host.ts';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { type FakeModel, startFakeModel } from '../../fakes/model/server.ts';
import { says, text } from '../../fakes/model/steps.ts';
import { startEngine } from './engine-process.ts';
import { assertSameAsEngine, type OpenPanel, openPanel } from './same-as-engine.ts';
import { startStreamProxy, type StreamProxy } from './stream-proxy.ts';

/** The real engine and a scripted model, for windows that reach it over a network that is not well. */
export interface StreamBench {
  model: FakeModel;
  window(limits?: Partial<Settings>): Promise<StreamWindow>;
  /** Resolves with the first event that fits and that the engine tells from now on, to whoever hears it. */
  told(fits: (event: EngineEvent) => boolean): Promise<void>;
  /**
   * Has the engine tell every stream something that means nothing, once or more, until it was heard: opencode 1.18.33
   * says that a stream is open a moment before it tells it anything (100 ms on a busy machine).
   */
  untilHeard(isHeard: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface StreamWindow {
  proxy: StreamProxy;
  run: Run;
  /** The machine sleeps: the wall clock has gone on, and no timer noticed. */
  sleep(ms: number): void;
  prompt(text: string): Promise<void>;
  /** Calls of the model for this window. */
  requests(): number;
  assertSame(): Promise<void>;
  close(): Promise<void>;
}

export async function startStreamBench(): Promise<StreamBench> {
  const model = await startFakeModel({ Hello: says(text('Hello.')) });
  const engine = await startEngine({
    config: scriptedModelConfig(model.baseUrl, { permission: { bash: 'allow' } }),
  });
  const { baseUrl, password, directory } = engine;
  const opencode = createOpencodeEngine();
  const direct = opencode.connect({ baseUrl, password, directory });
  await direct.ready(60_000);
  const waiters = new Set<(event: EngineEvent) => void>();
  await new Promise<void>((onOpen, reject) => {
    direct.stream({
      onOpen,
      onBytes: () => undefined,
      onEvents: (events) => events.forEach((event) => [...waiters].forEach((look) => look(event))),
      onOdd: () => undefined,
      onEnd: (reason) => reject(new Error(reason)),
    });
  });
  const told = (fits: (event: EngineEvent) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (event: EngineEvent): void => {
        if (!fits(event)) return;
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
    });
  // An engine that has just been started takes seconds for its first turn, which is no silence to test with.
  const { id } = await direct.createSession({ title: 'Warm up' });
  const isOver = told((event) => event.type === 'status' && event.status.type === 'idle');
  await direct.send(id, { ...opencode.newPromptIds(), text: 'Hello' });
  await isOver;

  const messages = async (sessionId: string): Promise<unknown> => {
    const authorization = `Basic ${Buffer.from(`opencode:${password}`).toString('base64')}`;
    const response = await fetch(`${baseUrl}/session/${sessionId}/message`, {
      headers: { authorization, 'x-opencode-directory': encodeURIComponent(directory) },
    });
    return response.json();
  };

  return {
    model,
    told,
    async untilHeard(isHeard) {
      while (!isHeard()) {
        const heard = told(({ type }) => type === 'session');
        await direct.createSession({ title: 'Nothing' });
        await heard;
      }
    },
    async window(limits = {}) {
      const storage = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-stream-')));
      const proxy = await startStreamProxy(baseUrl);
      const { clock, sleep } = sleepyClock();
      const host = new WorkspaceHost({
        engine: opencode,
        server: new AttachedServer({
          engine: opencode,
          clock,
          url: proxy.baseUrl,
          directory,
          credentials: () => Promise.resolve({ password }),
        }),
        folder: directory,
        storage,
        settings: { ...parseSettings(() => undefined).settings, ...limits },
        model: undefined,
        demo: false,
        clock,
        log: { info: () => undefined, warn: () => undefined },
        version: '0.0.0',
        processStartedAt: 1,
        label: 'test',
        companions: [],
        reconcile: () => Promise.resolve(),
      });
      const run = await host.startSession();
      const panel: OpenPanel = openPanel(run);
      const before = model.requests.length;
      return {
        proxy,
        run,
        sleep,
        prompt: (prompt) => host.prompt(run, prompt),
        requests: () => model.requests.length - before,
        async assertSame() {
          // What waits for the next batch is on its way to the panel.
          run.snapshot();
          await assertSameAsEngine(run, panel, messages);
        },
        async close() {
          await host.close();
          await proxy.stop();
          await rm(storage, { recursive: true, force: true });
        },
      };
    },
    async stop() {
      await direct.close();
      await engine.stop();
      await model.stop();
    },
  };
}

/** The system's clock on a machine that can be said to have slept. */
function sleepyClock(): { clock: Clock; sleep(ms: number): void } {
  let slept = 0;
  return {
    clock: { now: () => systemClock.now() + slept, setTimer: (ms, fn) => systemClock.setTimer(ms, fn) },
    sleep: (ms) => void (slept += ms),
  };
}
