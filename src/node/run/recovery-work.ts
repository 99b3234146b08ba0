/** Brings a server for turns whose attempt failed, so that it can be decided what becomes of them. */
import { DatabaseError, explain, StartError } from '../../core/errors.ts';
import type { Server, ServerConnection } from '../server/server.ts';
import type { Run } from './run.ts';

export interface RecoveryDesk {
  server: Server;
  /** Connects a run to a server; its session is read back once the stream is open. */
  join(run: Run, connection: ServerConnection): Promise<void>;
}

export class RecoveryWork {
  readonly #desk: RecoveryDesk;
  readonly #seeking = new Set<Run>();

  constructor(desk: RecoveryDesk) {
    this.#desk = desk;
  }

  /** Never rejects: where there is no server, that is a record of the run. */
  async recover(run: Run): Promise<void> {
    // Told from inside the fold, and often from inside the server's own news.
    await Promise.resolve();
    if (this.#seeking.has(run)) return;
    this.#seeking.add(run);
    try {
      await this.#seek(run);
    } finally {
      this.#seeking.delete(run);
    }
  }

  /** Each try spends a restart of the server's own budget, and waits as long as that says. */
  async #seek(run: Run): Promise<void> {
    const { server } = this.#desk;
    while (isSeeking(run)) {
      try {
        if (await this.#reach(run, await server.ensure())) return;
      } catch (error) {
        // One that somebody else runs is waited for; the turn's own patience bounds that.
        if (server.state.kind === 'attached') return;
        if (isPaidFor(error, server)) continue;
        const turnId = run.state.turn?.turnId;
        if (turnId !== undefined && isSeeking(run))
          run.append({ kind: 'recovery-failed', turnId, reason: explain(error) });
        return;
      }
    }
  }

  /** @returns false when the server was gone again before the session was read: what asks for one then is heard here. */
  async #reach(run: Run, connection: ServerConnection): Promise<boolean> {
    if (!isSeeking(run)) return true;
    const { generation } = connection;
    if (run.connection?.generation === generation) {
      // Not waited for: what is decided then may want a server again at once.
      void run.readBack();
      return true;
    }
    await this.#desk.join(run, connection);
    return run.connection?.generation === generation || this.#desk.server.state.kind === 'attached';
  }
}

/**
 * Whether a start that went wrong has spent a restart, so that the next try is bounded. One without a process has not,
 * and goes wrong again. Another run may have begun the next one already.
 */
function isPaidFor(error: unknown, { state }: Server): boolean {
  if (!(error instanceof StartError) || state.state === 'failed') return false;
  // A lock may be gone at the next try; damage, or a full disk, is for the user to mend.
  if (error instanceof DatabaseError && error.trouble !== 'locked') return false;
  return state.state !== 'stopped' || state.exit !== undefined;
}

function isSeeking(run: Run): boolean {
  return !run.followed && run.state.turn?.phase === 'failed';
}
