import assert from 'node:assert/strict';
import type { ServerView } from '../../../src/core/server/view.ts';
import { transitionText } from '../../../src/vscode/transition-text.ts';

describe('A transition of the server in the log', () => {
  const view = (more: Partial<ServerView>): ServerView => ({
    kind: 'owned',
    state: 'ready',
    generation: 2,
    since: 0,
    pid: 42,
    ...more,
  });

  it('C-17: names the exit, the generation, the budget and the reason', () => {
    const exit = { signal: 'SIGKILL', stderrTail: 'not for this line', expected: false };
    const after = {
      kind: 'owned',
      state: 'stopped',
      generation: 2,
      since: 1,
      exit,
      reason: 'The server was killed.',
      budget: { limit: 3, used: 1, windowMs: 1 },
    } as const;
    assert.equal(
      transitionText(view({}), after),
      'server ready → stopped (generation 2, exit signal SIGKILL, restarts 1 of 3): The server was killed.',
    );
  });

  it('names a new process once', () => {
    const { pid: _none, ...starting } = view({ state: 'starting', generation: 3 });
    assert.equal(
      transitionText(starting, view({ generation: 3 })),
      'server starting → ready (generation 3, pid 42)',
    );
    assert.equal(
      transitionText(view({}), view({ state: 'unresponsive' })),
      'server ready → unresponsive (generation 2)',
    );
  });
});
