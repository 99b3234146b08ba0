/**
 * Prompts that the user has written while a turn runs: the fold of their records. They are sent by us, one after the
 * other, each once the turn before it ended well; opencode 1.18.33 would take a prompt that comes earlier into the
 * turn that runs.
 *
 *     empty ──queued──▶ flowing ──stop, failure, question, another owner──▶ paused
 *       ▲                  ▲                                                  │
 *       └──last one gone───┴──────────────────────resumed─────────────────────┘
 *
 * A prompt leaves the queue with the very record that drafts its turn, so that no crash sends it twice or loses it.
 */
import { asksUser } from '../recovery/incident.ts';
import type { TurnState } from '../turn/state.ts';
import type { JournalRecord } from './record.ts';

/** Prompts that can wait in a run; a further one is refused, and stays with the user. */
export const MAX_QUEUED = 20;

/** Why a queue is paused, in the words that people read. */
export const QUEUE_PAUSED = {
  stopped: 'you stopped the turn',
  failed: 'the turn before did not end well',
  asked: 'the turn was cut off',
  left: 'its window went away or lost the session',
  notSent: 'the prompt before was not sent',
} as const;

export interface QueuedPrompt {
  id: string;
  text: string;
}

export interface Queue {
  /** In the order they are sent. */
  items: QueuedPrompt[];
  /** How many there ever were: the ids follow from it. */
  count: number;
  /** Why none is sent until the user says so, a clause without a full stop; absent while it flows. */
  paused?: string;
}

export function newQueue(): Queue {
  return { items: [], count: 0 };
}

/** The id of the next prompt that is queued. */
export function nextQueuedId({ count }: Queue): string {
  return `q${count + 1}`;
}

/** The prompt to send once no turn is under way; undefined when there is none, or none may be sent. */
export function nextQueued({ items, paused }: Queue): QueuedPrompt | undefined {
  return paused === undefined ? items[0] : undefined;
}

/** Folds a record into the queue, in place. @param turn as it was before the record. */
export function foldQueue(queue: Queue, record: JournalRecord, turn: TurnState | undefined): void {
  switch (record.kind) {
    case 'prompt-queued': {
      const reason = queue.items.length === 0 ? pauseOf(turn) : undefined;
      queue.items.push({ id: record.id, text: record.text });
      queue.count++;
      if (reason !== undefined) queue.paused = reason;
      return;
    }
    case 'prompt-unqueued':
      return drop(queue, record.id);
    case 'turn-drafted':
      if (record.queuedId !== undefined) drop(queue, record.queuedId);
      return;
    case 'queue':
      if (record.state === 'flowing') delete queue.paused;
      else pause(queue, record.reason ?? QUEUE_PAUSED.notSent);
      return;
    case 'stop-requested':
      return pause(queue, QUEUE_PAUSED.stopped);
    case 'turn-settled':
      if (record.outcome !== 'ok') pause(queue, QUEUE_PAUSED.failed);
      return;
    case 'decision':
      if (asksUser(record)) pause(queue, QUEUE_PAUSED.asked);
      return;
    case 'owner':
      return pause(queue, QUEUE_PAUSED.left);
    default:
      return;
  }
}

/** What of a turn keeps a prompt that is queued meanwhile from being sent by itself. */
function pauseOf(turn: TurnState | undefined): string | undefined {
  if (turn?.stop !== undefined) return QUEUE_PAUSED.stopped;
  if (turn?.phase === 'asking') return QUEUE_PAUSED.asked;
  return turn?.phase === 'settled' && turn.outcome !== 'ok' ? QUEUE_PAUSED.failed : undefined;
}

/** The first reason stands. There is nothing to pause in an empty queue. */
function pause(queue: Queue, reason: string): void {
  if (queue.items.length > 0) queue.paused ??= reason;
}

function drop(queue: Queue, id: string): void {
  queue.items = queue.items.filter((item) => item.id !== id);
  if (queue.items.length === 0) delete queue.paused;
}
