import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerStateName } from '../../src/core/journal/record.ts';
import { PROBE_TIMEOUT_MS, SILENCE_MS } from '../../src/core/server/liveness.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { openWorkspace } from '../../src/engines/open-workspace.ts';
import type { WorkspaceHost } from '../../src/node/workspace-host.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { type FakeModel, startFakeModel } from '../fakes/model/server.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import { ROOT } from '../rig/paths.mjs';
import { engineBinary, isolatedEnv } from './support/engine-process.ts';

describe('a server that freezes', function () {
  this.timeout(120_000);
  let root: string;
  let model: FakeModel;
  let host: WorkspaceHost;
  let warnings: string[];

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-freeze-')));
    model = await startFakeModel({ Go: says(text('It begins, '), hold('rest'), text('and ends.')) });
    const folder = join(root, 'workspace');
    await mkdir(folder);
    warnings = [];
    const config = scriptedModelConfig(model.baseUrl);
    host = openWorkspace({
      settings: parseSettings((key) => (key === 'engine.path' ? engineBinary() : undefined)).settings,
      folder,
      storage: join(root, 'storage'),
      programs: join(ROOT, 'dist'),
      env: { ...(await isolatedEnv(root)), OPENCODE_CONFIG_CONTENT: JSON.stringify(config) },
      extraPath: [],
      label: 'test',
      version: '0.0.0',
      log: { info: () => undefined, warn: (line) => warnings.push(line) },
    });
  });
  afterEach(async () => {
    await host.close();
    await model.stop();
    await rm(root, { recursive: true, force: true });
  });

  it('S-12, S-07: at work, past silence and a failed probe is left alone, and its turn ends ok when it thaws', async () => {
    const { pid, client } = await host.server.ensure();
    assert.ok(pid !== undefined);
    const run = await host.startSession();
    const begun = new Promise<void>((resolve) => {
      run.listen({
        onRecord: (record) => {
          if (record.kind === 'event' && record.event.type === 'delta') resolve();
        },
      });
    });
    await host.prompt(run, 'Go');
    await begun;
    const states: ServerStateName[] = [];
    host.server.onState(({ state }) => states.push(state));
    const downs: unknown[] = [];
    host.server.onDown((down) => downs.push(down));

    process.kill(pid, 'SIGSTOP');
    try {
      // The rules of `liveness.ts` in real time: a silence, and the first probe after it that nobody answers.
      assert.equal(await answered(client.health(SILENCE_MS + PROBE_TIMEOUT_MS + 1_000)), false);
      assert.equal(run.active, true, 'the turn is still under way');
      assert.equal(host.server.state.state, 'ready', 'a server at work has its grace');
      const { turn } = run.state;
      assert.equal(turn?.phase, 'running');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    model.release('rest');
    await run.ended();

    assert.equal(run.state.ended?.outcome, 'ok');
    const { rows } = run.snapshot();
    assert.deepEqual(
      rows.flatMap((row) => (row.kind === 'text' ? [row.text] : [])),
      ['It begins, and ends.'],
    );
    assert.deepEqual(states, [], 'nothing was told of it, since nothing came of it');
    assert.deepEqual(downs, []);
    assert.equal(host.server.state.pid, pid);
    assert.equal(host.server.state.generation, 1);
    assert.equal(host.server.state.budget?.used, 0);
    assert.equal(model.requests.length, 1, 'nothing was sent twice');
    assert.deepEqual(warnings, []);
  });

  it('S-12: at rest is ended, and the next prompt goes to another one', async () => {
    const { pid } = await host.server.ensure();
    assert.ok(pid !== undefined);
    const ended = new Promise<void>((resolve) => {
      host.server.onState(({ state }) => {
        if (state === 'stopped') resolve();
      });
    });
    process.kill(pid, 'SIGSTOP');
    // In real time: a silence, two probes that nobody answers, and the patience with a process that is told to end.
    await ended;
    assert.equal(host.server.state.reason, 'The server did not answer any more and was ended.');
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });

    model.script({ Go: says(text('Here I am.')) });
    const run = await host.startSession();
    await host.prompt(run, 'Go');
    await run.ended();
    assert.equal(run.state.ended?.outcome, 'ok');
    assert.equal(host.server.state.generation, 2);
    assert.equal(model.requests.length, 1);
  });
});

function answered(probe: Promise<boolean>): Promise<boolean> {
  return probe.catch(() => false);
}
