/** Carries out what a turn's machine asks of the server: send, look up, re-read, abort. */
import type { EngineClient } from '../../core/engine.ts';
import { assertNever, explain, RequestError } from '../../core/errors.ts';
import type { RecordBody } from '../../core/journal/record.ts';
import type { TurnEffect, TurnState } from '../../core/turn/state.ts';
import type { EventIntake } from './event-intake.ts';

export interface TurnDesk {
  turn(): TurnState | undefined;
  connection(): { client: EngineClient } | undefined;
  intake: EventIntake;
  /** Appends a record, unless the run is no longer ours. */
  tell(body: RecordBody): void;
}

export type TurnRequest = Extract<TurnEffect, { type: 'send' | 'resend' | 'sync' | 'abort' }>;

export class TurnWork {
  readonly #desk: TurnDesk;

  constructor(desk: TurnDesk) {
    this.#desk = desk;
  }

  /** Never rejects: what goes wrong is a record too. */
  async perform({ type, turnId }: TurnRequest): Promise<void> {
    const turn = this.#desk.turn();
    if (turn?.turnId !== turnId) return;
    switch (type) {
      case 'send':
        return this.#send(turn, false);
      case 'resend':
        return this.#send(turn, true);
      case 'sync':
        return this.#sync(turn);
      case 'abort':
        return this.#abort(turn);
      default:
        assertNever(type);
    }
  }

  /** @param isLookedUp where an earlier try may have reached the server: the same ids are never sent blindly. */
  async #send({ turnId, sessionId, prompt }: TurnState, isLookedUp: boolean): Promise<void> {
    const connection = this.#desk.connection();
    // Leave the fold that asked for this before appending to it.
    await Promise.resolve();
    this.#desk.tell({ kind: 'prompt-send-started', turnId });
    try {
      if (connection === undefined)
        throw new RequestError('send', true, 'There is no server to send the prompt to');
      const fate = isLookedUp ? await connection.client.lookUp(sessionId, prompt) : 'absent';
      if (fate !== 'stored') await connection.client.send(sessionId, prompt);
      this.#desk.tell({ kind: 'prompt-send-completed', turnId });
    } catch (error) {
      const request = error instanceof RequestError ? error : undefined;
      this.#desk.tell({
        kind: 'prompt-send-failed',
        turnId,
        fateUnknown: request === undefined || request.status === undefined || request.retriable,
        error: {
          name: 'RequestError',
          message: explain(error),
          ...(request?.status === undefined ? {} : { status: request.status }),
        },
      });
    }
  }

  /** Asks the server how things stand. Live events wait meanwhile: they may be newer than the answer. */
  async #sync({ turnId, sessionId }: TurnState): Promise<void> {
    const { intake, tell } = this.#desk;
    const connection = this.#desk.connection();
    if (connection === undefined) return;
    intake.hold();
    try {
      const snapshot = await connection.client.snapshot(sessionId);
      if (this.#desk.connection() !== connection) return;
      intake.addAnswer(snapshot.events);
      tell({ kind: 'synced', turnId, status: snapshot.status.type });
    } catch (error) {
      if (this.#desk.connection() !== connection) return;
      // A server that came back without its data has no such session, so nothing runs in it.
      const isGone = error instanceof RequestError && error.status === 404;
      tell({ kind: 'synced', turnId, status: isGone ? 'idle' : 'unknown' });
    } finally {
      intake.release();
    }
  }

  async #abort({ sessionId }: TurnState): Promise<void> {
    try {
      await this.#desk.connection()?.client.abort(sessionId);
    } catch {
      // The stop timer settles the turn; a server that cannot be told is no reason to keep it running.
    }
  }
}
