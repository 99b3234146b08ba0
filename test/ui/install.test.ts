import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OPENCODE_VERSION } from '../../src/engines/opencode/installed.ts';
import { platformPackage, thisMachine } from '../../src/engines/opencode/machine.ts';
import { engineBinary } from '../rig/engine.mjs';
import { findMarked } from '../rig/leftovers.mjs';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

/** What the registry does with a request. */
let registryDoes: 'refuse' | 'be silent' | 'answer' = 'refuse';

/** A registry with one package in it: the engine of the rig. npm takes it as it takes any other. */
async function startRegistry(): Promise<Server> {
  const name = platformPackage(await thisMachine()) ?? assert.fail('this machine has no build');
  const folder = path.resolve(path.dirname(engineBinary()), '..');
  const scratch = mkdtempSync(path.join(tmpdir(), 'ui-registry-'));
  const file = path.join(scratch, 'engine.tar');
  execFileSync('tar', ['-cf', file, '-C', path.dirname(folder), path.basename(folder)]);
  const packed = readFileSync(file);
  rmSync(scratch, { recursive: true });
  const integrity = `sha512-${createHash('sha512').update(packed).digest('base64')}`;
  return createServer((request, response) => {
    if (registryDoes === 'be silent') return;
    if (registryDoes === 'refuse') response.writeHead(403).end();
    else if (request.url?.endsWith('.tgz') === true) response.end(packed);
    else {
      const dist = { tarball: `http://${request.headers.host}/engine.tgz`, integrity };
      const published = { name, version: OPENCODE_VERSION, dist };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, versions: { [OPENCODE_VERSION]: published } }));
    }
  });
}

describe('Installing the engine in the workbench', function () {
  this.timeout(240_000);
  let registry: Server;
  let shell: Shell;

  before(async () => {
    registry = await startRegistry();
    await once(registry.listen(0, '127.0.0.1'), 'listening');
    shell = await Shell.open({
      settings: { 'holdfast.engine.path': '/nowhere/opencode' },
      env: {
        npm_config_registry: `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`,
        // Else the workbench takes PATH from a login shell, and npm may lie where only ours leads.
        VSCODE_CLI: '1',
      },
    });
  });
  after(async () => {
    await shell?.close();
    registry.closeAllConnections();
    registry.close();
  });

  const folder = (): string => path.join(shell.workbench.profile.globalStorage, 'holdfast.holdfast/engines');
  const engines = (): string[] => readdirSync(folder());
  /** The notification of a cancelled installation is gone at once; this resolves when what it left is, too. */
  const emptied = (): Promise<void> =>
    new Promise((resolve) => {
      const watcher = watch(folder(), () => look());
      const look = (): void => {
        if (engines().length > 0) return;
        watcher.close();
        resolve();
      };
      look();
    });
  const press = (text: string, button: string): Promise<void> =>
    shell.toasts(text).getByRole('button', { name: button }).click({ timeout: WORKBENCH_MS });

  it('is offered where one is missing, and says in a sentence why it did not work', async () => {
    await shell.workbench.runCommand('Holdfast: Run Review');
    await press('Review: ', 'Install Engine');
    const error = shell.toasts('refused the request (403).');
    await error.getByRole('button', { name: 'How to Install' }).waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('install-refused-dark');
    assert.deepEqual(engines(), []);
  });

  it('can be cancelled, and leaves neither npm nor half an engine', async () => {
    registryDoes = 'be silent';
    await shell.workbench.runCommand('Notifications: Clear All Notifications');
    const asked = once(registry, 'request');
    await shell.workbench.runCommand('Holdfast: Install Engine');
    await asked;
    const progress = shell.toasts(`Installing opencode ${OPENCODE_VERSION}: downloading about 60 MB`);
    await progress.waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('installing-dark');
    // Asked for again meanwhile, it is still done once.
    await shell.workbench.runCommand('Holdfast: Install Engine');
    assert.equal(engines().length, 1);
    await progress.getByRole('button', { name: 'Cancel' }).click({ timeout: WORKBENCH_MS });
    // With the notification goes the focus, and a palette that was open would close.
    await progress.waitFor({ state: 'detached', timeout: WORKBENCH_MS });
    await emptied();
    const mark = path.basename(shell.workbench.profile.dir);
    const left = findMarked(mark).filter(({ command }) => /\bnpm\b.*\binstall\b/.test(command));
    assert.deepEqual(left, []);
  });

  it('gives an engine that a review runs with, once the wrong path is taken back', async () => {
    registryDoes = 'answer';
    await shell.workbench.runCommand('Holdfast: Install Engine');
    await press(`opencode ${OPENCODE_VERSION} is installed.`, 'Use the Installed One');
    await shell.showSessions();
    const pane = shell.workbench.page.locator('.pane', { hasText: 'Review' });
    await pane.getByText('/nowhere/opencode').waitFor({ state: 'detached', timeout: WORKBENCH_MS });
    assert.deepEqual(engines(), [`opencode-${OPENCODE_VERSION}`]);
    await shell.workbench.runCommand('Holdfast: Install Engine');
    await press(`opencode ${OPENCODE_VERSION} is there already`, 'Run Review');
    await shell.result.waitFor({ timeout: ENGINE_MS });
  });
});
