import type { Clock } from '../../core/clock.ts';

interface Step<State, Effect> {
  state: State;
  effects: Effect[];
}

export type Settlement<T> = { resolve: T } | { reject: Error };

/** Runs a pure machine: one event at a time, also when performing an effect or telling a listener brings the next. */
export class Machine<State, Event, Effect> {
  readonly #step: (state: State, event: Event, now: number) => Step<State, Effect>;
  readonly #perform: (effect: Effect) => void;
  readonly #clock: Clock;
  readonly #listeners = new Set<(state: State, before: State) => void>();
  readonly #waiting = new Set<() => void>();
  readonly #queue: Event[] = [];
  #isRunning = false;
  #state: State;

  constructor(
    initial: State,
    step: (state: State, event: Event, now: number) => Step<State, Effect>,
    perform: (effect: Effect) => void,
    clock: Clock,
  ) {
    this.#state = initial;
    this.#step = step;
    this.#perform = perform;
    this.#clock = clock;
  }

  get state(): State {
    return this.#state;
  }

  /** Listeners hear of a change before its effects are performed. */
  dispatch(event: Event): void {
    this.#queue.push(event);
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#take(next);
    this.#isRunning = false;
    for (const look of this.#waiting) look();
  }

  onChange(listener: (state: State, before: State) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Settles as soon as `decide` has an answer for the state, which may be the present one. */
  when<T>(decide: (state: State) => Settlement<T> | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const settlement = decide(this.#state);
        if (settlement === undefined) return;
        this.#waiting.delete(look);
        if ('resolve' in settlement) resolve(settlement.resolve);
        else reject(settlement.reject);
      };
      this.#waiting.add(look);
      // Asked by a listener, half way through an event: `dispatch` looks when all events are taken.
      if (!this.#isRunning) look();
    });
  }

  #take(event: Event): void {
    const before = this.#state;
    const { state, effects } = this.#step(before, event, this.#clock.now());
    this.#state = state;
    if (state !== before) for (const listener of this.#listeners) tell(() => listener(state, before));
    for (const effect of effects) this.#perform(effect);
  }
}

/** Calls a listener. One that throws is a defect of its own and must not stop the machine half way. */
export function tell(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
