import assert from 'node:assert/strict';
import { partsOf } from '../../../src/core/journal/conversation.ts';
import { newRunState, stepRun } from '../../../src/core/journal/state.ts';
import type { PatchOp, Row } from '../../../src/core/protocol.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import type { Run } from '../../../src/node/run/run.ts';
import { apply, initialState, type PanelState } from '../../../media/store.ts';

/** A panel that is open on a run, as the webview keeps it: one snapshot, then patches alone. */
export interface OpenPanel {
  rows(): readonly Row[];
}

export function openPanel(run: Run): OpenPanel {
  const view = run.snapshot();
  let n = 0;
  let state: PanelState = apply(initialState, { type: 'snapshot', n, view, hostNow: 0, draft: '' }, 0).state;
  run.listen({
    onOps(ops: PatchOp[]) {
      state = apply(state, { type: 'patch', n: ++n, ops, hostNow: 0 }, 0).state;
      assert.equal(state.sync.state, 'synced', 'a patch did not fit what the panel shows');
    },
  });
  return {
    rows: () => (state.shown.kind === 'run' ? state.shown.entries.map(({ row }) => row) : []),
  };
}

interface Stored {
  info: { id: string; role: string; finish?: string; time: { completed?: number } };
  parts: { id: string; type: string; text?: string; tool?: string; state?: { status: string } }[];
}

/** What is compared of a message: enough to see what is missing, doubled or out of date. */
interface Told {
  id: string;
  role: string;
  finish: string | undefined;
  completedAt: number | undefined;
  parts: { id: string; said: string }[];
}

/**
 * Asserts that a run's journal, folded anew from disk, its state, and its panel hold what the engine has stored of the
 * session, and that no delta was written twice.
 *
 * @param messages gives the answer of the engine's `GET /session/<id>/message`
 */
export async function assertSameAsEngine(
  run: Run,
  panel: OpenPanel,
  messages: (sessionId: string) => Promise<unknown>,
): Promise<void> {
  const { sessionId } = run.state;
  assert.ok(sessionId !== undefined);
  const stored = (await messages(sessionId)) as Stored[];
  const truth = stored.map(({ info, parts }): Told => ({
    id: info.id,
    role: info.role,
    finish: info.finish,
    completedAt: info.time.completed,
    parts: parts.flatMap(({ id, type, text, tool, state }) => {
      if (type === 'tool') return [{ id, said: `${tool} ${state?.status}` }];
      return type === 'text' || type === 'reasoning' ? [{ id, said: text ?? '' }] : [];
    }),
  }));
  const { records } = readJournal(run.folder);
  const folded = newRunState();
  for (const record of records) stepRun(folded, record);
  assert.deepEqual(toldOf(folded), truth, 'the journal');
  assert.deepEqual(toldOf(run.state), truth, 'the state');

  const shown = truth
    .filter(({ role }) => role === 'assistant')
    .flatMap(({ parts }) => parts.map(({ id, said }) => `${id} ${said}`))
    .toSorted();
  const rowsOf = (rows: readonly Row[]): string[] =>
    rows
      .flatMap((row) => {
        if (row.kind === 'text' || row.kind === 'thinking') return [`${row.id} ${row.text}`];
        return row.kind === 'tool' ? [`${row.id} ${toolOf(stored, row.id)} ${row.status}`] : [];
      })
      .toSorted();
  assert.deepEqual(rowsOf(run.snapshot().rows), shown, 'the view');
  assert.deepEqual(rowsOf(panel.rows()), shown, 'the panel');

  const written = new Map<string, number>();
  for (const record of records) {
    if (record.kind !== 'event' || record.event.type !== 'delta') continue;
    const { partId, text } = record.event;
    written.set(partId, (written.get(partId) ?? 0) + text.length);
  }
  for (const { id, said } of truth.flatMap(({ parts }) => parts))
    assert.ok((written.get(id) ?? 0) <= said.length, `${id} was written twice`);
}

function toldOf({ conversation }: Run['state']): Told[] {
  return [...conversation.messages.values()]
    .map(({ info }): Told => ({
      id: info.id,
      role: info.role,
      finish: info.finish,
      completedAt: info.completedAt,
      parts: partsOf(conversation, info.id)
        .map(({ part }) => ({
          id: part.id,
          said: part.type === 'tool' ? `${part.tool} ${part.status}` : part.text,
        }))
        .toSorted(byId),
    }))
    .toSorted(byId);
}

/** The engine's ids grow with time. */
function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}

function toolOf(stored: readonly Stored[], id: string): string | undefined {
  return stored.flatMap(({ parts }) => parts).find((part) => part.id === id)?.tool;
}
