import { randomUUID } from 'node:crypto';
import type { EngineClient, EngineEvent } from '../../../src/core/engine.ts';
import { createOpencodeEngine } from '../../../src/engines/opencode/engine.ts';
import { systemClock } from '../../../src/node/clock.ts';
import { endLeftovers, findLeftovers } from '../../../src/node/process/leftovers.ts';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../../fakes/model/server.ts';
import { prepareOwned, startOwned, type OwnedEngine } from './owned-engine.ts';

/** One life of the server: its client and what was heard on its stream. */
export interface Life {
  client: EngineClient;
  events: readonly EngineEvent[];
  /** Resolves with the first event that fits, told already or still to come. */
  until(fits: (event: EngineEvent) => boolean): Promise<EngineEvent>;
  /** Kills the server, and nothing but the server. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** The real engine on a scripted model, to be killed and started again on the same data. */
export interface CutBench {
  model: FakeModel;
  engine: OwnedEngine;
  /** The next life, on what the ones before left behind. */
  live(): Promise<Life>;
  /** Ends what tools of dead servers left running, and says what that was. */
  endLeftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startCutBench(config: Readonly<Record<string, unknown>>): Promise<CutBench> {
  const mark = { name: 'HOLDFAST_SERVER', value: randomUUID() };
  const model = await startFakeModel();
  const engine = await prepareOwned({
    config: scriptedModelConfig(model.baseUrl, config),
    env: { [mark.name]: mark.value },
  });
  const lives = new Set<Life>();
  const clear = async (): Promise<string[]> => {
    const found = await findLeftovers(mark);
    await endLeftovers(found, mark, systemClock);
    return found.map((one) => one.command);
  };

  return {
    model,
    engine,
    async live() {
      const life = await begin(engine);
      lives.add(life);
      return life;
    },
    endLeftovers: clear,
    async stop() {
      for (const life of lives) await life.kill();
      await clear();
      await model.stop();
      await engine.remove();
    },
  };
}

async function begin(engine: OwnedEngine): Promise<Life> {
  const server = await startOwned(engine);
  const { password, directory } = engine;
  const client = createOpencodeEngine().connect({ baseUrl: server.baseUrl, password, directory });
  const events: EngineEvent[] = [];
  const waiters = new Set<() => void>();
  await client.ready(60_000);
  await new Promise<void>((resolve, reject) => {
    client.stream({
      onOpen: resolve,
      onBytes: () => undefined,
      onEvents(told) {
        events.push(...told);
        for (const look of [...waiters]) look();
      },
      onOdd: ({ kind, problem }) => reject(new Error(`${problem} event: ${kind}`)),
      onEnd: (reason) => reject(new Error(reason)),
    });
  });
  return {
    client,
    events,
    until: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.find(fits);
          if (found === undefined) return;
          waiters.delete(look);
          resolve(found);
        };
        waiters.add(look);
        look();
      }),
    async kill() {
      await server.end();
      await client.close();
    },
  };
}
