import assert from 'node:assert/strict';
import fc from 'fast-check';
import { step } from '../../../src/core/server/lifecycle.ts';
import { initialServer, type ServerEvent, type ServerState } from '../../../src/core/server/state.ts';

type Timer = { timer: 'ready' | 'backoff'; generation: number };

/** The world behind the machine: it does what the effects ask for, and checks what must never happen. */
class World {
  state: ServerState = initialServer(0, { restarts: 3, readyTimeoutMs: 60_000 });
  now = 0;
  /** Spawns that are asked for and not yet reported. */
  readonly pending: number[] = [];
  readonly alive = new Set<number>();
  readonly ready = new Set<number>();
  readonly endAsked = new Set<number>();
  readonly downs: number[] = [];
  readonly deadAfterReady: number[] = [];
  readonly past: ServerEvent[] = [];
  timers: Timer[] = [];
  lastSpawn = 0;

  tell(event: ServerEvent): void {
    const before = this.state.name;
    const { state, effects } = step(this.state, event, this.now);
    this.past.push(event);
    this.state = state;
    if (state.name !== before) this.timers = [];
    for (const effect of effects) {
      if (effect.type === 'spawn') {
        assert.equal(this.alive.size + this.pending.length, 0, 'a second process would run');
        assert.ok(effect.generation > this.lastSpawn, 'a generation is used once');
        this.lastSpawn = effect.generation;
        this.pending.push(effect.generation);
      } else if (effect.type === 'end') this.endAsked.add(effect.generation);
      else if (effect.type === 'timer') this.timers.push(effect);
      else this.downs.push(effect.generation);
    }
  }

  spawned(): void {
    const generation = this.pending.shift();
    if (generation === undefined) return;
    this.alive.add(generation);
    this.tell({ type: 'spawned', generation, pid: generation + 1000 });
  }

  spawnFailed(): void {
    const generation = this.pending.shift();
    if (generation !== undefined) this.tell({ type: 'spawn-failed', generation, reason: 'no' });
  }

  becomesReady(): void {
    const [generation] = this.alive;
    if (generation === undefined) return;
    this.tell({ type: 'ready', generation });
    if (this.state.name === 'ready' && this.state.generation === generation) this.ready.add(generation);
  }

  dies(): void {
    const [generation] = this.alive;
    if (generation === undefined) return;
    this.alive.delete(generation);
    if (this.ready.has(generation)) this.deadAfterReady.push(generation);
    this.tell({ type: 'exited', generation, end: { signal: 'SIGKILL', stderrTail: '' } });
  }

  outlivesKill(): void {
    const [generation] = this.alive;
    if (generation !== undefined && this.endAsked.has(generation))
      this.tell({ type: 'outlived-kill', generation });
  }

  fires(): void {
    const timer = this.timers.shift();
    if (timer) this.tell({ type: 'timer', ...timer });
  }

  /** Everything that is under way comes to its end, and nothing new is asked for. */
  settles(): void {
    while (this.pending.length > 0 || this.alive.size > 0) {
      this.spawned();
      const { name } = this.state;
      if (name === 'stopping' || name === 'failed') this.dies();
      else if (name === 'starting') this.becomesReady();
      else return;
    }
  }
}

const move: fc.Arbitrary<(world: World) => void> = fc.oneof(
  fc.constant((world: World) => world.tell({ type: 'start', jitter: 0.5 })),
  fc.constant((world: World) => world.tell({ type: 'restart' })),
  fc.constant((world: World) => world.tell({ type: 'stop' })),
  fc.constant((world: World) => world.tell({ type: 'turn-succeeded' })),
  fc.constant((world: World) => world.spawned()),
  fc.constant((world: World) => world.spawnFailed()),
  fc.constant((world: World) => world.becomesReady()),
  fc.constant((world: World) => world.dies()),
  fc.constant((world: World) => world.outlivesKill()),
  fc.constant((world: World) => world.fires()),
  fc.constantFrom('healthy', 'suspect', 'unresponsive').map((verdict) => (world: World) => {
    world.tell({ type: 'verdict', generation: world.state.generation, verdict });
  }),
  fc.constant((world: World) => {
    world.tell({ type: 'unfit', generation: world.state.generation, reason: 'unfit' });
  }),
  fc.nat(400_000).map((ms) => (world: World) => (world.now += ms)),
  // Something late of an older generation.
  fc.nat().map((pick) => (world: World) => {
    const late = world.past[pick % Math.max(1, world.past.length)];
    if (late && 'generation' in late && late.generation < world.state.generation) world.tell(late);
  }),
);

const moves = fc.array(move, { maxLength: 80 });

function lived(steps: ((world: World) => void)[]): World {
  const world = new World();
  for (const take of steps) take(world);
  return world;
}

describe('any life of an owned server', () => {
  it('S-02, S-03: has at most one process, spawns none before the last is gone, and tells each death once', () => {
    fc.assert(
      fc.property(moves, (steps) => {
        const world = lived(steps);
        assert.deepEqual(world.downs, world.deadAfterReady);
      }),
    );
  });

  it('S-06: a stop ends in stopped, with no process and nothing to come', () => {
    fc.assert(
      fc.property(moves, (steps) => {
        const world = lived(steps);
        world.tell({ type: 'stop' });
        world.settles();
        assert.equal(world.state.name, 'stopped');
        assert.equal(world.alive.size + world.pending.length + world.timers.length, 0);
      }),
    );
  });

  it('S-02: a start asked for while stopping is honoured, as far as the budget goes', () => {
    fc.assert(
      fc.property(moves, fc.constantFrom('start', 'restart'), (steps, how) => {
        const world = lived(steps);
        if (world.state.name !== 'stopping') return;
        world.tell(how === 'restart' ? { type: 'restart' } : { type: 'start', jitter: 0 });
        world.spawned();
        world.dies();
        const honoured = how === 'restart' ? ['starting'] : ['starting', 'backing-off', 'failed'];
        assert.ok(honoured.includes(world.state.name), world.state.name);
      }),
      { numRuns: 500 },
    );
  });

  it('a person can always get from anywhere to a ready server', () => {
    fc.assert(
      fc.property(moves, (steps) => {
        const world = lived(steps);
        world.tell({ type: 'restart' });
        world.settles();
        assert.equal(world.state.name, 'ready');
      }),
    );
  });
});
