import assert from 'node:assert/strict';
import { SERVER_STATES } from '../../../src/core/journal/record.ts';
import type { Header } from '../../../src/core/protocol.ts';
import type { ServerView } from '../../../src/core/server/view.ts';
import { clock, missingReason, serverLook, turnLook } from '../../../src/vscode/status-look.ts';
import { t } from './translate.ts';

const server = (state: ServerView['state'], more: Partial<ServerView> = {}): ServerView => ({
  kind: 'owned',
  state,
  generation: 1,
  since: 0,
  ...more,
});

describe('The server in the status bar', () => {
  const look = (view: ServerView | undefined, demo = false): ReturnType<typeof serverLook> =>
    serverLook(view, demo, t);

  it('is quiet unless it has failed', () => {
    const loud = SERVER_STATES.filter((state) => look(server(state)).tone !== 'plain');
    assert.deepEqual(loud, ['failed', 'unreachable']);
    assert.equal(look(undefined).tone, 'plain');
  });

  it('is loud for a server that is gone, and quiet for one that was stopped', () => {
    const crashed = look(server('stopped', { reason: 'The server was killed (SIGKILL, signal 9).' }));
    assert.equal(crashed.text, '$(error) Holdfast stopped');
    assert.equal(crashed.tone, 'error');
    assert.equal(crashed.restarts, true);
    assert.match(crashed.tooltip, /was killed/);
    assert.equal(look(server('stopped')).tone, 'plain');
  });

  it('restarts at a click where that is what helps', () => {
    const restarting = SERVER_STATES.filter((state) => look(server(state)).restarts);
    assert.deepEqual(restarting, ['failed', 'unreachable']);
  });

  it('C-14: shows the engine and the budget as n of N', () => {
    const { tooltip, label } = look(
      server('ready', { engineVersion: '1.18.33', budget: { limit: 3, used: 1, windowMs: 300_000 } }),
    );
    assert.equal(
      tooltip,
      'Holdfast: server ready\nEngine: opencode 1.18.33\nRestarts used: 1 of 3\nClick for what can be done',
    );
    assert.equal(label, 'Holdfast server ready');
  });

  it('tells an engine that is missing from a server that died', () => {
    const exit = { code: 1, stderrTail: '', expected: false };
    assert.equal(
      missingReason(server('stopped', { reason: 'opencode was not found.' })),
      'opencode was not found.',
    );
    assert.equal(missingReason(server('stopped', { reason: 'It exited.', exit })), undefined);
    assert.equal(missingReason(server('stopped')), undefined);
    assert.equal(missingReason(server('backing-off', { reason: 'It exited.' })), undefined);
  });

  it('says that the demo model answers', () => {
    assert.match(look(server('ready'), true).tooltip, /Demo model/);
    assert.doesNotMatch(look(server('ready')).tooltip, /Demo/);
  });
});

describe('The turn in the status bar', () => {
  const header = (more: Partial<Header> = {}): Header => ({
    ...{
      runId: 'r',
      type: 'prompt',
      title: 'Fix the queue',
      scope: '',
      startedAt: 0,
      tokens: 0,
      cost: 0,
      phases: [],
      demo: false,
      model: '',
      engine: '',
    },
    ...{
      server: 'ready',
      turn: 'running',
      turnStartedAt: 10_000,
      progressAt: 60_000,
      stallLimitMs: 180_000,
      files: [],
      todos: [],
    },
    ...{
      canTakeOver: false,
      canSend: false,
      canQueue: false,
      queue: { items: [] },
      canStop: false,
      promptHint: '',
      droppedRows: 0,
      ...more,
    },
  });

  it('shows how long it has been silent against the limit', () => {
    const look = turnLook(header(), 0, 68_000, t);
    assert.equal(look?.text, '$(watch) 0:58 · silent 0:08 / 3:00');
    assert.equal(look.tone, 'plain');
    assert.match(look.tooltip, /Fix the queue, running for 0:58\nSilent for 0:08; acted on after 3:00/);
  });

  it('warns only while the user must act', () => {
    assert.equal(turnLook(header({ turn: 'waiting' }), 1, 68_000, t)?.tone, 'warning');
    assert.equal(turnLook(header({ turn: 'waiting' }), 1, 68_000, t)?.label, 'Holdfast needs you');
    for (const turn of ['sending', 'running', 'waiting', 'stopping'] as const)
      assert.equal(turnLook(header({ turn }), 0, 68_000, t)?.tone, 'plain', turn);
  });

  it('is gone when nothing runs', () => {
    assert.equal(
      turnLook(header({ endedAt: 70_000, outcome: 'ok', turn: 'settled' }), 0, 80_000, t),
      undefined,
    );
    assert.equal(turnLook(header({ turn: 'none' }), 0, 80_000, t), undefined);
  });

  it('shows a review between its turns, and the demo model', () => {
    const look = turnLook(
      header({ type: 'review', title: 'Review', turn: 'none', demo: true }),
      0,
      70_000,
      t,
    );
    assert.match(look?.text ?? '', /working/);
    assert.match(look?.tooltip ?? '', /Review \(demo model\)/);
  });

  it('counts hours too, and never below zero', () => {
    assert.deepEqual(
      [clock(-5), clock(8_900), clock(754_000), clock(3_723_000)],
      ['0:00', '0:08', '12:34', '1:02:03'],
    );
  });
});
