/**
 * Sends what is queued in a run: each prompt once the turn before it ended well, and nothing that the user did not ask
 * for. What a queue holds, and why it is paused, is in the journal (`core/journal/queue.ts`); here is only the one who
 * looks at it when a turn has ended, or the user says something.
 */
import { explain, JournalError } from '../../core/errors.ts';
import { MAX_QUEUED, nextQueued, nextQueuedId, QUEUE_PAUSED } from '../../core/journal/queue.ts';
import type { JournalRecord } from '../../core/journal/record.ts';
import type { Run } from './run.ts';

export interface QueueDesk {
  /** Makes sure that a run is this process's. @throws ForeignRunError */
  claim(run: Run): Promise<void>;
  /**
   * Sends a prompt, and resolves once its turn is under way.
   * @param queuedId of a queued one: nothing is sent when it is no longer next.
   */
  prompt(run: Run, text: string, queuedId?: string): Promise<void>;
}

export class QueueWork {
  readonly #desk: QueueDesk;
  /** Runs with a prompt on its way that is not under way yet: a second one must not overtake it. */
  readonly #sending = new Set<Run>();

  constructor(desk: QueueDesk) {
    this.#desk = desk;
  }

  /**
   * Takes what the user has written: sent now, or queued where a turn is under way. Resolves when it is so.
   * @param how `queue` where the user was told that it waits for the end of a turn: one that has ended badly by now
   *   leaves it in the queue.
   * @throws whatever `prompt` throws, JournalError, ForeignRunError, Error when the queue is full or there is none;
   *   nothing was sent or queued then.
   */
  async submit(run: Run, text: string, how: 'send' | 'queue'): Promise<'sent' | 'queued'> {
    await this.#desk.claim(run);
    this.#pauseLeft(run);
    const isBusy = run.active || this.#sending.has(run);
    if (how === 'queue' || isBusy) {
      this.#add(run, text);
      void this.#sendNext(run);
      return 'queued';
    }
    this.#sending.add(run);
    try {
      await this.#desk.prompt(run, text);
    } catch (error) {
      // What was queued behind it must not overtake it.
      if (!run.followed && nextQueued(run.state.queue) !== undefined)
        run.append({ kind: 'queue', state: 'paused', reason: QUEUE_PAUSED.notSent });
      throw error;
    } finally {
      this.#sending.delete(run);
    }
    return 'sent';
  }

  /** Lets the queue go on, because the user said so. @throws ForeignRunError */
  async resume(run: Run): Promise<void> {
    await this.#desk.claim(run);
    if (run.state.queue.paused !== undefined) run.append({ kind: 'queue', state: 'flowing' });
    void this.#sendNext(run);
  }

  /**
   * Takes prompts out of the queue.
   * @param ids those that were sent meanwhile are left out.
   * @param keep is given each text before it leaves the queue.
   * @throws ForeignRunError, and whatever `keep` throws; what is not out yet stays in then.
   */
  async take(
    run: Run,
    ids: readonly string[],
    cause: 'removed' | 'edited',
    keep: (text: string) => void = () => undefined,
  ): Promise<void> {
    await this.#desk.claim(run);
    this.#pauseLeft(run);
    for (const { id, text } of run.state.queue.items.filter((item) => ids.includes(item.id))) {
      keep(text);
      run.append({ kind: 'prompt-unqueued', id, cause });
    }
  }

  /** To be told of each record of a run that this process does. */
  onRecord(run: Run, record: JournalRecord): void {
    if (record.kind === 'run-ended') void this.#sendNext(run);
  }

  #add(run: Run, text: string): void {
    const { info, queue } = run.state;
    if (info?.type === 'review')
      throw new Error('A review has no queue. Wait for the turn to end, or stop it.');
    if (queue.items.length >= MAX_QUEUED)
      throw new Error(`The queue is full: ${MAX_QUEUED} prompts wait in it.`);
    const id = nextQueuedId(queue);
    run.append({ kind: 'prompt-queued', id, text });
    if (!run.isRecorded) {
      // In memory alone it would be gone with the window: better with the user, who knows of it.
      run.append({ kind: 'prompt-unqueued', id, cause: 'edited' });
      throw new JournalError('The prompt was not queued: this session can no longer be recorded.');
    }
    // The turn before ended badly, but the one that this is queued behind is on its way already.
    if (this.#sending.has(run) && queue.items.length === 1 && queue.paused !== undefined)
      run.append({ kind: 'queue', state: 'flowing' });
  }

  /** Sends the next one if it may be sent. Never rejects: why it could not be sent is a record. */
  async #sendNext(run: Run): Promise<void> {
    for (;;) {
      const next = nextQueued(run.state.queue);
      const isFree = run.isOwned && !run.active && !this.#sending.has(run);
      if (next === undefined || !isFree) return;
      this.#sending.add(run);
      try {
        await this.#desk.prompt(run, next.text, next.id);
      } catch (error) {
        if (!run.followed)
          run.append({ kind: 'queue', state: 'paused', reason: explain(error).replace(/\.$/, '') });
        return;
      } finally {
        this.#sending.delete(run);
      }
      // Unless its turn is under way it was taken back while the server started: the one behind it is next.
    }
  }

  /** What was left by whoever did the run before flows for nobody: only the user lets it go on. */
  #pauseLeft(run: Run): void {
    if (run.active || this.#sending.has(run) || nextQueued(run.state.queue) === undefined) return;
    run.append({ kind: 'queue', state: 'paused', reason: QUEUE_PAUSED.left });
  }
}
