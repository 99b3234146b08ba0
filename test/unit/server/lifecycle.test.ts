import assert from 'node:assert/strict';
import { step } from '../../../src/core/server/lifecycle.ts';
import {
  initialServer,
  type ServerEffect,
  type ServerEvent,
  type ServerState,
} from '../../../src/core/server/state.ts';
import { viewOwned } from '../../../src/core/server/view.ts';

const NOW = Date.UTC(2026, 0, 1);
const LIMITS = { restarts: 3, readyTimeoutMs: 60_000 };
const START: ServerEvent = { type: 'start', jitter: 0 };

const spawned = (generation: number): ServerEvent => ({ type: 'spawned', generation, pid: 100 + generation });
const ready = (generation: number): ServerEvent => ({ type: 'ready', generation, engineVersion: '1.18.33' });
const exited = (generation: number, code = 1, stderrTail = ''): ServerEvent => ({
  type: 'exited',
  generation,
  end: { code, stderrTail },
});

/** Runs events through the machine; what came out, in the order in which it did. */
function run(...events: (ServerEvent | { wait: number })[]) {
  let state: ServerState = initialServer(NOW, LIMITS);
  let now = NOW;
  const states = [state.name];
  const effects: ServerEffect[] = [];
  for (const event of events) {
    if ('wait' in event) {
      now += event.wait;
      continue;
    }
    const next = step(state, event, now);
    state = next.state;
    if (state.name !== states.at(-1)) states.push(state.name);
    effects.push(...next.effects);
  }
  const did = effects.map((effect) => `${effect.type} ${effect.generation}`);
  return { state, states, did, effects, view: viewOwned(state, now) };
}

describe('the life of an owned server', () => {
  it('starts once, is ready, is stopped', () => {
    const { states, did, view } = run(
      START,
      START,
      spawned(1),
      START,
      ready(1),
      START,
      { type: 'stop' },
      exited(1, 0),
    );
    assert.deepEqual(states, ['stopped', 'starting', 'ready', 'stopping', 'stopped']);
    assert.deepEqual(did, ['spawn 1', 'timer 1', 'end 1', 'down 1']);
    assert.equal(view.exit?.expected, true);
    assert.equal(view.reason, undefined);
  });

  it('S-01: a start while it starts, runs or waits shares what is there', () => {
    assert.deepEqual(run(START, START, START).did, ['spawn 1', 'timer 1']);
    assert.deepEqual(run(START, spawned(1), ready(1), START).did, ['spawn 1', 'timer 1']);
    const waiting = [START, exited(1), START, exited(2), START];
    assert.equal(run(...waiting).state.name, 'backing-off');
    assert.deepEqual(run(...waiting, START).did, run(...waiting).did);
  });

  it('S-02: a start asked for while stopping is remembered and begins only when the old process is gone', () => {
    const before = run(START, spawned(1), ready(1), { type: 'stop' }, START, START);
    assert.deepEqual(before.did, ['spawn 1', 'timer 1', 'end 1']);
    const after = run(START, spawned(1), ready(1), { type: 'stop' }, START, START, exited(1));
    assert.deepEqual(after.did, ['spawn 1', 'timer 1', 'end 1', 'down 1', 'spawn 2', 'timer 2']);
  });

  it('S-02: a stop after it makes a remembered start forgotten', () => {
    const { states } = run(START, spawned(1), ready(1), { type: 'restart' }, { type: 'stop' }, exited(1));
    assert.deepEqual(states, ['stopped', 'starting', 'ready', 'stopping', 'stopped']);
  });

  it('S-02: a stop or restart before the process is reported ends it when it is', () => {
    const { states, did } = run(START, { type: 'restart' }, spawned(1), exited(1), spawned(2), ready(2));
    assert.deepEqual(states, ['stopped', 'starting', 'stopping', 'starting', 'ready']);
    assert.deepEqual(did, ['spawn 1', 'timer 1', 'end 1', 'spawn 2', 'timer 2']);
  });

  it('S-03: down is told once for a death, forced or not, and never for one that was not ready', () => {
    const downs = (...events: ServerEvent[]) => run(START, spawned(1), ...events).did.filter(isDown);
    assert.deepEqual(downs(ready(1), exited(1), exited(1)), ['down 1']);
    assert.deepEqual(downs(ready(1), { type: 'stop' }, exited(1), exited(1)), ['down 1']);
    assert.deepEqual(downs(ready(1), { type: 'restart' }, exited(1), exited(1)), ['down 1']);
    assert.deepEqual(downs(exited(1)), []);
  });

  it('S-04: a start that is not ready in time is ended, and the next one is free to work', () => {
    const { states, view } = run(
      START,
      spawned(1),
      { type: 'timer', timer: 'ready', generation: 1 },
      exited(1),
    );
    assert.deepEqual(states, ['stopped', 'starting', 'stopping', 'stopped']);
    assert.equal(view.reason, 'The server was not ready within 60 s and was ended.');
    const again = run(
      START,
      spawned(1),
      { type: 'timer', timer: 'ready', generation: 1 },
      exited(1),
      START,
      spawned(2),
      ready(2),
    );
    assert.equal(again.view.state, 'ready');
    assert.equal(again.view.reason, undefined);
  });

  it('S-05: no process at all is a reason of its own, and costs nothing', () => {
    const { view } = run(
      START,
      { type: 'spawn-failed', generation: 1, reason: 'There is no /bin/engine (ENOENT).' },
      START,
    );
    assert.equal(view.state, 'starting');
    assert.equal(view.budget?.used, 0);
  });

  it('an exit before ready is a start failure, with the first words of the engine', () => {
    const { state, view } = run(START, spawned(1), exited(1, 1, '\nError: no such thing\n  at line 1'));
    assert.equal(state.name === 'stopped' && state.ending?.type, 'failure');
    assert.equal(
      view.reason,
      'The server exited with code 1 before it was ready. It said: Error: no such thing',
    );
  });

  it('a crash is not followed by a restart of its own; the next start pays, a restart by a person does not', () => {
    const crash = [START, spawned(1), ready(1), exited(1)];
    assert.deepEqual(run(...crash).did, ['spawn 1', 'timer 1', 'down 1']);
    assert.equal(run(...crash, START).view.budget?.used, 1);
    assert.equal(run(...crash, { type: 'restart' }).view.budget?.used, 0);
  });

  it('S-08, C-14: repeated failures wait 0, 5 and 15 s, then the server has failed, until the window has moved on', () => {
    const failing = [START, exited(1), START, exited(2)];
    assert.deepEqual(
      run(...failing, START).effects.filter(({ type }) => type === 'timer'),
      [
        { type: 'timer', timer: 'ready', generation: 1, ms: 60_000 },
        { type: 'timer', timer: 'ready', generation: 2, ms: 60_000 },
        { type: 'timer', timer: 'backoff', generation: 3, ms: 5_000 },
      ],
    );
    const backoff = (generation: number): ServerEvent => ({ type: 'timer', timer: 'backoff', generation });
    const spent = [...failing, START, backoff(3), exited(3), START, backoff(4), exited(4), START];
    const failed = run(...spent);
    assert.equal(failed.view.state, 'failed');
    assert.deepEqual(failed.view.budget, { limit: 3, windowMs: 300_000, used: 3 });
    assert.match(
      failed.view.reason ?? '',
      /^3 of 3 restarts within 5 minutes are used up\. The server exited with code 1/,
    );
    assert.equal(run(...spent, START).view.state, 'failed');
    assert.equal(run(...spent, { type: 'restart' }).view.state, 'starting', 'a person may always try');
    assert.equal(run(...spent, { wait: 300_000 }, START).view.state, 'starting');
    assert.equal(run(...spent, { type: 'stop' }).view.state, 'stopped');
    assert.equal(run(...spent, { type: 'stop' }, START).view.state, 'failed', 'a stop gives nothing back');
  });

  it('S-08: a budget of none is said to be none', () => {
    let state = initialServer(NOW, { ...LIMITS, restarts: 0 });
    for (const event of [START, exited(1), START]) state = step(state, event, NOW).state;
    assert.match(
      viewOwned(state, NOW).reason ?? '',
      /^Restarts are switched off \(restart budget 0\)\. The server/,
    );
  });

  it('only a successful turn gives the budget back', () => {
    const used = [START, exited(1), START, exited(2), START];
    assert.equal(run(...used).view.budget?.used, 2);
    assert.equal(
      run(...used, { type: 'stop' }, { type: 'restart' }, spawned(4), ready(4)).view.budget?.used,
      2,
    );
    assert.equal(run(...used, { type: 'turn-succeeded' }).view.budget?.used, 0);
  });

  it('S-06: a process that outlives SIGKILL fails the server; the next try ends it first, then starts', () => {
    const stuck = [
      START,
      spawned(1),
      ready(1),
      { type: 'stop' },
      { type: 'outlived-kill', generation: 1 },
    ] satisfies ServerEvent[];
    const { view, did } = run(...stuck);
    assert.equal(view.state, 'failed');
    assert.equal(view.reason, 'The server process 101 was killed and is still there.');
    assert.deepEqual(did, ['spawn 1', 'timer 1', 'end 1'], 'nobody is told of a death that did not happen');
    assert.deepEqual(run(...stuck, START).states.slice(-2), ['failed', 'stopping']);
    assert.deepEqual(run(...stuck, START, exited(1)).did.slice(3), ['end 1', 'down 1', 'spawn 2', 'timer 2']);
    assert.deepEqual(run(...stuck, exited(1)).states.slice(-2), ['failed', 'stopped']);
  });

  it('S-12: a verdict is shown and undone, and kills nothing', () => {
    const verdict = (verdict: 'healthy' | 'suspect' | 'unresponsive', generation = 1): ServerEvent => ({
      type: 'verdict',
      generation,
      verdict,
    });
    const { states, did } = run(
      START,
      spawned(1),
      ready(1),
      verdict('suspect'),
      verdict('unresponsive'),
      verdict('suspect'),
      verdict('healthy'),
      verdict('unresponsive', 0),
    );
    assert.deepEqual(states, ['stopped', 'starting', 'ready', 'unresponsive', 'ready']);
    assert.deepEqual(did, ['spawn 1', 'timer 1']);
  });

  it('S-12: a server that is given up is ended, and the next start pays', () => {
    const givenUp: ServerEvent = { type: 'given-up', generation: 1 };
    const over = [START, spawned(1), ready(1), givenUp, exited(1)];
    assert.deepEqual(run(...over).states, ['stopped', 'starting', 'ready', 'stopping', 'stopped']);
    assert.deepEqual(run(...over).did, ['spawn 1', 'timer 1', 'end 1', 'down 1']);
    assert.match(run(...over).view.reason ?? '', /did not answer any more/);
    assert.equal(run(...over, START).view.budget?.used, 1);
    // Asked for while it is being ended.
    const meanwhile = run(START, spawned(1), ready(1), givenUp, START, exited(1));
    assert.deepEqual([meanwhile.view.state, meanwhile.view.budget?.used], ['starting', 1]);
    assert.equal(run(START, givenUp).view.state, 'starting', 'a start has a patience of its own');
  });

  it('S-14: events of an older generation are inert', () => {
    const { state: before } = run(START, spawned(1), ready(1), exited(1), START, spawned(2), ready(2));
    const stale: ServerEvent[] = [
      spawned(1),
      ready(1),
      exited(1),
      { type: 'spawn-failed', generation: 1, reason: '' },
      { type: 'unfit', generation: 1, reason: '' },
      { type: 'outlived-kill', generation: 1 },
      { type: 'timer', timer: 'ready', generation: 1 },
      { type: 'timer', timer: 'backoff', generation: 1 },
      { type: 'verdict', generation: 1, verdict: 'unresponsive' },
      { type: 'given-up', generation: 1 },
    ];
    for (const event of stale) {
      const { state, effects } = step(before, event, NOW);
      assert.equal(state, before, event.type);
      assert.deepEqual(effects, []);
    }
  });

  it('T-04: an exit that was asked for is expected, whatever its code', () => {
    const { state, view } = run(START, spawned(1), ready(1), { type: 'stop' }, exited(1, 139));
    assert.equal(state.name === 'stopped' && state.ending?.type, 'stop');
    assert.equal(view.exit?.expected, true);
  });

  it('a server that will not do is ended, and says why', () => {
    const { states, view } = run(START, spawned(1), { type: 'unfit', generation: 1, reason: 'No password.' });
    assert.deepEqual(states, ['stopped', 'starting', 'stopping']);
    assert.equal(view.reason, 'No password.');
  });

  it('a changed limit counts from the next start on', () => {
    const limits = { restarts: 1, readyTimeoutMs: 5_000 };
    const { effects } = run({ type: 'configured', limits }, START);
    assert.deepEqual(effects.at(-1), { type: 'timer', timer: 'ready', generation: 1, ms: 5_000 });
    const { view } = run(START, exited(1), START, exited(2), { type: 'configured', limits }, START);
    assert.equal(view.state, 'failed');
  });
});

function isDown(effect: string): boolean {
  return effect.startsWith('down');
}
