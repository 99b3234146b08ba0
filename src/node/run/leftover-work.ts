/** What the tools of dead servers left running: side effects go on in there, so a person has to know, and can end it. */
import { isRecovering } from '../../core/turn/state.ts';
import { type Leftovers, OF_BEFORE, type Server } from '../server/server.ts';
import type { Run } from './run.ts';

export interface LeftoverDesk {
  server: Server;
  /** Those that are open in this process. */
  runs(): Run[];
}

export class LeftoverWork {
  readonly #desk: LeftoverDesk;
  /** Generations of servers that are gone and left something. */
  readonly #generations = new Set<number>();
  /** Generations that another process wrote down: they are no longer told apart. */
  readonly #inherited = new Map<Run, number>();

  constructor(desk: LeftoverDesk) {
    this.#desk = desk;
  }

  /** Told in the runs whose turn died with the server: these were their tools. */
  onLeftovers({ generation, processes }: Leftovers): void {
    if (processes.length > 0) this.#generations.add(generation);
    else this.#generations.delete(generation);
    for (const run of this.#desk.runs()) {
      if (!run.isOwned) continue;
      if (processes.length > 0) tellLeft(run, { generation, processes });
      else this.#tellEnded(run, generation);
    }
  }

  /** A run that another process did is ours from here on: what its servers left is watched over by their holders. */
  async inherit(run: Run): Promise<void> {
    const { leftovers } = run.state;
    if (leftovers !== undefined) this.#inherited.set(run, leftovers);
    await this.#desk.server.recall();
  }

  /** Ends all of it. Resolves when it is gone; never rejects. */
  async end(): Promise<void> {
    const { server } = this.#desk;
    await Promise.allSettled([...this.#generations].map((generation) => server.endLeftovers(generation)));
  }

  /**
   * Ends what could get in the way of a run's next attempt. Whose a process is cannot be told: without the user's word
   * nothing ends while it is open what becomes of another run, whose command it may be.
   */
  async endFor(run: Run): Promise<void> {
    const { turn } = run.state;
    const isAgreed = turn?.phase === 'mending' && turn.agreed;
    const isOpen = this.#desk.runs().some((other) => other !== run && other.isOwned && isUndecided(other));
    if (isAgreed || !isOpen) await this.end();
  }

  #tellEnded(run: Run, generation: number): void {
    const { leftovers } = run.state;
    const inherited = this.#inherited.get(run);
    const isTheirs = generation === OF_BEFORE && leftovers === inherited;
    if (leftovers === undefined || (leftovers !== generation && !isTheirs)) return;
    this.#inherited.delete(run);
    run.append({ kind: 'leftovers-ended', generation: leftovers });
  }
}

function isUndecided({ state: { turn } }: Run): boolean {
  return turn?.phase === 'failed' || turn?.phase === 'asking';
}

function tellLeft(run: Run, { generation, processes }: Leftovers): void {
  const { turn, server, leftovers } = run.state;
  // Whoever wrote them down before has told of them.
  if (generation === OF_BEFORE && leftovers !== undefined) return;
  const isCut = turn?.phase === 'settled' && turn.outcome === 'server-unreachable';
  const isTheirs = isCut && server.generation === generation;
  if (isTheirs || (turn !== undefined && isRecovering(turn)))
    run.append({ kind: 'leftovers', generation, processes: [...processes] });
}
