import assert from 'node:assert/strict';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import { stallLimits } from '../../../src/core/turn/clocks.ts';
import { PARK_STEP_MS } from '../../../src/core/turn/state.ts';
import {
  answer,
  begin,
  busy,
  finished,
  idle,
  PROMPT,
  running as runningIn,
  SESSION,
  type Story,
  tool,
  userPart,
} from '../support/story.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CHILD = 'ses_child';
const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
const died: RecordBody = { kind: 'server', generation: 1, state: 'stopped', exit };
const back: readonly RecordBody[] = [
  { kind: 'server', generation: 2, state: 'ready' },
  { kind: 'stream', generation: 2, state: 'open' },
];
const mended: RecordBody = { kind: 'session-mended', turnId: 't1' };
const stop = (cause: 'user' | 'close' = 'user'): RecordBody => ({
  kind: 'stop-requested',
  turnId: 't1',
  cause,
});
const synced = (status: RecordOf<'synced'>['status']): RecordBody => ({
  kind: 'synced',
  turnId: 't1',
  status,
});
const owner = (serverGone?: true): RecordBody => ({
  kind: 'owner',
  owner: { pid: 2, startedAt: 0 },
  reason: 'return',
  ...(serverGone === undefined ? {} : { serverGone }),
});
const retry = (nextAt: number, sessionId = SESSION): EngineEvent => ({
  type: 'status',
  sessionId,
  status: { type: 'retry', attempt: 1, message: 'raw words', nextAt },
});

/** A turn whose engine waits so long before it asks the model again, with the time at which it means to. */
function waiting(ms: number): { story: Story; until: number } {
  const story = runningIn('prompt', 'auto');
  const until = story.now + ms;
  return { story: story.events(retry(until)), until };
}
const asked = (story: Story, ...bodies: RecordBody[]): string[] => {
  const before = story.effects.length;
  story.each(...bodies);
  return story.effects
    .slice(before)
    .flatMap((effect) =>
      effect.type === 'cancel-timer'
        ? []
        : effect.type === 'timer'
          ? [`timer ${effect.name}`]
          : [effect.type],
    );
};
const waits = (story: Story): number[] =>
  story.records.flatMap((record) => (record.kind === 'parked' ? [record.until] : []));
const notices = (story: Story): string[] => story.rows('notice').map((row) => row.text);
const sends = (story: Story): number => story.effects.filter(({ type }) => type === 'send').length;
/** Time passes; the timer of the wait fires whenever it is due. */
function pass(story: Story, until: number): Story {
  for (;;) {
    const last = story.effects.findLast((effect) => effect.type === 'timer');
    const isArmed = story.armed.includes('parked') && last?.type === 'timer' && last.name === 'parked';
    if (!isArmed || story.now + last.ms > until) break;
    const before = story.effects.length;
    story.after(last.ms).timer('parked');
    if (story.effects.length === before) break;
  }
  return story;
}

describe('a turn whose model takes no request for a while', () => {
  it('R-11: is parked by a wait of more than two minutes, said once, with its time', () => {
    const { story, until } = waiting(HOUR);
    story.events(retry(until), retry(until));
    assert.deepEqual(waits(story), [until]);
    const time = new Date(until).toTimeString().slice(0, 5);
    assert.deepEqual(notices(story), [
      `The model’s provider takes no request until ${time} (in 60 min); nothing is sent before that`,
    ]);
    assert.equal(story.view.header().canStop, true);
    assert.equal(story.view.header().retry?.nextAt, until);
    assert.equal(story.view.header().progressAt, until, 'the silence counts from there');
  });

  it('R-11: names the day where that is another one', () => {
    const { story, until } = waiting(50 * HOUR);
    const day = new Date(until);
    const date = `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, '0')}-${String(day.getDate()).padStart(2, '0')}`;
    assert.match(notices(story)[0] ?? '', new RegExp(`until ${date} \\d\\d:\\d\\d \\(in 50 h\\)`));
  });

  it('R-11: a shorter wait is the engine’s own, and no more than a line', () => {
    const { story } = waiting(2 * MINUTE);
    assert.deepEqual(waits(story), []);
    assert.match(notices(story)[0] ?? '', /^The engine asks the model again by itself: try 2, at /);
  });

  it('R-11: a new time is said anew, in the same place', () => {
    const { story, until } = waiting(HOUR);
    story.after(HOUR).events(busy, retry(until + HOUR));
    assert.deepEqual(waits(story), [until, until + HOUR]);
    assert.equal(notices(story).length, 1);
  });

  it('R-11: goes on with the engine, to whom alone the wait belongs', () => {
    const { story } = waiting(HOUR);
    story.after(HOUR).events(busy, finished(), idle);
    assert.equal(story.settled?.outcome, 'ok');
    assert.deepEqual(
      story.effects.map(({ type }) => type).filter((type) => !type.endsWith('timer')),
      ['send'],
    );
  });

  it('C-06, R-11: a sub-agent that waits is no silent tool', () => {
    const limits = stallLimits({ stallTimeoutMs: 3 * MINUTE, toolStallTimeoutMs: 30 * MINUTE });
    const story = begin()
      .tell(
        { kind: 'turn-drafted', turnId: 't1', sessionId: SESSION, prompt: PROMPT, label: '', limits },
        { kind: 'attempt-started', turnId: 't1', attempt: 1 },
        { kind: 'prompt-send-started', turnId: 't1' },
        { kind: 'prompt-send-completed', turnId: 't1' },
      )
      .events(userPart, busy, answer({}));
    story.events(
      { type: 'session', sessionId: CHILD, parentId: SESSION, title: 'Look' },
      tool('running', { tool: 'task', childSessionId: CHILD }),
      retry(story.now + 2 * HOUR, CHILD),
    );
    assert.deepEqual(waits(story), [story.now + 2 * HOUR]);
    const stalls = (): number => story.records.filter(({ kind }) => kind === 'stall').length;
    for (let passed = 0; passed < 145; passed += 2) story.after(2 * MINUTE).timer('stall');
    assert.equal(stalls(), 0);
    for (let passed = 0; passed < 10; passed += 2) story.after(2 * MINUTE).timer('stall');
    assert.equal(stalls(), 1);
  });
});

describe('recovery while the model takes no request', () => {
  it('R-06, R-11: starts no server and decides nothing before the time; both are done then', () => {
    const { story, until } = waiting(HOUR);
    assert.deepEqual(asked(story.after(MINUTE), died), ['timer parked']);
    assert.equal(story.state.turn?.phase, 'failed');
    pass(story, until - 1);
    assert.deepEqual(
      story.effects.filter(({ type }) => type === 'recover'),
      [],
    );
    story.now = until;
    assert.deepEqual(asked(story, { kind: 'timer', turnId: 't1', name: 'parked' }), [
      'recover',
      'timer read-back',
    ]);
    story.each(...back, synced('idle'), mended);
    assert.equal(story.records.findLast((record) => record.kind === 'decision')?.decision, 'replay');
    assert.equal(sends(story), 2);
  });

  it('R-11: looks at the clock on the wall from time to time, however long it is', () => {
    const { story } = waiting(1000 * HOUR);
    story.each(died);
    const armed = story.effects.findLast((effect) => effect.type === 'timer');
    assert.deepEqual(armed, { type: 'timer', turnId: 't1', name: 'parked', ms: PARK_STEP_MS });
  });

  it('R-11: honours a short wait too, and says it', () => {
    const { story, until } = waiting(30_000);
    assert.deepEqual(asked(story, died), ['timer parked']);
    assert.deepEqual(waits(story), [until]);
    assert.match(notices(story).at(-1) ?? '', /^The model is asked again at \d\d:\d\d \(in 30 s\)/);
  });

  it('R-06, R-07: a stop or a close meanwhile ends it, and nothing is sent', () => {
    for (const cause of ['user', 'close'] as const) {
      const { story, until } = waiting(HOUR);
      assert.deepEqual(asked(story, died, stop(cause)), ['timer parked']);
      assert.equal(story.settled?.outcome, 'interrupted');
      assert.deepEqual(story.armed, []);
      story.now = until;
      assert.deepEqual(asked(story, { kind: 'timer', turnId: 't1', name: 'parked' }, ...back), []);
      assert.equal(sends(story), 1);
    }
  });

  it('R-06: waits on in the window that comes back', () => {
    const { story, until } = waiting(HOUR);
    story.each(died).after(MINUTE);
    assert.deepEqual(asked(story, owner()), ['timer parked']);
    story.now = until;
    assert.deepEqual(asked(story, { kind: 'timer', turnId: 't1', name: 'parked' }), [
      'recover',
      'timer read-back',
    ]);
  });

  it('R-06: a window that comes back to a server that waits follows it', () => {
    const { story } = waiting(HOUR);
    const requests = asked(story, owner(), { kind: 'stream', generation: 1, state: 'open' }, synced('retry'));
    assert.deepEqual(requests, ['sync']);
    story.after(HOUR).events(busy, finished(), idle);
    assert.equal(story.settled?.outcome, 'ok');
  });

  it('R-06: what is offered meanwhile is gone on with at the time, also when the user says so before', () => {
    const { story, until } = waiting(HOUR);
    asked(story, owner(true));
    assert.equal(story.state.turn?.phase, 'asking');
    const goOn: RecordBody = { kind: 'recovery-answered', turnId: 't1', choice: 'go-on' };
    assert.deepEqual(asked(story, goOn), ['timer parked']);
    story.now = until;
    assert.deepEqual(asked(story, { kind: 'timer', turnId: 't1', name: 'parked' }), [
      'recover',
      'timer read-back',
    ]);
  });

  it('R-11: a server that somebody else brought back is not a reason to ask before the time', () => {
    const { story } = waiting(HOUR);
    story.each(died);
    assert.deepEqual(asked(story, ...back, synced('idle')), ['sync']);
    assert.equal(story.state.turn?.phase, 'failed');
    assert.deepEqual(
      story.records.filter(({ kind }) => kind === 'decision'),
      [],
    );
  });

  it('is over when the answer had come', () => {
    const { story } = waiting(HOUR);
    story.events(finished()).each(died);
    assert.equal(story.settled?.outcome, 'ok');
  });
});
