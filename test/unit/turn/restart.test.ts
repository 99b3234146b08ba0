import assert from 'node:assert/strict';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { answer, finished, idle, running, type Story, text, tool } from '../support/story.ts';

const stopping: RecordBody = { kind: 'server', generation: 1, state: 'stopping' };
const exit = { signal: 'SIGTERM', stderrTail: '', expected: true };
const gone: RecordBody = { kind: 'server', generation: 1, state: 'stopped', exit };
const aborted = { error: { name: 'MessageAbortedError', message: 'Aborted' }, completedAt: 2000 };

/** Back with another server, whose session does nothing. */
function back(story: Story): Story {
  return story.each(
    { kind: 'server', generation: 2, state: 'ready' },
    { kind: 'stream', generation: 2, state: 'open' },
    { kind: 'synced', turnId: 't1', status: 'idle' },
  );
}
const decisions = (story: Story): string[] =>
  story.records.flatMap((record) =>
    record.kind === 'decision' ? [`${record.rule} ${record.decision}`] : [],
  );

describe('a turn whose server the user restarts', () => {
  it('S-14: does not end by what the engine says as it ends, and goes on in the next one', () => {
    const story = running('prompt', 'auto').events(text('Half')).each(stopping);
    story.events(text('Half', { endedAt: 2000 }), answer(aborted), idle).timer('idle');
    assert.equal(story.settled, undefined);
    back(story.each(gone));
    assert.deepEqual(decisions(story), ['9 resume']);
    const [card] = story.rows('card');
    assert.match(card?.text ?? '', /^The server was restarted while the turn ran\. What was shown is kept\./);
  });

  it('R-04: asks about a call that was cut off, whatever the engine says of it as it ends', () => {
    const story = running('prompt', 'auto').events(tool('running')).each(stopping);
    story.events(tool('completed', { output: 'User aborted the command' }), answer(aborted), idle);
    back(story.timer('idle').each(gone));
    assert.deepEqual(decisions(story), ['6 ask']);
  });

  it('T-02: is done when its answer was', () => {
    const story = running('prompt', 'auto').each(stopping).events(finished(), idle);
    assert.equal(story.settled?.outcome, 'ok');
  });
});
