/** An attached server that cannot be reached for a while, with a turn running: it is taken up again, whole. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseSettings } from '../../src/core/settings.ts';
import { openWorkspace } from '../../src/engines/open-workspace.ts';
import { startEngine } from '../engine/support/engine-process.ts';
import { startLossyProxy } from '../engine/support/lossy-proxy.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel } from '../fakes/model/server.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import type { Played } from './play.ts';

/** Never rejects: what went wrong is a broken promise. */
export async function playAbsence(ms: number): Promise<Played> {
  const played: Played = {
    point: {
      kind: `attached, away ${ms / 1000} s`,
      blow: { type: 'freeze', ms },
      after: 1,
      mustEndWell: true,
    },
    outcome: 'not begun',
    orphans: 0,
    leftToNext: 0,
    strangersKilled: 0,
    stillRunning: 0,
    duplicates: 0,
    secondsToGone: 0,
    broken: [],
  };
  const ends: (() => Promise<unknown>)[] = [];
  try {
    await act(ms, played, ends);
  } catch (error) {
    played.broken.push(String(error));
  }
  for (const end of ends.toReversed()) await end();
  return played;
}

async function act(ms: number, played: Played, ends: (() => Promise<unknown>)[]): Promise<void> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-absence-')));
  ends.push(() => rm(root, { recursive: true, force: true }));
  const model = await startFakeModel({
    Go: says(text('One, '), hold('away'), text('two, '), hold('back'), text('three.')),
  });
  ends.push(() => model.stop());
  const engine = await startEngine({ config: scriptedModelConfig(model.baseUrl) });
  ends.push(() => engine.stop());
  const proxy = await startLossyProxy(engine.baseUrl);
  ends.push(() => proxy.stop());
  const host = openWorkspace({
    settings: parseSettings((key) => (key === 'server.url' ? proxy.baseUrl : undefined)).settings,
    folder: engine.directory,
    storage: join(root, 'storage'),
    programs: resolve('dist'),
    env: process.env,
    extraPath: [],
    password: engine.password,
    label: 'chaos',
    log: { info: () => {}, warn: () => {} },
    version: '0.0.0',
  });
  ends.push(() => host.close());
  const run = await host.startSession();
  const begun = new Promise<void>((done) => {
    run.listen({ onRecord: (record) => record.kind === 'event' && record.event.type === 'delta' && done() });
  });
  await host.prompt(run, 'Go');
  await begun;
  proxy.cut();
  model.release('away');
  model.release('back');
  await delay(ms);
  if (!run.active) played.broken.push('the turn was given up');
  proxy.restore();
  await run.ended();
  played.outcome = run.state.ended?.outcome ?? 'none';
  const said = run.snapshot().rows.flatMap((row) => (row.kind === 'text' ? [row.text] : []));
  if (played.outcome !== 'ok') played.broken.push(`ended ${played.outcome}`);
  if (said.join('|') !== 'One, two, three.') played.broken.push(`the text is: ${said.join('|')}`);
  if (model.requests.length !== 1) played.broken.push(`the model was asked ${model.requests.length} times`);
}
