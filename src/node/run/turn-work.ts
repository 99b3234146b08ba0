/** Carries out what a turn's machine asks of the server: send, look up, re-read, abort. */
import type { EngineClient, Prompt, Repair } from '../../core/engine.ts';
import { assertNever, explain, JournalError, RequestError, SessionGoneError } from '../../core/errors.ts';
import type { RecordBody } from '../../core/journal/record.ts';
import type { TurnEffect, TurnState } from '../../core/turn/state.ts';
import type { EventIntake } from './event-intake.ts';

export interface TurnDesk {
  turn(): TurnState | undefined;
  connection(): { client: EngineClient } | undefined;
  intake: EventIntake;
  /** Ends what the tools of dead servers left running. Never rejects. */
  endLeftovers(): Promise<void>;
  /** Appends a record, unless the run is no longer ours. */
  tell(body: RecordBody): void;
  /** @throws JournalError when what was told is not in the journal. */
  assertRecorded(): void;
}

export type TurnRequest = Extract<TurnEffect, { type: 'send' | 'resend' | 'sync' | 'abort' | 'mend' }>;

export class TurnWork {
  readonly #desk: TurnDesk;

  constructor(desk: TurnDesk) {
    this.#desk = desk;
  }

  /** Never rejects: what goes wrong is a record too. */
  async perform(request: TurnRequest): Promise<void> {
    const turn = this.#desk.turn();
    if (turn?.turnId !== request.turnId) return;
    switch (request.type) {
      case 'send':
        return this.#send(turn, false);
      case 'resend':
        return this.#send(turn, true);
      case 'sync':
        return this.#sync(turn);
      case 'abort':
        return this.#abort(turn);
      case 'mend':
        return this.#mend(turn, request.repairs);
      default:
        assertNever(request);
    }
  }

  /** @param isLookedUp where an earlier try may have reached the server: the same ids are never sent blindly. */
  async #send(turn: TurnState, isLookedUp: boolean): Promise<void> {
    const { turnId, sessionId } = turn;
    const prompt = promptOf(turn);
    const connection = this.#desk.connection();
    // Leave the fold that asked for this before appending to it.
    await Promise.resolve();
    this.#desk.tell({ kind: 'prompt-send-started', turnId });
    try {
      // Sent, and then known to nobody after a crash, is what the journal is there to rule out.
      this.#desk.assertRecorded();
      if (connection === undefined)
        throw new RequestError('send', true, 'There is no server to send the prompt to');
      const fate = isLookedUp ? await connection.client.lookUp(sessionId, prompt) : 'absent';
      if (fate !== 'stored') await connection.client.send(sessionId, prompt);
      this.#desk.tell({ kind: 'prompt-send-completed', turnId });
    } catch (error) {
      const request = error instanceof RequestError ? error : undefined;
      const isHeldBack = error instanceof JournalError;
      this.#desk.tell({
        kind: 'prompt-send-failed',
        turnId,
        fateUnknown: !isHeldBack && (request?.status === undefined || request.retriable),
        error: {
          name: isHeldBack ? error.name : 'RequestError',
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
      const isGone = error instanceof SessionGoneError;
      if (isGone) tell({ kind: 'note', level: 'warning', text: explain(error) });
      tell({ kind: 'synced', turnId, status: isGone ? 'idle' : 'unknown' });
    } finally {
      intake.release();
    }
  }

  async #mend({ turnId, sessionId }: TurnState, repairs: readonly Repair[]): Promise<void> {
    const connection = this.#desk.connection();
    // They may still be at work on what the next attempt would do again.
    await this.#desk.endLeftovers();
    try {
      if (connection === undefined) throw new RequestError('repair', true, 'There is no server to ask');
      if (repairs.length > 0) await connection.client.repair(sessionId, repairs);
      this.#desk.tell({ kind: 'session-mended', turnId });
    } catch (error) {
      this.#desk.tell({ kind: 'session-mended', turnId, problem: explain(error) });
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

/** The prompt of an attempt: the same ids each time, and what the model has to know of the attempt before. */
function promptOf({ prompt, notice }: TurnState): Prompt {
  if (notice === undefined) return prompt;
  return { ...prompt, system: prompt.system === undefined ? notice : `${prompt.system}\n\n${notice}` };
}
