import assert from 'node:assert/strict';
import { ageText, runLook } from '../../../src/vscode/run-look.ts';
import type { RunSummary } from '../../../src/vscode/run-summary.ts';
import { t } from './translate.ts';

const NOW = 10_000_000;
const run = (more: Partial<RunSummary> = {}): RunSummary => ({
  ...{
    id: 'r',
    folder: '/r',
    type: 'review',
    title: 'Review',
    scope: 'Uncommitted changes on main',
    demo: false,
    startedAt: NOW - 120_000,
  },
  ...more,
});

describe('A run in the list of sessions', () => {
  it('says what came of it and how long ago it was', () => {
    const look = runLook(run({ outcome: 'ok', findings: 3, message: '3 findings.' }), 'at-rest', NOW, t);
    assert.equal(look.description, '3 findings · 2 min ago');
    assert.equal(look.icon, 'pass');
    assert.equal(look.spoken, 'Review, 3 findings, 2 min ago');
    assert.match(look.tooltip, /Uncommitted changes on main\n3 findings\./);
  });

  it('has zero findings as a result', () => {
    assert.equal(
      runLook(run({ outcome: 'ok', findings: 0 }), 'at-rest', NOW, t).description,
      '0 findings · 2 min ago',
    );
  });

  it('T-06: runs only while this window runs it; one without an end was cut off', () => {
    assert.equal(runLook(run(), 'running', NOW, t).icon, 'loading~spin');
    const dead = runLook(run(), 'at-rest', NOW, t);
    assert.equal(dead.icon, 'circle-outline');
    assert.equal(dead.description, 'cut off · 2 min ago');
  });

  it('says that it waits for the user', () => {
    const look = runLook(run(), 'waiting', NOW, t);
    assert.deepEqual([look.icon, look.description], ['bell-dot', 'waiting for you · 2 min ago']);
  });

  it('marks the demo model', () => {
    const look = runLook(run({ demo: true, outcome: 'ok', findings: 1 }), 'at-rest', NOW, t);
    assert.equal(look.description, 'demo · 1 finding · 2 min ago');
    assert.match(look.tooltip, /no AI/);
  });

  it('names each end', () => {
    const words = (
      ['error', 'incomplete', 'server-unreachable', 'session-stalled', 'interrupted'] as const
    ).map((outcome) => runLook(run({ outcome }), 'at-rest', NOW, t).description.split(' · ')[0]);
    assert.deepEqual(words, ['failed', 'ended without a full answer', 'server gone', 'stalled', 'stopped']);
  });

  it('tells ages in one unit', () => {
    assert.deepEqual(
      [30_000, 300_000, 7_200_000, 200_000_000].map((ms) => ageText(ms, t)),
      ['just now', '5 min ago', '2 h ago', '2 d ago'],
    );
  });
});
