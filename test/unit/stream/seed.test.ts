import assert from 'node:assert/strict';
import type { Row } from '../../../src/core/protocol.ts';
import { answer, delta, finished, idle, running, SESSION, text, tool } from '../support/story.ts';

const rowOf = (rows: readonly Row[], id: string): Row | undefined => rows.find((row) => row.id === id);

/** What was read back is told before the events that waited meanwhile, and those may be of before it was read. */
describe('what is read back against what the stream still has to tell', () => {
  it('a text that has ended is not said twice', () => {
    const story = running().events(text('One, two.', { endedAt: 9 }));
    story.events(text('', {}), delta('One, '), delta('two.'));
    assert.equal(story.state.conversation.parts.get('prt_text')?.part.type, 'text');
    assert.deepEqual(rowOf(story.view.snapshot().rows, 'prt_text'), {
      kind: 'text',
      id: 'prt_text',
      text: 'One, two.',
      done: true,
    });
    const known = story.state.conversation.parts.get('prt_text')?.part;
    assert.deepEqual(
      [known?.type === 'text' && known.text, known?.type === 'text' && known.endedAt],
      ['One, two.', 9],
    );
  });

  it('nor by the patches that a panel gets', () => {
    const story = running().events(text('One, two.', { endedAt: 9 }));
    story.view.takeOps();
    story.events(delta('One, '), delta('two.'));
    assert.deepEqual(
      story.view.takeOps().filter(({ op }) => op !== 'header'),
      [],
    );
  });

  it('a call that has ended does not begin again, and one whose state is newer has it', () => {
    const story = running().events(tool('completed', { output: 'done' }), tool('running'), tool('pending'));
    assert.equal(story.state.conversation.openTools.size, 0);
    const row = rowOf(story.view.snapshot().rows, 'prt_tool');
    assert.deepEqual(row?.kind === 'tool' && [row.status, row.output], ['completed', 'done']);
    story.events(tool('running', { id: 'prt_next' }), tool('error', { id: 'prt_next', error: 'no' }));
    const next = rowOf(story.view.snapshot().rows, 'prt_next');
    assert.equal(next?.kind === 'tool' && next.status, 'error');
  });

  it('an answer that is complete stays so, and its turn ends by it', () => {
    const story = running().events(finished(), answer({}));
    assert.equal(story.state.conversation.messages.get('msg_a')?.info.finish, 'stop');
    story.events(idle);
    assert.equal(story.settled?.outcome, 'ok');
    assert.equal(story.state.sessionId, SESSION);
  });
});
