import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PanelStore } from '../../../src/vscode/panel-store.ts';

describe('What the panel keeps', () => {
  let folder: string;
  const open = (): PanelStore => new PanelStore(path.join(folder, 'workspace/runs'));
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'panel-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is there after a reload: the shown run', () => {
    open().setShown('r1');
    open().setShown('r2');
    assert.equal(open().shown, 'r2');
  });

  it('T-07: is written whole or not at all, and begun anew when it cannot be read', () => {
    open().setShown('r1');
    assert.deepEqual(readdirSync(path.join(folder, 'workspace')), ['panel.json']);
    writeFileSync(path.join(folder, 'workspace/panel.json'), '{"shown":');
    assert.equal(open().shown, undefined);
    open().setShown('r2');
    assert.equal(open().shown, 'r2');
  });
});
