import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { JournalRecord } from '../../src/core/journal/record.ts';
import { readJournal } from '../../src/node/journal/journal-reader.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import { findMarked, waitUntilGone } from '../rig/leftovers.mjs';
import { ENGINE_MS, Shell } from './support/shell.ts';

/** Graces of these tests, s: short enough to wait for. A busy server must outlive the start of an extension host. */
const BUSY_GRACE_S = 20;
const IDLE_GRACE_S = 2;
/** After the grace, until the whole tree is gone: dispose, 5 s of asking, the kill. */
const END_MS = 10_000;

describe('A running turn', function () {
  this.timeout(240_000);
  let model: FakeModel;
  let shell: Shell;

  const scripts = (name: string): Record<string, ReturnType<typeof says>> => ({
    [name]: says(
      text(`${name} begins, `),
      hold(`${name} 1`),
      text('goes on, '),
      hold(`${name} 2`),
      text('ends.'),
    ),
  });
  const whole = (name: string): string => `${name} begins, goes on, ends.`;

  before(async () => {
    model = await startFakeModel({
      ...scripts('Reload'),
      ...scripts('Crash'),
      ...scripts('Second'),
      ...scripts('Away'),
    });
    shell = await Shell.open({
      settings: {
        'holdfast.model': 'scripted/scripted',
        'holdfast.engine.busyGrace': BUSY_GRACE_S,
        'holdfast.engine.idleGrace': IDLE_GRACE_S,
      },
      engineConfig: scriptedModelConfig(model.baseUrl),
    });
    await shell.workbench.runCommand('Holdfast: New Session');
  });
  after(async () => {
    await shell.close();
    await model.stop();
  });

  const send = async (prompt: string): Promise<void> => {
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-text').fill(prompt);
    await shell.panel.locator('.prompt-text').press('Enter');
    await shell.said(`${prompt} begins`).waitFor({ timeout: ENGINE_MS });
  };

  /** What the panel shows of the newest answer once the turn has ended. */
  const answer = async (prompt: string): Promise<void> => {
    await shell.said(whole(prompt)).waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
  };

  const servers = (): number[] =>
    processes()
      .filter(({ command }) => / serve( |$)/.test(command) && command.includes('opencode'))
      .map(({ pid }) => pid);
  const processes = (): ReturnType<typeof findMarked> =>
    findMarked(path.basename(shell.workbench.profile.dir));
  const requests = (prompt: string): number =>
    model.requests.filter((request) => request.prompt === prompt).length;

  function journal(): JournalRecord[] {
    const workspaces = path.join(shell.workbench.profile.globalStorage, 'holdfast.holdfast/workspaces');
    const runs = path.join(workspaces, readdirSync(workspaces)[0] ?? '', 'runs');
    return readJournal(path.join(runs, readdirSync(runs).toSorted().at(-1) ?? '')).records;
  }
  const outcomes = (): string[] =>
    journal().flatMap((record) => (record.kind === 'turn-settled' ? [record.outcome] : []));

  it('goes on through Developer: Reload Window: same server, one model request, the whole text', async () => {
    await send('Reload');
    const before = servers();
    assert.equal(before.length, 1);
    await shell.workbench.reload();
    await shell.said('The window came back').waitFor({ timeout: ENGINE_MS });
    await shell.said('Part of this text was never received').waitFor({ timeout: ENGINE_MS });
    model.release('Reload 1');
    await shell.said('Reload begins, goes on').waitFor({ timeout: ENGINE_MS });
    await shell.picture('reloaded-mid-turn-dark');
    model.release('Reload 2');
    await answer('Reload');
    assert.deepEqual(servers(), before);
    assert.equal(requests('Reload'), 1);
    assert.deepEqual(outcomes(), ['ok']);
  });

  it('T-06: goes on when the extension host is killed: same server, one model request, the whole text', async () => {
    await send('Crash');
    const before = servers();
    const host = shell.workbench.server.extensionHostPids().at(-1);
    assert.ok(host !== undefined);
    process.kill(host, 'SIGKILL');
    model.release('Crash 1');
    model.release('Crash 2');
    await answer('Crash');
    assert.deepEqual(servers(), before);
    assert.equal(requests('Crash'), 1);
    assert.deepEqual(outcomes(), ['ok', 'ok']);
    const seqs = journal().map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => index + 1),
      'nothing is missing in the journal, and nothing there twice',
    );
  });

  it('leaves no process once its window is gone for longer than the grace', async () => {
    await send('Away');
    await shell.workbench.page.goto('about:blank');
    const ours = (): ReturnType<typeof findMarked> =>
      processes().filter(({ command }) => /opencode|guardian/.test(command));
    assert.notEqual(ours().length, 0);
    const host = shell.workbench.server.extensionHostPids().at(-1);
    if (host !== undefined && processes().some(({ pid }) => pid === host)) process.kill(host, 'SIGKILL');
    assert.deepEqual(await waitUntilGone(ours, BUSY_GRACE_S * 1000 + END_MS), []);
  });
});
