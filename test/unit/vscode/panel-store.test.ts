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

  it('is there after a reload: the shown run and the drafts', () => {
    open().setShown('r1');
    open().setDraft('r1', 'half a sen');
    open().setDraft('r2', 'another');
    assert.deepEqual(
      [open().shown, open().draft('r1'), open().draft('r2'), open().draft('r3')],
      ['r1', 'half a sen', 'another', ''],
    );
  });

  it('forgets a draft that was sent', () => {
    const store = open();
    store.setDraft('r1', 'text');
    store.setDraft('r1', '');
    assert.equal(open().draft('r1'), '');
  });

  it('keeps the twenty latest drafts', () => {
    const store = open();
    for (let index = 0; index < 25; index++) store.setDraft(`r${index}`, 'text');
    assert.deepEqual([open().draft('r4'), open().draft('r5')], ['', 'text']);
  });

  it('keeps what two windows write, each in its turn', () => {
    const [one, other] = [open(), open()];
    one.setDraft('r1', 'of the one');
    other.setDraft('r2', 'of the other');
    other.setShown('r2');
    one.setDraft('r1', 'of the one, longer');
    assert.deepEqual(
      [one.shown, other.draft('r1'), one.draft('r2')],
      ['r2', 'of the one, longer', 'of the other'],
    );
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
