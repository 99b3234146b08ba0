import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { says, hold, text } from '../fakes/model/steps.ts';
import type { FakeModel } from '../fakes/model/server.ts';
import { findMarked } from '../rig/leftovers.mjs';
import { newestRun, record } from './support/place.ts';
import { setSetting, useDemoModel, useScriptedModel } from './support/scripted-model.ts';

/** From the death of the server to what is made of it in the journal. */
const NOTICED_WITHIN_MS = 2000;

/** The engine's servers. Guardians hold them, which are no children of this extension host once it was reloaded. */
const servers = (): number[] =>
  findMarked(process.env['HOME'] ?? '')
    .filter(({ command }) => /opencode.* serve( |$)/.test(command))
    .map(({ pid }) => pid);

describe('A server that is killed in the middle of a turn', function () {
  this.timeout(120_000);
  let model: FakeModel;
  before(async () => {
    model = await useScriptedModel(({ prompt, messages }) => {
      const isAgain = prompt === 'Again' || JSON.stringify(messages).includes('The first words');
      return isAgain && prompt !== 'End'
        ? says(text('All of it.'))
        : says(text('The first words'), hold('middle'));
    });
  });
  after(async () => {
    await model.stop();
    await setSetting('recovery.mode', undefined);
    await useDemoModel();
  });

  it('is left alone by a change of settings until then', async () => {
    await vscode.commands.executeCommand('holdfast.newSession');
    await vscode.commands.executeCommand('holdfast.sendPrompt', 'Begin');
    await record(newestRun(), 'event', ({ event }) => event.type === 'delta');
    const before = servers();
    await vscode.workspace
      .getConfiguration('holdfast')
      .update('stallTimeout', 200, vscode.ConfigurationTarget.Global);
    assert.equal(before.length, 1);
    assert.deepEqual(servers(), before);
  });

  /** Kills the only server there is. @returns the moment. */
  function kill(): { server: number; killedAt: number } {
    const [server, ...others] = servers();
    assert.ok(server !== undefined && others.length === 0, 'there is exactly one server');
    const killedAt = Date.now();
    process.kill(server, 'SIGKILL');
    return { server, killedAt };
  }

  it('T-03, C-14: is started anew, and the turn goes on behind what was said', async () => {
    const run = newestRun();
    const { server, killedAt } = kill();
    const incident = await record(run, 'incident');
    assert.deepEqual(incident.cause, { type: 'server-died', signal: 'SIGKILL' });
    assert.ok(incident.at - killedAt <= NOTICED_WITHIN_MS, `it took ${incident.at - killedAt} ms`);
    const { decision, n, limit } = await record(run, 'decision');
    assert.deepEqual([decision, n, limit], ['resume', 1, 3]);
    const settled = await record(run, 'turn-settled');
    assert.equal(settled.outcome, 'ok', settled.message);
    const [now, ...others] = servers();
    assert.ok(now !== undefined && now !== server && others.length === 0, 'another one, and only that');
  });

  it('T-03: ends the turn within two seconds where recovery is off, with what happened', async () => {
    await setSetting('recovery.mode', 'off');
    await vscode.commands.executeCommand('holdfast.newSession');
    await vscode.commands.executeCommand('holdfast.sendPrompt', 'End');
    const run = newestRun();
    await record(run, 'event', ({ event }) => event.type === 'delta');
    const { killedAt } = kill();
    const ended = await record(run, 'run-ended');
    assert.equal(ended.outcome, 'server-unreachable');
    assert.ok(ended.at - killedAt <= NOTICED_WITHIN_MS, `it took ${ended.at - killedAt} ms`);
    assert.match(ended.message ?? '', /killed/);
  });

  it('Restart Server starts another one, and the session goes on', async () => {
    await vscode.commands.executeCommand('holdfast.restartServer');
    assert.equal(servers().length, 1);
    await vscode.commands.executeCommand('holdfast.sendPrompt', 'Again');
    const settled = await record(newestRun(), 'turn-settled', ({ turnId }) => turnId === 't2');
    assert.equal(settled.outcome, 'ok', settled.message);
  });
});
