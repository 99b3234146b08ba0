import assert from 'node:assert/strict';
import type { Header } from '../../../src/core/protocol.ts';
import { underWay } from '../../../media/under-way.ts';

const PHASES = ['Scope', 'Inspect', 'Report'];

/** A review under way whose phase `now` is at work. */
function header(now: number, change: Partial<Header>): Header {
  return {
    runId: 'run1',
    type: 'review',
    title: 'Review',
    scope: '',
    startedAt: 0,
    tokens: 0,
    cost: 0,
    phases: PHASES.map((title, index) => ({
      title,
      state: index < now ? 'done' : index === now ? 'now' : 'waiting',
    })),
    demo: false,
    model: '',
    engine: 'opencode',
    server: 'stopped',
    turn: 'none',
    stallLimitMs: 180_000,
    files: [],
    todos: [],
    canTakeOver: false,
    canSend: false,
    canQueue: false,
    queue: { items: [] },
    canStop: true,
    promptHint: '',
    droppedRows: 0,
    ...change,
  };
}

describe('what goes on before the first row', () => {
  it('follows a review from its changes over its server to its session', () => {
    const steps = [
      header(0, {}),
      header(1, { server: 'starting' }),
      header(1, { server: 'ready' }),
      header(1, { server: 'ready', turn: 'running' }),
    ];
    assert.deepEqual(
      steps.map((step) => underWay(step, false)),
      [
        'Reading the changes …',
        'Starting opencode …',
        'Preparing the session …',
        'Waiting for the first answer …',
      ],
    );
  });

  it('does not speak of changes in a run without a review', () => {
    const prompt = header(0, { type: 'prompt', phases: [], server: 'ready' });
    assert.equal(underWay(prompt, false), 'Preparing the session …');
  });

  it('leaves the rest to the rows, but says when the server is on its way again', () => {
    assert.equal(underWay(header(1, { server: 'ready', turn: 'running' }), true), undefined);
    assert.equal(underWay(header(1, { server: 'starting' }), true), 'Starting opencode …');
    assert.equal(underWay(header(1, { server: 'connecting' }), true), 'Connecting to the server …');
  });

  it('is silent about a run that is over or was never begun', () => {
    assert.equal(underWay(header(0, { canStop: false, server: 'starting' }), false), undefined);
    assert.equal(underWay(header(3, { canStop: false, turn: 'settled' }), true), undefined);
  });
});
