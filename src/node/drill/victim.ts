/** The server of a struck turn: what is done to it, and what is seen of it. */
import type { Server } from '../server/server.ts';

export class Victim {
  readonly #server: Server;
  #frozen: number | undefined;
  /** How many of its processes the drill has killed, and how many have ended. */
  kills = 0;
  ends = 0;
  /** Most restarts that were counted as used: a turn that ends well gives them back. */
  restarts = 0;

  /** @param onReady called for each of its processes. */
  constructor(server: Server, onReady: () => void) {
    this.#server = server;
    server.onDown(() => (this.ends += 1));
    server.onState(({ state, budget }) => {
      this.restarts = Math.max(this.restarts, budget?.used ?? 0);
      if (state === 'ready') onReady();
    });
  }

  /** @throws Error when it has ended by itself. */
  get pid(): number {
    const { pid } = this.#server.state;
    if (pid === undefined) throw new Error('The server had ended before the fault could strike.');
    return pid;
  }

  /** SIGKILL. @returns the pid */
  kill(): number {
    const { pid } = this;
    this.kills += 1;
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  /** SIGSTOP. @returns the pid */
  freeze(): number {
    this.#frozen = this.pid;
    process.kill(this.#frozen, 'SIGSTOP');
    return this.#frozen;
  }

  thaw(): void {
    const pid = this.#frozen;
    this.#frozen = undefined;
    if (pid !== undefined && this.#server.state.pid === pid) process.kill(pid, 'SIGCONT');
  }

  /** What was before does not count. */
  forget(): void {
    this.kills = this.ends = this.restarts = 0;
  }

  /** For an end that nobody wants to wait for. */
  killIfThere(): void {
    if (this.#server.state.pid !== undefined) this.kill();
  }
}
