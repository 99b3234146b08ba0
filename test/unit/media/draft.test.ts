import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DRAFT_DELAY_MS, DraftSaver } from '../../../media/draft.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';

/** How far the disk may be behind the keys, ms. */
const PROMISED_MS = 500;

describe('what is typed into the prompt box', () => {
  let clock: FakeClock;
  let posted: string[];
  const box = (initial = ''): DraftSaver =>
    new DraftSaver(
      initial,
      (text) => posted.push(text),
      (ms, then) => clock.setTimer(ms, then),
    );
  beforeEach(() => {
    clock = new FakeClock();
    posted = [];
  });

  it('reaches the host at most 500 ms behind the keys, however fast and however long somebody types', () => {
    assert.ok(DRAFT_DELAY_MS < PROMISED_MS);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }), (pauses) => {
        clock = new FakeClock();
        posted = [];
        const saver = box();
        const keys: { at: number; text: string }[] = [];
        for (const pause of pauses) {
          // A clock that is moved in small steps shows when each text arrives.
          for (let ms = 0; ms < pause; ms++) tick();
          keys.push({ at: clock.now(), text: `${keys.at(-1)?.text ?? ''}x` });
          saver.type(keys.at(-1)?.text ?? '');
        }
        for (let ms = 0; ms < PROMISED_MS; ms++) tick();
        assert.equal(posted.at(-1) ?? '', keys.at(-1)?.text ?? '');

        function tick(): void {
          clock.advance(1);
          const due = keys.findLast(({ at }) => at <= clock.now() - PROMISED_MS)?.text ?? '';
          assert.ok((posted.at(-1) ?? '').length >= due.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is handed over at once when the panel goes away, and not again afterwards', () => {
    const saver = box('as it was');
    saver.type('as it was, and more');
    saver.flush();
    clock.advance(PROMISED_MS);
    assert.deepEqual(posted, ['as it was, and more']);
    assert.equal(clock.timers, 0);
  });

  it('is told again when its run has become that of this window, unless nothing is typed', () => {
    const saver = box('typed before');
    saver.moved();
    clock.advance(PROMISED_MS);
    assert.deepEqual(posted, ['typed before']);
    saver.taken();
    saver.moved();
    assert.deepEqual(posted, ['typed before']);
  });

  it('is told as emptied when the user empties it, and not when it was sent', () => {
    const saver = box();
    saver.type('sent');
    saver.flush();
    saver.taken();
    saver.type('');
    clock.advance(PROMISED_MS);
    assert.deepEqual(posted, ['sent']);
    saver.type('typed');
    clock.advance(PROMISED_MS);
    saver.type('');
    clock.advance(PROMISED_MS);
    assert.deepEqual(posted, ['sent', 'typed', '']);
  });
});
