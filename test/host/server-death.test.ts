import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { says, hold, text } from '../fakes/model/steps.ts';
import type { FakeModel } from '../fakes/model/server.ts';
import { findMarked } from '../rig/leftovers.mjs';
import { newestRun, record } from './support/place.ts';
import { useDemoModel, useScriptedModel } from './support/scripted-model.ts';

/** From the death of the server to the end of the turn in the journal. */
const SETTLED_WITHIN_MS = 2000;

/** The engine's servers. Guardians hold them, which are no children of this extension host once it was reloaded. */
const servers = (): number[] =>
  findMarked(process.env['HOME'] ?? '')
    .filter(({ command }) => /opencode.* serve( |$)/.test(command))
    .map(({ pid }) => pid);

describe('A server that is killed in the middle of a turn', function () {
  this.timeout(120_000);
  let model: FakeModel;
  before(async () => {
    model = await useScriptedModel({
      Begin: says(text('The first words'), hold('middle')),
      Again: says(text('All of it.')),
    });
  });
  after(async () => {
    await model.stop();
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

  it('T-03: ends the turn within two seconds, with what happened, and keeps what was said', async () => {
    const run = newestRun();
    const [server, ...others] = servers();
    assert.ok(server !== undefined && others.length === 0, 'there is exactly one server');
    const killed = Date.now();
    process.kill(server, 'SIGKILL');
    const ended = await record(run, 'run-ended');
    assert.equal(ended.outcome, 'server-unreachable');
    assert.ok(ended.at - killed <= SETTLED_WITHIN_MS, `it took ${ended.at - killed} ms`);
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
