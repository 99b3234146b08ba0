import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/node/clock.ts';
import { endLeftovers, findLeftovers } from '../../src/node/process/leftovers.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { says, text, tool } from '../fakes/model/steps.ts';
import { readyUrl } from './support/engine-process.ts';
import { ask, prepareOwned, startOwned, toolOutput } from './support/owned-engine.ts';
import type { OwnedEngine } from './support/owned-engine.ts';

/** The variable that a guardian gives its server. */
const NAME = 'HOLDFAST_SERVER';
const bash = (command: string) => tool('bash', { command, description: 'x', timeout: 50_000 });

/** Between looks at processes that are not our children, ms, and how many looks there are at most. */
const LOOK_MS = 100;
const LOOKS = 200;

/** Starts the server with our pipe as its output, says nothing, and waits to be killed. */
const HOLDER = `
  const { command, args, env, cwd } = JSON.parse(process.env.SPEC);
  require('node:child_process').spawn(command, args, { cwd, env, detached: true, stdio: 'inherit' });
  setInterval(() => {}, 1000);`;

describe('what a server leaves behind', function () {
  this.timeout(60_000);
  const mark = { name: NAME, value: '' };
  let model: FakeModel;
  let engine: OwnedEngine;

  beforeEach(async () => {
    mark.value = randomUUID();
    model = await startFakeModel();
    const config = scriptedModelConfig(model.baseUrl, { permission: { bash: 'allow' } });
    engine = await prepareOwned({ config, env: { [NAME]: mark.value } });
  });
  afterEach(async () => {
    await endLeftovers(await findLeftovers(mark), mark, systemClock);
    await model.stop();
    await engine.remove();
  });

  it('S-10: a command in the background is found with its age and ended, a stranger like it is not', async () => {
    const before = Date.now();
    const stranger = spawn('sleep', ['300']);
    const server = await startOwned(engine);
    try {
      const command = `nohup sleep 300 0 >/dev/null 2>&1 & nohup sleep 301 >/dev/null 2>&1 & echo $!`;
      model.script({ go: [says(bash(command)), says(text('done'))] });
      await toolOutput(engine, server.baseUrl, 'go');
      await server.end();

      const found = await findLeftovers(mark);
      assert.deepEqual(found.map((one) => one.command).sort(), ['sleep 300 0', 'sleep 301']);
      for (const { startedAt } of found) {
        // The system tells starts by a clock of its own, to the second.
        assert.ok(startedAt > before - 2_000 && startedAt < Date.now() + 2_000, String(startedAt - before));
      }
      await endLeftovers(found, mark, systemClock);
      assert.deepEqual(await findLeftovers(mark), []);
      assert.deepEqual([stranger.exitCode, stranger.signalCode], [null, null]);
    } finally {
      await server.end();
      const gone = once(stranger, 'exit');
      stranger.kill('SIGKILL');
      await gone;
    }
  });

  it('S-10: a server whose holder was killed ends itself, and a command that runs in it', async () => {
    const { command, args, env } = engine.spec;
    const holder = spawn(process.execPath, ['-e', HOLDER], {
      env: { ...process.env, SPEC: JSON.stringify({ command, args, env, cwd: engine.root }) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const baseUrl = await readyUrl(holder, engine.spec.readyLine);
    model.script({ go: says(bash('sleep 302')) });
    const { id } = await ask<{ id: string }>(engine, baseUrl, engine.directory, '/session', {});
    const parts = [{ type: 'text', text: 'go' }];
    const turn = ask(engine, baseUrl, engine.directory, `/session/${id}/message`, { parts }).catch(
      () => undefined,
    );
    await until((running) => running.includes('sleep 302'));

    const gone = once(holder, 'exit');
    holder.kill('SIGKILL');
    await gone;
    await until((running) => running.length === 0);
    await turn;
  });

  /** Waits for what runs with the mark, by looking: nobody tells of processes that are not ours. */
  async function until(fits: (commands: readonly string[]) => boolean): Promise<void> {
    let commands: string[] = [];
    for (let look = 0; look < LOOKS; look += 1) {
      commands = (await findLeftovers(mark)).map((one) => one.command);
      if (fits(commands)) return;
      await delay(LOOK_MS);
    }
    assert.fail(`Still running: ${commands.join(', ')}`);
  }
});
