import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Recomputation } from '../../../src/cli/recompute.ts';
import { RunFold } from '../../../src/cli/run-fold.ts';
import type { EngineEvent } from '../../../src/core/engine.ts';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import { RECOVERY_CHOICES, RECOVERY_MODES, type RecoveryMode } from '../../../src/core/recovery/incident.ts';
import type { TurnEffect } from '../../../src/core/turn/state.ts';
import {
  answer,
  begin,
  busy,
  finished,
  idle,
  PROMPT,
  SESSION,
  type Story,
  text,
  tool,
  userPart,
} from '../support/story.ts';

/** What the driver was asked for and has not answered. */
type Request = Exclude<TurnEffect, { type: 'record' | 'timer' | 'cancel-timer' | 'abort' }> & {
  generation: number;
};
/** Enough for any turn to come to its end: three recoveries of some ten records. */
const MAX_ROUNDS = 200;

/** The driver, the server and the user around one turn, told record by record. */
class World {
  readonly story: Story;
  readonly requests: Request[] = [];
  /** When each that is armed goes off. */
  readonly timers = new Map<string, number>();
  isAlive = true;
  generation = 1;
  /** From then on the server says what is so: nothing works on the turn. */
  isResting = false;
  /** Sends after a stop, and sends of attempts that nothing called for. */
  readonly wrong: string[] = [];
  #read = 0;
  #seen = 0;

  constructor(mode: RecoveryMode, hasClocks: boolean) {
    this.story = begin();
    this.#read = this.story.records.length;
    this.tell({
      kind: 'turn-drafted',
      turnId: 't1',
      sessionId: SESSION,
      prompt: PROMPT,
      label: '',
      recovery: mode,
      ...(hasClocks && { limits: { firstByteMs: 120_000, modelMs: 180_000, toolMs: 1_800_000 } }),
    });
    this.tell({ kind: 'attempt-started', turnId: 't1', attempt: 1 });
  }

  get phase(): string | undefined {
    return this.story.state.turn?.phase;
  }

  get attempt(): number {
    return this.story.state.turn?.attempt ?? 0;
  }

  /** @param bodies come at once, as events and the record that flushes them do. */
  tell(...bodies: RecordBody[]): void {
    const { story } = this;
    const attemptBefore = this.attempt;
    story.tell(...bodies);
    for (const effect of story.effects.slice(this.#seen)) this.#take(effect as TurnEffect, attemptBefore);
    this.#seen = story.effects.length;
    this.#read = story.records.length;
  }

  event(...events: EngineEvent[]): void {
    this.tell(...events.map((event): RecordBody => ({ kind: 'event', event })));
  }

  #take(effect: TurnEffect, attemptBefore: number): void {
    const { turn } = this.story.state;
    const notBefore = turn !== undefined && 'notBefore' in turn ? (turn.notBefore ?? 0) : 0;
    if (/^(recover|mend|send)$/.test(effect.type) && this.story.now < notBefore)
      this.wrong.push(`${effect.type} before the model takes requests again`);
    switch (effect.type) {
      case 'timer':
        this.timers.set(effect.name, this.story.now + effect.ms);
        return;
      case 'cancel-timer':
        this.timers.delete(effect.name);
        return;
      case 'send':
      case 'resend':
        // The loop guard's stop is one of an attempt.
        if (
          this.story.records
            .slice(0, this.#read)
            .some((record) => record.kind === 'stop-requested' && record.cause !== 'loop')
        )
          this.wrong.push(`${effect.type} after a stop`);
        if (effect.type === 'send' && this.attempt > 1 && this.attempt !== attemptBefore) this.#checkSend();
        break;
      case 'sync':
      case 'mend':
      case 'recover':
      case 'give-up-server':
        break;
      default:
        return;
    }
    this.requests.push({ ...effect, generation: this.generation });
  }

  #checkSend(): void {
    const last = this.story.records.findLast((record) => record.kind === 'decision');
    const isCalledFor = last?.decision === 'replay' || last?.decision === 'resume';
    if (!isCalledFor || last.attempt !== this.attempt - 1)
      this.wrong.push(
        `attempt ${this.attempt} after ${last?.decision ?? 'nothing'} of ${last?.attempt ?? 0}`,
      );
  }

  dies(...withIt: EngineEvent[]): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    const { generation } = this;
    const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
    this.tell(...withIt.map((event): RecordBody => ({ kind: 'event', event })), {
      kind: 'server',
      generation,
      state: 'stopped',
      exit,
    });
  }

  comesBack(): void {
    if (this.isAlive) return;
    this.isAlive = true;
    this.generation++;
    this.tell({ kind: 'server', generation: this.generation, state: 'ready' });
  }

  stream(state: 'open' | 'lost'): void {
    if (this.isAlive) this.tell({ kind: 'stream', generation: this.generation, state });
  }

  /** The timer that is next. */
  fires(): void {
    const [next] = [...this.timers].toSorted(([, one], [, other]) => one - other);
    if (next === undefined) return;
    const [name, at] = next;
    this.story.now = Math.max(this.story.now, at);
    this.timers.delete(name);
    this.tell({ kind: 'timer', turnId: 't1', name });
  }

  /** Another process has the run: what was under way in the old one is gone. */
  changesOwner(serverGone: boolean): void {
    if (this.phase === 'settled') return;
    this.requests.length = 0;
    this.timers.clear();
    if (serverGone) this.isAlive = false;
    const owner = { pid: 2, startedAt: this.story.now };
    this.tell({ kind: 'owner', owner, reason: 'return', ...(serverGone && { serverGone }) });
    if (this.isAlive) this.stream('open');
  }

  /** @param how chooses among the ways in which a request can end. */
  answers(pick: number, how: number): void {
    const [request] = this.requests.splice(pick % Math.max(1, this.requests.length), 1);
    if (request === undefined) return;
    const isSame = this.isAlive && request.generation === this.generation;
    switch (request.type) {
      case 'recover':
        return this.#recovers(how);
      case 'sync':
        return isSame ? this.#synced(how) : undefined;
      case 'mend':
        return this.tell({
          kind: 'session-mended',
          turnId: 't1',
          ...(isSame && how % 5 !== 0 ? {} : { problem: 'No.' }),
        });
      case 'send':
      case 'resend':
        return this.#sends(isSame, how);
      case 'give-up-server':
        return isSame ? this.dies() : undefined;
      default:
        assert.fail(request satisfies never);
    }
  }

  #recovers(how: number): void {
    if (this.phase !== 'failed') return;
    if (how % 12 === 0) return this.tell({ kind: 'recovery-failed', turnId: 't1', reason: 'None.' });
    if (this.isAlive) return this.#synced(how);
    this.comesBack();
    if (how % 4 !== 1) this.stream('open');
  }

  #synced(how: number): void {
    const answers =
      this.phase === 'failed'
        ? (['idle', 'idle', 'idle', 'busy', 'unknown'] as const)
        : (['busy', 'busy', 'busy', 'idle', 'unknown'] as const);
    const status = answers[how % 5] ?? 'idle';
    const isOver = this.isResting && (status === 'busy' || this.phase !== 'failed');
    this.tell({ kind: 'synced', turnId: 't1', status: isOver ? 'idle' : status });
  }

  #sends(isSame: boolean, how: number): void {
    this.tell({ kind: 'prompt-send-started', turnId: 't1' });
    if (isSame && how % 10 !== 0) return this.tell({ kind: 'prompt-send-completed', turnId: 't1' });
    const error = { name: 'RequestError', message: 'no' };
    this.tell({ kind: 'prompt-send-failed', turnId: 't1', fateUnknown: how % 20 === 0, error });
  }

  /** Nothing new happens: what was asked for is answered, timers fire, and a server that is still silent dies. */
  comesToRest(how: number): void {
    this.isResting = true;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (this.requests.length > 0) this.answers(0, how);
      else if (this.timers.size > 0) this.fires();
      else if (this.isAlive) this.dies();
      else return;
    }
    assert.fail(`no rest after ${MAX_ROUNDS} rounds: ${this.phase}`);
  }
}

type Move = (world: World) => void;

/** As likely high as low, unlike the numbers that make good border cases. */
const chance = fc.noBias(fc.nat(59));

const output = fc
  .record({ message: fc.nat(1), what: fc.nat(6) })
  .map(({ message, what }) => (world: World): EngineEvent[] => {
    const id = `msg_${world.attempt}_${message}`;
    const of = (event: EngineEvent): EngineEvent => ({ ...event, messageId: id }) as EngineEvent;
    const parts: readonly EngineEvent[] = [
      text('Some', { id: `prt_${id}`, messageId: id }),
      of(tool('running', { id: `tool_${id}`, callId: `call_${id}` })),
      of(tool('completed', { id: `tool_${id}`, callId: `call_${id}` })),
      of(tool('running', { id: `read_${id}`, callId: `read_${id}`, tool: 'read', class: 'read-only' })),
    ];
    const part = parts[what];
    // An engine tells of a message before it tells of its parts.
    if (part !== undefined) return [answer({ id }), part];
    return [[finished({ id, finish: 'tool-calls' }), finished({ id }), answer({ id })][what % 3] ?? busy];
  });
const event = fc.oneof(
  { weight: 4, arbitrary: output },
  { weight: 1, arbitrary: fc.constantFrom(busy, idle, userPart).map((one) => () => [one]) },
);
/** What comes when the model is in trouble: it fails, the engine waits for it, or it goes in circles. */
const trouble = fc
  .record({ message: fc.nat(1), what: fc.nat(5), minutes: fc.nat(90) })
  .map(({ message, what, minutes }) => (world: World): EngineEvent[] => {
    const id = `msg_${world.attempt}_${message}`;
    const error = { name: 'APIError', message: 'no', status: [400, 401, 429, 503][minutes % 4] ?? 500 };
    const failure = (n: number): EngineEvent =>
      ({
        ...tool('error', { id: `fail_${id}_${n}`, callId: `fail_${id}_${n}`, failedCall: 'same' }),
        messageId: id,
      }) as EngineEvent;
    const retry: EngineEvent = {
      type: 'status',
      sessionId: SESSION,
      status: { type: 'retry', attempt: 1, message: 'no', nextAt: world.story.now + minutes * 60_000 },
    };
    switch (what) {
      case 0:
        return [{ type: 'error', sessionId: SESSION, error }, idle, finished({ id, error }), idle];
      case 1:
        return [answer({ id }), failure(1), failure(2), failure(3)];
      case 2:
        return [finished({ id, finish: 'unknown' }), finished({ id: `${id}_b`, finish: 'unknown' })];
      case 3:
        return [answer({ id }), { type: 'compacted', sessionId: SESSION }];
      default:
        return [retry];
    }
  });
const events = fc.array(event, { minLength: 1, maxLength: 3 });

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 20,
    arbitrary: events.map((makers) => (world: World) => {
      // An engine speaks of an attempt once it has the prompt, and only while it lives.
      if (world.isAlive && world.phase !== 'drafted') world.event(...makers.flatMap((make) => make(world)));
    }),
  },
  {
    weight: 6,
    arbitrary: fc
      .array(event, { maxLength: 2 })
      .map(
        (makers) => (world: World) =>
          world.dies(...(world.phase === 'drafted' ? [] : makers.flatMap((make) => make(world)))),
      ),
  },
  {
    weight: 40,
    arbitrary: fc.tuple(chance, chance).map(
      ([pick, how]) =>
        (world: World) =>
          world.answers(pick, how),
    ),
  },
  {
    weight: 5,
    arbitrary: trouble.map((make) => (world: World) => {
      if (world.isAlive && world.phase !== 'drafted') world.event(...make(world));
    }),
  },
  { weight: 1, arbitrary: fc.constant((world: World) => world.comesBack()) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('open' as const, 'lost' as const)
      .map((state) => (world: World) => world.stream(state)),
  },
  { weight: 3, arbitrary: fc.constant((world: World) => world.fires()) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(...RECOVERY_CHOICES, 'go-on' as const, 'go-on' as const)
      .map((choice) => (world: World) => {
        if (world.phase === 'asking') world.tell({ kind: 'recovery-answered', turnId: 't1', choice });
      }),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((serverGone) => (world: World) => world.changesOwner(serverGone)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('user' as const, 'close' as const).map((cause) => (world: World) => {
      if (world.phase !== 'settled') world.tell({ kind: 'stop-requested', turnId: 't1', cause });
    }),
  },
);

const lives = fc.record({
  hasClocks: fc.boolean(),
  mode: fc.constantFrom(...RECOVERY_MODES, 'auto' as const, 'auto' as const),
  moves: fc.array(move, { minLength: 5, maxLength: 80, size: 'max' }),
  how: chance,
});

function always(check: (world: World, how: number) => void): void {
  fc.assert(
    fc.property(lives, ({ mode, hasClocks, moves, how }) => {
      const world = new World(mode, hasClocks);
      for (const take of moves) take(world);
      check(world, how);
    }),
    { numRuns: 500, seed: 20_260_101 },
  );
}

/** Whether a step of this attempt that is not completed has shown anything, told in so many records. */
function hasShown(records: Story['records'], attempt: number): boolean {
  const shown = new Set<string>();
  const completed = new Set<string>();
  for (const record of records) {
    if (record.kind !== 'event') continue;
    const told = record.event;
    if (told.type === 'part' && told.messageId.startsWith(`msg_${attempt}_`)) shown.add(told.messageId);
    if (told.type === 'message' && told.message.finish === 'tool-calls') completed.add(told.message.id);
    // An end is not taken back, but may turn out to be another one.
    if (told.type === 'message' && told.message.finish === 'stop') completed.delete(told.message.id);
  }
  return [...shown].some((id) => !completed.has(id));
}

/** What calls for a decision: each of these is answered with one at most. */
function callsForDecision(record: Story['records'][number]): boolean {
  if (record.kind === 'session-mended') return record.problem !== undefined;
  if (record.kind === 'server') return record.exit !== undefined;
  return record.kind === 'incident' || record.kind === 'recovery-answered' || record.kind === 'owner';
}

describe('any life of a turn with recovery', () => {
  it('sends an attempt only after a decision that says so, and nothing after a stop', () => {
    always(({ wrong }) => assert.deepEqual(wrong, []));
  });

  it('sends each attempt once in a process', () => {
    always(({ story }) => {
      const of = story.records.flatMap((record) =>
        record.kind === 'attempt-started' ? [record.attempt] : record.kind === 'owner' ? [0] : [],
      );
      of.forEach((attempt, index) => {
        if (attempt === 0) return;
        assert.ok(attempt > (of[index - 1] ?? 0), `attempts ${of.join(' ')}`);
      });
    });
  });

  it('takes one decision for each thing that calls for one', () => {
    always(({ story }) => {
      let called = false;
      for (const record of story.records) {
        if (callsForDecision(record)) called = true;
        if (record.kind !== 'decision') continue;
        assert.ok(called, `record ${record.seq} decides what was decided`);
        called = false;
      }
    });
  });

  it('R-05: never replays what an unfinished step has shown', () => {
    always(({ story }) => {
      story.records.forEach((record, index) => {
        if (record.kind !== 'decision' || record.decision !== 'replay') return;
        assert.equal(hasShown(story.records.slice(0, index), record.attempt), false, `record ${record.seq}`);
      });
    });
  });

  it('C-14: goes on by itself three times at most', () => {
    always(({ story }) => {
      const own = story.records.filter(
        (record): record is RecordOf<'decision'> =>
          record.kind === 'decision' &&
          (record.decision === 'replay' || record.decision === 'resume') &&
          /\(\d\/3\)/.test(record.reason),
      );
      assert.deepEqual(
        own.map(({ n }) => n),
        [1, 2, 3].slice(0, own.length),
      );
    });
  });

  it('T-01, R-07: comes to its end, or asks, once nothing more happens; and has one end', () => {
    always((world, how) => {
      world.comesToRest(how);
      assert.ok(world.phase === 'settled' || world.phase === 'asking', world.phase);
      const ends = world.story.records.filter(({ kind }) => kind === 'turn-settled');
      assert.equal(ends.length, world.phase === 'settled' ? 1 : 0);
      if (world.phase === 'asking') {
        world.tell({ kind: 'stop-requested', turnId: 't1', cause: 'user' });
        assert.equal(world.phase, 'settled', 'a question is no reason to stay');
      }
    });
  });

  it('is the same when its records are folded again, with the same decisions', () => {
    always((world, how) => {
      world.comesToRest(how);
      const fold = new RunFold();
      const recomputation = new Recomputation();
      for (const record of world.story.records) recomputation.take(record, fold.take(record), fold.state);
      recomputation.finish(true);
      assert.deepEqual(fold.state, world.story.state);
      assert.deepEqual(recomputation.differences, []);
    });
  });
});
