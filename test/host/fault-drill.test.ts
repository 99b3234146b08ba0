import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { listRuns, runsFolder } from '../../src/node/run/run-store.ts';
import { storage, workspace } from './support/place.ts';

const runs = (): string[] => listRuns(runsFolder(storage(), workspace())).map(({ id }) => id);
const report = (): string => path.join(storage(), 'fault-drill.md');

/** Resolves once there is a tab whose label holds this. */
function tab(text: string): Promise<void> {
  return new Promise((resolve) => {
    const listening = vscode.window.tabGroups.onDidChangeTabs(() => look());
    const look = (): void => {
      const labels = vscode.window.tabGroups.all.flatMap((group) => group.tabs.map(({ label }) => label));
      if (!labels.some((label) => label.includes(text))) return;
      listening.dispose();
      resolve();
    };
    look();
  });
}

describe('Fault Drill', function () {
  this.timeout(90_000);

  it('reports on a drill of its own, which leaves nothing behind and touches no session', async () => {
    const before = runs();
    await vscode.commands.executeCommand('holdfast.faultDrill', ['lost-reply']);
    const text = readFileSync(report(), 'utf8');
    assert.match(text, /^# Fault drill\n\n\*\*Fault drill: 6 of 6 promises held \(1 fault, \d+ s\)\.\*\*$/m);
    assert.match(text, /^### ✓ Lost reply \(`lost-reply`\)$/m);
    assert.match(text, /^- Promise 5: held, 2 processes, 0 left$/m);
    await tab('fault-drill.md');
    assert.deepEqual(runs(), before);
  });
});
