import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DraftStore, MAX_DRAFTS } from '../../../src/vscode/draft-store.ts';

describe('drafts on disk', () => {
  let folder: string;
  let warnings: string[];
  let told: string[];
  const open = (): DraftStore =>
    new DraftStore(path.join(folder, 'workspace/runs'), {
      log: { warn: (text) => warnings.push(text) },
      onFull: (why) => told.push(why),
    });
  const drafts = (): string => path.join(folder, 'workspace/drafts');
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'drafts-'));
    warnings = [];
    told = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are there for the next window, each for its run', () => {
    open().type('r1', 'half a sen');
    open().type('r2', 'another');
    assert.deepEqual(
      [open().read('r1'), open().read('r2'), open().read('r3')],
      ['half a sen', 'another', ''],
    );
    assert.deepEqual(warnings, []);
  });

  it('T-07: are written whole, for the user alone, and two windows do not wipe what the other one wrote', () => {
    const [one, other] = [open(), open()];
    one.type('r1', 'of the one');
    other.type('r2', 'of the other');
    one.type('r1', 'of the one, longer');
    assert.deepEqual([other.read('r1'), one.read('r2')], ['of the one, longer', 'of the other']);
    assert.deepEqual(readdirSync(drafts()).toSorted(), ['r1.json', 'r2.json']);
    if (process.platform !== 'win32')
      assert.equal(statSync(path.join(drafts(), 'r1.json')).mode & 0o777, 0o600);
  });

  it('leave no file behind when the box is empty', () => {
    open().type('r1', 'text');
    open().type('r1', '');
    assert.deepEqual(readdirSync(drafts()), []);
  });

  it('keep what was sent until it is under way, and what is typed meanwhile', () => {
    const store = open();
    store.type('r1', 'send me');
    store.hand('r1', 'send me', 1000);
    store.type('r1', 'the next one');
    assert.equal(
      open().read('r1', () => 'on-its-way'),
      'the next one',
    );
    assert.equal(open().read('r1'), 'send me\nthe next one', 'a window that dies now has lost neither');
    store.type('r1', 'send me\nthe next one, longer');
    assert.equal(
      open().read('r1'),
      'send me\nthe next one, longer',
      'nor has the next window twice what was lost',
    );
  });

  it('do not show again what did get under way, in this window or before another one came', () => {
    const store = open();
    store.hand('r1', 'send me', 1000);
    store.type('r1', 'the next one');
    store.settle('r1', 'send me', false);
    assert.equal(open().read('r1'), 'the next one');
    store.hand('r1', 'and me', 2000);
    assert.equal(
      open().read('r1', (text, at) => (text === 'and me' && at === 2000 ? 'taken' : 'lost')),
      'the next one',
    );
    assert.equal(open().read('r1'), 'the next one');
  });

  it('have what was refused in front of what is typed', () => {
    const store = open();
    store.hand('r1', 'refused', 1000);
    store.type('r1', 'the next one');
    store.settle('r1', 'refused', true);
    assert.equal(open().read('r1'), 'refused\nthe next one');
    store.putBack('r1', 'was queued');
    assert.equal(open().read('r1'), 'was queued\nrefused\nthe next one');
  });

  it('that cannot be read are empty, said once and put aside; the others are as they were', () => {
    open().type('r2', 'fine');
    for (const broken of ['{"typed":', '{"typed":7}', 'null', '']) {
      warnings = [];
      writeFileSync(path.join(drafts(), 'r1.json'), broken);
      const store = open();
      assert.deepEqual([store.read('r1'), store.read('r1'), store.read('r2')], ['', '', 'fine']);
      assert.equal(warnings.length, 1);
      store.type('r1', 'again');
      assert.equal(open().read('r1'), 'again');
    }
    assert.ok(readdirSync(drafts()).includes('r1.json.broken'));
  });

  it('that the disk does not take are said once, kept in memory, and written once it does', () => {
    const store = open();
    mkdirSync(path.join(folder, 'workspace'));
    // Nobody can make a folder where a file is, not even root.
    writeFileSync(drafts(), '');
    store.type('r1', 'te');
    store.type('r1', 'text');
    store.hand('r2', 'sent', 1000);
    assert.deepEqual([store.read('r1'), store.read('r2')], ['text', 'sent']);
    assert.equal(told.length, 1);
    rmSync(drafts());
    store.type('r1', 'text');
    assert.equal(open().read('r1'), 'text');
    assert.equal(told.length, 1);
  });

  it('are kept for as many runs as there can be; the one written longest ago goes first', () => {
    const store = open();
    for (let index = 0; index < MAX_DRAFTS; index++) {
      store.type(`r${index}`, 'text');
      utimesSync(path.join(drafts(), `r${index}.json`), index, index);
    }
    store.type('new', 'text');
    assert.deepEqual([store.read('r0'), store.read('r1'), store.read('new')], ['', 'text', 'text']);
    assert.equal(readdirSync(drafts()).length, MAX_DRAFTS);
  });
});
