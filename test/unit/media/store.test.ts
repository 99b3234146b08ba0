import assert from 'node:assert/strict';
import type { Header, HostMessage, PatchOp, Row } from '../../../src/core/protocol.ts';
import { apply, initialState, loseSync, type Effect, type PanelState } from '../../../media/store.ts';

const NOW = 1_000_000;

const header: Header = {
  runId: 'run1',
  type: 'review',
  title: 'Review',
  scope: '',
  startedAt: NOW,
  tokens: 0,
  cost: 0,
  phases: [],
  demo: false,
  model: 'm',
  engine: 'opencode',
  server: 'ready',
  turn: 'running',
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
};

const text = (id: string, content: string, done = false): Row => ({ kind: 'text', id, text: content, done });
const snapshot = (n: number, rows: Row[], hostNow = NOW): HostMessage => ({
  type: 'snapshot',
  n,
  hostNow,
  view: { header, rows },
  draft: '',
});
const patch = (n: number, ...ops: PatchOp[]): HostMessage => ({ type: 'patch', n, hostNow: NOW, ops });

/** Feeds messages in order; the effects are those of all of them. */
function feed(
  messages: HostMessage[],
  from: PanelState = initialState,
): { state: PanelState; effects: Effect[] } {
  let state = from;
  const effects: Effect[] = [];
  for (const message of messages) {
    const step = apply(state, message, NOW);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects };
}

function rows(state: PanelState): readonly Row[] {
  assert.equal(state.shown.kind, 'run');
  return state.shown.kind === 'run' ? state.shown.entries.map((entry) => entry.row) : [];
}

describe('panel store', () => {
  it('shows a snapshot, then its patches in order', () => {
    const { state, effects } = feed([
      snapshot(4, [text('a', 'Hel')]),
      patch(5, { op: 'append', id: 'a', at: 3, text: 'lo' }, { op: 'row', row: text('b', 'World') }),
      patch(6, { op: 'drop', id: 'a' }, { op: 'header', header: { ...header, tokens: 7 } }),
    ]);
    assert.deepEqual(rows(state), [text('b', 'World')]);
    assert.equal(state.shown.kind === 'run' && state.shown.header.tokens, 7);
    assert.deepEqual(effects, []);
  });

  it('replaces a row in its place', () => {
    const { state } = feed([
      snapshot(0, [text('a', '1'), text('b', '2')]),
      patch(1, { op: 'row', row: text('a', '3') }),
    ]);
    assert.deepEqual(rows(state), [text('a', '3'), text('b', '2')]);
  });

  it('shows the empty state for a snapshot without a run', () => {
    const { state } = feed([{ type: 'snapshot', n: 0, hostNow: NOW, draft: '' }]);
    assert.equal(state.shown.kind, 'empty');
  });

  it('asks once for a snapshot when a number is missing, and ignores patches until it comes', () => {
    const lost = feed([
      snapshot(0, [text('a', 'x')]),
      patch(2, { op: 'append', id: 'a', at: 1, text: 'z' }),
      patch(3, { op: 'append', id: 'a', at: 2, text: '!' }),
    ]);
    assert.deepEqual(lost.effects, [{ do: 'resync' }]);
    assert.deepEqual(rows(lost.state), [text('a', 'x')]);

    const found = feed(
      [snapshot(3, [text('a', 'xyz!')]), patch(4, { op: 'append', id: 'a', at: 4, text: '?' })],
      lost.state,
    );
    assert.deepEqual(rows(found.state), [text('a', 'xyz!?')]);
    assert.deepEqual(found.effects, []);
  });

  it('ignores a patch that the snapshot already holds', () => {
    const { state, effects } = feed([
      snapshot(2, [text('a', 'xy')]),
      patch(2, { op: 'append', id: 'a', at: 1, text: 'y' }),
    ]);
    assert.deepEqual(rows(state), [text('a', 'xy')]);
    assert.deepEqual(effects, []);
  });

  const misfits: Record<string, PatchOp> = {
    'appends at another offset': { op: 'append', id: 'a', at: 0, text: 'y' },
    'appends to a row that is not there': { op: 'append', id: 'b', at: 0, text: 'y' },
    'appends to a row without text': { op: 'append', id: 't', at: 0, text: 'y' },
    'drops a row that is not there': { op: 'drop', id: 'b' },
  };
  for (const [name, op] of Object.entries(misfits)) {
    it(`applies nothing of a patch that ${name}, and asks for a snapshot`, () => {
      const tool: Row = { kind: 'tool', id: 't', title: 'Read', summary: '', status: 'running' };
      const { state, effects } = feed([
        snapshot(0, [text('a', 'x'), tool]),
        patch(1, { op: 'append', id: 'a', at: 1, text: 'ok' }, op),
      ]);
      assert.deepEqual(rows(state), [text('a', 'x'), tool]);
      assert.deepEqual(effects, [{ do: 'resync' }]);
    });
  }

  it('asks for a snapshot when a message cannot be read, but not again while waiting for one', () => {
    const { state } = feed([snapshot(0, [])]);
    const once = loseSync(state);
    assert.deepEqual(once.effects, [{ do: 'resync' }]);
    assert.deepEqual(loseSync(once.state).effects, []);
    assert.deepEqual(loseSync(initialState).effects, [], 'the host answers `ready` anyway');
  });

  it('corrects for the clock of another machine, and not for latency', () => {
    const { state } = feed([snapshot(0, [], NOW + 60_000)]);
    assert.equal(state.clockOffset, 60_000);
    const late = apply(state, { type: 'patch', n: 1, hostNow: NOW + 59_800, ops: [] }, NOW).state;
    assert.equal(late.clockOffset, 60_000);
    const moved = apply(late, { type: 'patch', n: 2, hostNow: NOW + 5_000, ops: [] }, NOW).state;
    assert.equal(moved.clockOffset, 5_000);
  });

  it('moves the focus only when told to', () => {
    assert.deepEqual(feed([{ type: 'focus' }]).effects, [{ do: 'focus' }]);
  });
});

describe('a text that the host puts into the prompt box', () => {
  const insert: HostMessage = { type: 'insert', runId: 'run1', text: 'taken back' };

  it('is a value of its own each time, and outlives a snapshot', () => {
    const once = feed([snapshot(0, []), insert]).state;
    assert.deepEqual(once.inserted, { runId: 'run1', text: 'taken back' });
    assert.equal(feed([snapshot(1, [])], once).state.inserted, once.inserted);
    assert.notEqual(feed([insert], once).state.inserted, once.inserted);
  });
});

describe('what the panel announces', () => {
  const said = (from: Row[], ...ops: PatchOp[]): string[] =>
    feed([snapshot(0, from), patch(1, ...ops)]).effects.flatMap((effect) =>
      effect.do === 'announce' ? [effect.text] : [],
    );

  it('says a message when it is finished, without its marks, and no token before', () => {
    assert.deepEqual(said([text('a', '**Al')], { op: 'append', id: 'a', at: 4, text: 'most**' }), []);
    assert.deepEqual(said([text('a', '**Almost**')], { op: 'row', row: text('a', '**Done** now', true) }), [
      'Done now',
    ]);
    assert.deepEqual(said([text('a', 'Done', true)], { op: 'row', row: text('a', 'Done', true) }), []);
  });

  it('says open asks, cards, warnings and results', () => {
    const ask: Row = {
      kind: 'permission',
      id: 'p',
      askId: 'p',
      permission: 'bash',
      patterns: ['git push'],
      always: [],
      state: 'open',
    };
    assert.deepEqual(said([], { op: 'row', row: ask }), ['Permission needed: bash git push']);
    assert.deepEqual(said([ask], { op: 'row', row: { ...ask, state: 'sent' } }), []);
    const card: Row = {
      kind: 'card',
      id: 'c',
      tone: 'error',
      title: 'Stopped',
      text: 'Why.',
      facts: [],
      actions: [],
    };
    assert.deepEqual(said([], { op: 'row', row: card }), ['Stopped. Why.']);
    assert.deepEqual(
      said([], { op: 'row', row: { kind: 'notice', id: 'n', text: 'Silent', tone: 'warn' } }),
      ['Silent'],
    );
    assert.deepEqual(
      said([], { op: 'row', row: { kind: 'notice', id: 'n', text: 'Phase', tone: 'quiet' } }),
      [],
    );
    const result: Row = {
      kind: 'findings',
      id: 'f',
      findings: [],
      coverage: '6 files reviewed',
      skipped: [],
    };
    assert.deepEqual(said([], { op: 'row', row: result }), ['Review result: 0 findings. 6 files reviewed']);
    assert.deepEqual(said([], { op: 'header', header: { ...header, outcome: 'interrupted' } }), [
      'Review: Stopped',
    ]);
  });

  it('says that a prompt is queued, and that the queue is paused; not that one was sent', () => {
    const items = [
      { id: 'q1', text: 'One' },
      { id: 'q2', text: 'Two' },
    ];
    const queues: Header['queue'][] = [
      { items: items.slice(0, 1) },
      { items },
      { items, paused: 'you stopped the turn' },
      { items },
      { items: items.slice(1) },
      { items: [] },
      { items: items.slice(0, 1), paused: 'you stopped the turn' },
    ];
    const spoken = said(
      [],
      ...queues.map((queue): PatchOp => ({ op: 'header', header: { ...header, queue } })),
    );
    assert.deepEqual(spoken, [
      'Queued',
      'Queued, 2 wait',
      'Queue paused: you stopped the turn',
      'Queued; the queue is paused',
    ]);
  });

  it('says nothing of what a snapshot brings', () => {
    assert.deepEqual(feed([snapshot(0, [text('a', 'old', true)])]).effects, []);
  });

  it('keeps what is read out short', () => {
    const [spoken = ''] = said([], { op: 'row', row: text('a', 'word '.repeat(10_000), true) });
    assert.ok(spoken.length <= 401, String(spoken.length));
  });
});
