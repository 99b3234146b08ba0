import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EngineEvent } from '../../../src/core/engine.ts';
import { MAX_ROW_TEXT, RunViewFold } from '../../../src/core/journal/view.ts';
import type { Header, PatchOp, Row } from '../../../src/core/protocol.ts';
import {
  answer,
  begin,
  delta,
  finished,
  idle,
  running,
  SESSION,
  type Story,
  text,
  tool,
} from '../support/story.ts';

/** What a panel does with patches. */
class Mirror {
  readonly rows = new Map<string, Row>();
  header: Header | undefined;

  apply(ops: readonly PatchOp[]): void {
    for (const op of ops) {
      if (op.op === 'row') this.rows.set(op.row.id, op.row);
      else if (op.op === 'drop') this.rows.delete(op.id);
      else if (op.op === 'header') this.header = op.header;
      else {
        const row = this.rows.get(op.id);
        assert.ok(row !== undefined && 'text' in row, 'append to a row that is there');
        assert.equal(row.text.length, op.at);
        this.rows.set(op.id, { ...row, text: row.text + op.text });
      }
    }
  }
}

describe('view of a run', () => {
  it('patches, however they are cut, lead to the same view as a snapshot', () => {
    const event: fc.Arbitrary<EngineEvent> = fc.oneof(
      fc.string({ maxLength: 5 }).map((value) => delta(value)),
      fc.string({ maxLength: 5 }).map((value) => delta(value, 'prt_other')),
      fc.constant(text('')),
      fc.constant(text('whole', { endedAt: 5 })),
      fc.constant(tool('running')),
      fc.constant(tool('completed', { output: 'x' })),
      fc.constant(answer({ tokens: { input: 1, output: 2, reasoning: 0, cacheRead: 0, cacheWrite: 0 } })),
      fc.constant<EngineEvent>({
        type: 'todos',
        sessionId: SESSION,
        todos: [{ content: 'a', status: 'pending' }],
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.boolean()), { maxLength: 40 }), (steps) => {
        const story = running();
        const mirror = new Mirror();
        mirror.apply(story.view.takeOps());
        for (const [next, look] of steps) {
          story.events(next);
          if (look) mirror.apply(story.view.takeOps());
        }
        mirror.apply(story.view.takeOps());
        const snapshot = story.view.snapshot();
        assert.deepEqual([...mirror.rows.values()], snapshot.rows);
        assert.deepEqual(mirror.header, snapshot.header);
      }),
    );
  });

  it('sends only what is new of a growing text', () => {
    const story = running().events(text(''), delta('Hello'));
    story.view.takeOps();
    story.events(delta(', world'));
    assert.deepEqual(
      story.view.takeOps().filter((op) => op.op !== 'header'),
      [{ op: 'append', id: 'prt_text', at: 5, text: ', world' }],
    );
  });

  it('keeps what was seen of a text that a crash emptied on the server', () => {
    const story = running().events(text(''), delta('Seen so far'), text(''));
    assert.equal(story.rows('text')[0]?.text, 'Seen so far');
  });

  it('marks text as incomplete while a piece of it was missed, until it is told whole', () => {
    const story = running().events(text(''), delta('Begin'));
    story.tell(
      { kind: 'stream', generation: 1, state: 'lost' },
      { kind: 'stream', generation: 1, state: 'open' },
    );
    story.events(delta('end'), text('Begin'));
    assert.equal(story.rows('text')[0]?.gap, true);
    story.events(text('Begin, middle, end', { endedAt: 9 }));
    assert.deepEqual(
      story.rows('text').map(({ text: shown, gap }) => [shown, gap]),
      [['Begin, middle, end', undefined]],
    );
  });

  it('does not show the prompt a second time as the user part that the server stores', () => {
    assert.deepEqual(
      running()
        .rows('text')
        .map((row) => row.text),
      [],
    );
    assert.deepEqual(
      running()
        .rows('you')
        .map((row) => row.text),
      ['Do it'],
    );
  });

  it('leaves the answer of a review to the findings, however its fence is cut', () => {
    const said = 'I looked at it.\n\n```json\n{"findings":[]}\n```\n';
    for (let cut = 1; cut < said.length; cut++) {
      const story = running('review').events(text(''), delta(said.slice(0, cut)), delta(said.slice(cut)));
      assert.equal(story.rows('text')[0]?.text, 'I looked at it.\n\n');
      story.events(text(said, { endedAt: 9 }));
      assert.equal(story.rows('text')[0]?.text, 'I looked at it.\n\n');
    }
  });

  it('offers the settings when there is no engine or no model', () => {
    const story = begin().tell({
      kind: 'run-ended',
      outcome: 'error',
      message: 'No engine.',
      errorKind: 'engine-missing',
    });
    assert.deepEqual(
      story.rows('card').map((row) => row.actions),
      [['open-settings', 'show-log']],
    );
  });

  it('offers to go on with a turn that ended before its answer, until another one begins', () => {
    const exit = { code: 1, stderrTail: '', expected: false };
    const story = running().tell({ kind: 'server', generation: 1, state: 'stopped', exit });
    const offered = (): boolean[] => story.rows('card').map(({ actions }) => actions.includes('continue'));
    assert.deepEqual(offered(), [true]);
    const prompt = { messageId: 'msg_2', partId: 'prt_2', text: 'Go on' };
    story.tell({ kind: 'turn-drafted', turnId: 't2', sessionId: 'ses_1', prompt, label: '' });
    assert.deepEqual(offered(), [false]);
  });

  it('does not offer to go on with what the user has stopped, nor with a step of a review', () => {
    const ended = (cause: 'user' | 'close'): Story =>
      running().tell(
        { kind: 'stop-requested', turnId: 't1', cause },
        { kind: 'turn-settled', turnId: 't1', outcome: 'interrupted', inferred: false },
      );
    const exit = { code: 1, stderrTail: '', expected: false };
    const review = running('review').tell({ kind: 'server', generation: 1, state: 'stopped', exit });
    const offered = [ended('user'), review, ended('close')].map((story) =>
      story.rows('card').map(({ actions }) => actions.includes('continue')),
    );
    assert.deepEqual(offered, [[false], [false], [true]]);
  });

  it('does not say that it connects again once the server is gone', () => {
    const story = running().tell(
      { kind: 'stream', generation: 1, state: 'lost' },
      { kind: 'server', generation: 1, state: 'stopped', exit: { code: 1, stderrTail: '', expected: false } },
    );
    assert.deepEqual(
      story.rows('notice').map((row) => row.text),
      ['Connection to the server lost'],
    );
  });

  it('keeps a half answer that the engine gave up, marked, beside the new try', () => {
    const story = running().events(text('Half an ans'));
    story.events({
      type: 'status',
      sessionId: SESSION,
      status: { type: 'retry', attempt: 1, message: 'Connection reset', nextAt: 5 },
    });
    story.events(text('The whole answer', { id: 'prt_2', endedAt: 9 }));
    assert.deepEqual(
      story.rows('text').map((row) => [row.text, row.gap ?? false, row.done]),
      [
        ['Half an ans', true, true],
        ['The whole answer', false, true],
      ],
    );
  });

  it('bounds a text, and says where the rest is', () => {
    const story = running().events(text(''), delta('x'.repeat(MAX_ROW_TEXT - 1)), delta('yyyy'), delta('z'));
    const shown = story.rows('text')[0]?.text ?? '';
    assert.match(shown.slice(-60), /xy\n\n… \(the rest stands in the transcript\)$/);
  });

  it('bounds the rows, dropping the oldest and counting them', () => {
    const story = begin();
    const view = new RunViewFold(story.state, { stallLimitMs: 1, maxRows: 2 });
    for (let index = 1; index <= 5; index++)
      view.apply({ seq: index, at: 0, kind: 'note', level: 'warning', text: `${index}` });
    const { rows, header } = view.snapshot();
    assert.deepEqual(
      rows.map((row) => row.id),
      ['note:4', 'note:5'],
    );
    assert.equal(header.droppedRows, 3);
  });

  it('counts tokens once per message, however often it is told', () => {
    const tokens = { input: 100, output: 10, reasoning: 0, cacheRead: 0, cacheWrite: 0 };
    const story = running().events(answer({ tokens }), answer({ tokens }), finished({ tokens }), idle);
    assert.equal(story.view.header().tokens, 110);
  });

  it('offers the prompt box only when nothing runs', () => {
    assert.equal(running().view.header().canSend, false);
    assert.equal(running().events(finished(), idle).view.header().canSend, true);
  });
});
