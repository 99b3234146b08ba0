/**
 * From the kill of a server to the moment that its successor has taken the prompt of the next attempt, against what a
 * user's script would need for a start and a prompt in the same place. The first restart has no backoff.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import { engineBinary } from '../engine/support/engine-process.ts';
import { type ProductBench, recordOf, startProduct } from '../engine/support/product-bench.ts';

const PASSWORD = 'only for this bench';

export interface RecoveryTimes {
  bareMs: number;
  recoveredMs: number;
}

/** Both ways, in turn, on the same data. */
export async function timeRecoveries(rounds: number): Promise<RecoveryTimes[]> {
  const bench = await startProduct();
  try {
    const times: RecoveryTimes[] = [];
    for (let round = 0; round < rounds; round++) {
      const { recoveredMs, sessionId } = await recovered(bench, `round ${round}`);
      times.push({ recoveredMs, bareMs: await bare(bench, sessionId) });
    }
    return times;
  } finally {
    await bench.stop();
  }
}

async function recovered(
  bench: ProductBench,
  prompt: string,
): Promise<{ recoveredMs: number; sessionId: string }> {
  const host = bench.open();
  bench.model.script(() => says(hold(prompt), text('Done.')));
  const run = await host.startSession();
  await host.prompt(run, prompt);
  await bench.model.reached(prompt);
  bench.killServer(host);
  const killedAt = Date.now();
  await recordOf(run, 'attempt-started', ({ attempt }) => attempt === 2);
  const { at } = await recordOf(run, 'prompt-send-completed', (record) => record.at >= killedAt);
  bench.model.release(prompt);
  await run.ended();
  await bench.close(host);
  return { recoveredMs: at - killedAt, sessionId: run.state.sessionId ?? '' };
}

/** Spawn, wait for the line, send. */
async function bare(bench: ProductBench, sessionId: string): Promise<number> {
  const engine = createOpencodeEngine();
  const start = performance.now();
  const child = spawn(engineBinary(), ['serve', '--port', '0', '--hostname', '127.0.0.1'], {
    env: { ...bench.env, OPENCODE_SERVER_PASSWORD: PASSWORD },
    cwd: bench.folder,
  });
  const client = engine.connect({
    baseUrl: await addressOf(child),
    password: PASSWORD,
    directory: bench.folder,
  });
  await client.send(sessionId, { ...engine.newPromptIds(), text: 'Go on' });
  const took = performance.now() - start;
  await client.close();
  child.kill('SIGKILL');
  await once(child, 'exit');
  return took;
}

function addressOf({ stdout }: ChildProcess): Promise<string> {
  let out = '';
  return new Promise((resolve) => {
    stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const found = /listening on (http:\/\/\S+)/.exec(out)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}
