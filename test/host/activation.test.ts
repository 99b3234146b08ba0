import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { type Profiler, Session } from 'node:inspector/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Manifest } from '../unit/vscode/manifest.ts';
import { workspace } from './support/place.ts';

/** What loading and activating the extension may take of this process, ms. */
const LIMIT_MS = 50;
/** Resources that stand for what is started. */
const STARTS = new Set(['PROCESSWRAP', 'TCPSERVERWRAP', 'TCPCONNECTWRAP', 'PIPECONNECTWRAP', 'WORKER']);

const isLoaded = (bundle: string): boolean =>
  Object.keys(require.cache).some((file) => file.endsWith(path.join('dist', bundle)));

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension('holdfast.holdfast');
  assert.ok(found, 'the extension is not there');
  return found;
}

/** How long this process was at work in a script or in what it called, while `work` went on; by samples of its stack. */
async function millisecondsIn(script: string, work: () => Promise<unknown>): Promise<number> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  await work();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return microsecondsIn(profile, script) / 1000;
}

function microsecondsIn({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, script: string): number {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const inside = new Set<number>();
  const mark = (id: number): void => {
    inside.add(id);
    byId.get(id)?.children?.forEach(mark);
  };
  for (const { id, callFrame } of nodes) if (callFrame.url.endsWith(script)) mark(id);
  return samples.reduce((sum, id, index) => sum + (inside.has(id) ? (timeDeltas[index] ?? 0) : 0), 0);
}

// The first file of the suite: nothing has woken the extension before.
describe('Activation', () => {
  it('costs next to nothing: no process, no socket, nothing heavy loaded', async () => {
    assert.ok(workspace());
    assert.equal(extension().isActive, false);
    const started: string[] = [];
    const hook = createHook({
      // Other extensions start things meanwhile: only what comes out of ours counts.
      init: (_id, type) => {
        if (STARTS.has(type) && new Error().stack?.includes('extension.cjs') === true) started.push(type);
      },
    }).enable();
    const ms = await millisecondsIn('extension.cjs', async () => extension().activate());
    hook.disable();
    assert.deepEqual(started, []);
    assert.equal(isLoaded('extension.cjs'), true);
    assert.equal(isLoaded('host.cjs'), false);
    assert.ok(ms > 0, 'nothing was measured');
    assert.ok(ms <= LIMIT_MS, `activation took ${ms.toFixed(1)} ms`);
  });

  it('registers each command of the manifest, and no others but what other surfaces lead to', async () => {
    const { contributes } = extension().packageJSON as Manifest;
    const manifest = new Set(contributes.commands.map(({ command }) => command));
    const registered = (await vscode.commands.getCommands(true)).filter((id) => /^holdfast\.\w+$/.test(id));
    assert.deepEqual(
      [...manifest].filter((id) => !registered.includes(id)),
      [],
    );
    assert.deepEqual(registered.filter((id) => !manifest.has(id)).toSorted(), [
      'holdfast.serverMenu',
      'holdfast.useDemoModel',
    ]);
  });

  it('leaves the shared fetch and the process-wide dispatchers alone, also once the heavy half is loaded', () => {
    const slots = (): unknown[] => {
      const names = Object.getOwnPropertySymbols(globalThis).filter((symbol) =>
        symbol.description?.startsWith('undici.'),
      );
      return [
        globalThis.fetch,
        globalThis.WebSocket,
        ...names,
        ...names.map((name) => (globalThis as Record<symbol, unknown>)[name]),
      ];
    };
    const before = slots();
    require(path.join(extension().extensionPath, 'dist/host.cjs'));
    assert.equal(isLoaded('host.cjs'), true);
    assert.deepEqual(slots(), before);
  });
});
