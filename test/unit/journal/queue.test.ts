import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canQueue } from '../../../src/core/journal/header.ts';
import { MAX_QUEUED, nextQueued, QUEUE_PAUSED } from '../../../src/core/journal/queue.ts';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { MAX_QUEUED_SHOWN } from '../../../src/core/protocol.ts';
import { begin, finished, idle, PROMPT, running, SESSION, sent, type Story } from '../support/story.ts';

const queued = (n: number, text = `prompt ${n}`): RecordBody => ({
  kind: 'prompt-queued',
  id: `q${n}`,
  text,
});
const settled = (outcome: 'ok' | 'error' | 'interrupted', turnId = 't1'): RecordBody => ({
  kind: 'turn-settled',
  turnId,
  outcome,
  inferred: false,
});
const drafted = (turn: number, queuedId?: string): RecordBody => ({
  kind: 'turn-drafted',
  turnId: `t${turn}`,
  sessionId: SESSION,
  prompt: PROMPT,
  label: '',
  ...(queuedId === undefined ? {} : { queuedId }),
});
const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
const returned: RecordBody = { kind: 'owner', owner: { pid: 2, startedAt: 0 }, reason: 'return' };

const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };

const texts = ({ state }: Story): string[] => state.queue.items.map(({ text }) => text);
const header = (story: Story) => story.view.header();

describe('queue of prompts', () => {
  it('keeps what is written while a turn runs, in order, and has the first one sent after its good end', () => {
    const story = running().tell(queued(1), queued(2));
    assert.deepEqual(texts(story), ['prompt 1', 'prompt 2']);
    story.events(finished(), idle);
    assert.equal(story.state.ended?.outcome, 'ok');
    assert.equal(nextQueued(story.state.queue)?.text, 'prompt 1');
  });

  it('has a prompt in the queue or in a turn: the record that drafts the turn takes it out', () => {
    const story = running().tell(queued(1), queued(2)).events(finished(), idle).tell(drafted(2, 'q1'));
    assert.deepEqual(texts(story), ['prompt 2']);
    assert.equal(nextQueued(story.state.queue)?.id, 'q2');
  });

  it('loses to the user: what is removed or taken back is not sent', () => {
    const story = running().tell(queued(1), queued(2), {
      kind: 'prompt-unqueued',
      id: 'q1',
      cause: 'edited',
    });
    assert.deepEqual(texts(story), ['prompt 2']);
    story.tell({ kind: 'prompt-unqueued', id: 'q2', cause: 'removed' });
    assert.equal(nextQueued(story.state.queue), undefined);
  });

  const PAUSES: readonly [string, string, (story: Story) => Story][] = [
    ['a stop by the user', QUEUE_PAUSED.stopped, (story) => story.tell(stop)],
    [
      'a stop that came too late to change the outcome',
      QUEUE_PAUSED.stopped,
      (story) => story.tell(stop, settled('ok')),
    ],
    ['a turn that failed', QUEUE_PAUSED.failed, (story) => story.tell(settled('error'))],
    ['a window that is gone', QUEUE_PAUSED.left, (story) => story.tell(returned)],
    [
      'an incident that asks',
      QUEUE_PAUSED.asked,
      (story) =>
        story.each(
          { kind: 'server', generation: 1, state: 'stopped', exit },
          { kind: 'server', generation: 2, state: 'ready' },
          { kind: 'stream', generation: 2, state: 'open' },
          { kind: 'synced', turnId: 't1', status: 'idle' },
        ),
    ],
    [
      'a prompt that could not be sent',
      'no server',
      (story) => story.tell(settled('ok'), { kind: 'queue', state: 'paused', reason: 'no server' }),
    ],
  ];
  for (const [what, reason, pause] of PAUSES) {
    it(`is paused by ${what}, until the user lets it go on`, () => {
      const story = pause(running('prompt', 'ask').tell(queued(1), queued(2)));
      assert.equal(nextQueued(story.state.queue), undefined);
      assert.equal(header(story).queue.paused, reason);
      assert.equal(header(story).queue.items.length, 2);
      story.tell({ kind: 'queue', state: 'flowing' });
      assert.equal(nextQueued(story.state.queue)?.id, 'q1');
      assert.equal(header(story).queue.paused, undefined);
    });
  }

  it('does not flow from a prompt that is queued when its turn is being stopped, or has ended badly', () => {
    assert.equal(running().tell(stop, queued(1)).state.queue.paused, QUEUE_PAUSED.stopped);
    assert.equal(running().tell(settled('error'), queued(1)).state.queue.paused, QUEUE_PAUSED.failed);
    assert.equal(running().tell(settled('ok'), queued(1)).state.queue.paused, undefined);
  });

  it('stays paused, for the first reason, when more is queued; an empty one begins anew', () => {
    const story = running().tell(queued(1), stop, settled('interrupted'), drafted(2), queued(2));
    assert.deepEqual([texts(story).length, story.state.queue.paused], [2, QUEUE_PAUSED.stopped]);
    for (const id of ['q1', 'q2']) story.tell({ kind: 'prompt-unqueued', id, cause: 'removed' });
    story.tell(queued(3));
    assert.equal(story.state.queue.paused, undefined);
  });

  it('is open while a turn of prompts runs, up to a bound, and never in a review; the hint says so', () => {
    assert.deepEqual([header(begin()).canSend, header(begin()).canQueue], [true, false]);
    assert.deepEqual([header(sent()).canSend, header(sent()).canQueue], [false, true]);
    assert.match(header(running()).promptHint, /Enter queues it: sent when the turn ends/);
    const review = running('review');
    assert.equal(canQueue(review.state), false);
    assert.match(header(review).promptHint, /A review has no queue/);
    const full = running().tell(...Array.from({ length: MAX_QUEUED }, (_, index) => queued(index + 1)));
    assert.equal(header(full).canQueue, false);
    assert.match(header(full).promptHint, /The queue is full: 20 prompts/);
  });

  it('shows the beginning of a long prompt, and keeps all of it', () => {
    const story = running().tell(queued(1, 'x'.repeat(10_000)));
    assert.equal(header(story).queue.items[0]?.text.length, MAX_QUEUED_SHOWN);
    assert.equal(texts(story)[0]?.length, 10_000);
  });

  it('at a crash between any two records: each prompt is queued, sent once or taken out, never two of these', () => {
    const step = fc.constantFrom(
      'queue',
      'ok',
      'fail',
      'stop',
      'owner',
      'resume',
      'remove',
      'send',
      'direct',
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const story = begin();
        for (const name of steps) story.tell(...recordsOf(name, story));
        const all = story.records.flatMap((record) => (record.kind === 'prompt-queued' ? [record.id] : []));
        for (let cut = 0; cut <= story.records.length; cut++) {
          const before = story.records.slice(0, cut);
          const { state } = begin().tell(...before.slice(3));
          const known = before.flatMap((record) => (record.kind === 'prompt-queued' ? [record.id] : []));
          const left = before.flatMap((record) =>
            record.kind === 'prompt-unqueued'
              ? [record.id]
              : record.kind === 'turn-drafted'
                ? (record.queuedId ?? [])
                : [],
          );
          const waiting = state.queue.items.map(({ id }) => id);
          assert.deepEqual([...waiting, ...left].toSorted(), known.toSorted());
          assert.deepEqual(
            waiting,
            all.filter((id) => waiting.includes(id)),
            'in the order they were written',
          );
        }
      }),
    );
  });
});

/** What a driver writes down for something that happens, if it can happen now. */
function recordsOf(name: string, { state }: Story): RecordBody[] {
  const { queue, turn, turnsSettled } = state;
  const isFree = turn === undefined || turn.phase === 'settled';
  const next = nextQueued(queue);
  const turnId = turn?.turnId ?? '';
  switch (name) {
    case 'queue':
      return isFree ? [] : [queued(queue.count + 1)];
    case 'ok':
      return isFree ? [] : [settled('ok', turnId)];
    case 'fail':
      return isFree ? [] : [settled('error', turnId)];
    case 'stop':
      return isFree ? [] : [stop];
    case 'owner':
      return isFree ? [] : [returned];
    case 'resume':
      return queue.paused === undefined ? [] : [{ kind: 'queue', state: 'flowing' }];
    case 'remove':
      return queue.items.slice(-1).map(({ id }) => ({ kind: 'prompt-unqueued', id, cause: 'removed' }));
    case 'send':
      return isFree && next !== undefined ? [drafted(turnsSettled + 1, next.id)] : [];
    default:
      return isFree ? [drafted(turnsSettled + 1)] : [];
  }
}
