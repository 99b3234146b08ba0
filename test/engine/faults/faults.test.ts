import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { WorkspaceHost } from '../../../src/node/workspace-host.ts';
import { layOut } from '../../chaos/lay-out.ts';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { type LossyProxy, startLossyProxy } from '../support/lossy-proxy.ts';
import { type ProductBench, recordOf, startProduct } from '../support/product-bench.ts';
import { type Address, newAddress } from './address.ts';
import { crashes, crashOnAccept } from './crash.ts';
import { lasting, passing, refused, silent, timedOut } from './model.ts';
import { type OtherServer, startOther } from './other-server.ts';
import { type Expected, type Fault, type Play, Stage } from './play.ts';
import { late, shared } from './sharing.ts';
import { cutByOther, otherClients, stops } from './stop.ts';

/** What the engine of `hasty/scripted` waits for its model, ms. */
const HASTY_MS = 2500;
/** More than a scripted model needs between two words, on a busy machine too. */
const STALL_MS = 7500;

/**
 * Every fault that the engine was seen to meet, in the whole product below its shells: how the turn ends, what is shown,
 * and how often the model is asked. The faults of one group are played at the same time, each in a session of its own.
 * A server that freezes and thaws has its test in `freeze.test.ts`.
 */
describe('faults', function () {
  this.timeout(60_000);
  let bench: ProductBench;
  let other: OtherServer;
  let absent: Address;
  let proxy: LossyProxy;
  let stage: Stage;
  let host: WorkspaceHost;
  const told: string[][] = [];

  before(async () => {
    absent = await newAddress();
    bench = await startProduct({ restartBudget: 20 }, (url) => ({
      permission: { bash: { '*': 'allow', 'touch *': 'ask' } },
      enabled_providers: ['scripted', 'hasty', 'absent'],
      provider: {
        ...(scriptedModelConfig(url)['provider'] as object),
        hasty: provider({ baseURL: url, headerTimeout: HASTY_MS, chunkTimeout: HASTY_MS }),
        absent: provider({ baseURL: absent.url }),
      },
    }));
    other = await startOther(bench);
    proxy = await startLossyProxy(other.baseUrl);
    stage = new Stage(bench, other);
    host = bench.open();
  });
  after(async () => {
    await bench.stop();
    await proxy.stop();
    await other.stop();
    await absent.close();
    if (told.length > 0) console.log(layOut([HEADING, ...told]));
  });

  /** Plays these faults at the same time, and has a test for each. */
  function all(name: string, rows: readonly Fault[], play: () => Promise<ReadonlyMap<Fault, Play>>): void {
    describe(name, () => {
      let plays: ReadonlyMap<Fault, Play>;
      before(async () => (plays = await play()));
      for (const row of rows) {
        it(`${row.ids === undefined ? '' : `${row.ids}: `}${row.fault}`, async () => {
          const played = plays.get(row)!;
          await played.run.ended();
          const seen = played.seen();
          told.push(line(name, row, seen));
          const expected = { asked: [], retries: 0, ...row.expected };
          const other = { ...expected, ...row.or };
          assert.deepEqual(seen, isDeepStrictEqual(seen, other) ? other : expected);
          await row.also?.(played);
        });
      }
    });
  }

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const rows = crashes(signal);
    const last = crashOnAccept(signal);
    all(`the server dies of ${signal}`, [last, ...rows], async () => {
      const plays = await stage.begin(rows, host);
      const strike = { ...last, until: (play: Play) => recordOf(play.run, 'prompt-send-completed') };
      for (const play of (await stage.begin([strike], host)).values()) plays.set(last, play);
      bench.killServer(host, signal);
      return plays;
    });
  }

  all('the turn is stopped', stops, () => stage.begin(stops, host));

  for (const what of ['global', 'instance']) {
    const rows = cutByOther(`${what} dispose`);
    all('another client ends all work', rows, async () => {
      const plays = await stage.begin(rows, bench.attach(other));
      await other.request('POST', `/${what}/dispose`);
      return plays;
    });
  }
  all('another client of the server', otherClients, () => stage.begin(otherClients, bench.attach(other)));
  all('others at the same time', shared, () => stage.begin(shared, host));

  const lateRows = late(() => proxy);
  all('a request that comes late', lateRows, () => {
    proxy.postpone((path) => path.includes('/prompt_async'));
    return stage.begin(lateRows, bench.attach({ ...other, baseUrl: proxy.baseUrl }));
  });

  all('a model that fails and is asked again', passing, () => stage.begin(passing, host));
  all('a model that fails', lasting, () => stage.begin(lasting, host));
  all('a model that falls silent', silent, () =>
    stage.begin(silent, bench.open({ stallTimeoutMs: STALL_MS })),
  );
  all('a model that the engine does not wait for', timedOut, () =>
    stage.begin(timedOut, bench.open({ model: 'hasty/scripted' })),
  );
  all('a model that is away', refused, async () => {
    const plays = await stage.begin(refused, bench.open({ model: 'absent/scripted' }));
    await absent.leadTo(bench.model.baseUrl);
    return plays;
  });
});

function provider(options: Record<string, unknown>): Record<string, unknown> {
  return {
    npm: '@ai-sdk/openai-compatible',
    name: 'Scripted',
    options: { apiKey: 'none', ...options },
    models: { scripted: { name: 'Scripted', tool_call: true, limit: { context: 200_000, output: 8_000 } } },
  };
}

const HEADING = [
  'where',
  'fault',
  'outcome',
  'decisions',
  'cards',
  'model asked',
  'attempts',
  'engine’s tries',
];

function line(where: string, { fault }: Fault, seen: Expected): string[] {
  const { outcome, decisions, cards, requests, attempts, retries } = seen;
  const numbers = [requests, attempts, retries].map(String);
  return [where, fault, outcome, decisions.join(', '), cards.join(', '), ...numbers];
}
