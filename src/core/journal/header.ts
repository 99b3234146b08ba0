import { assertNever } from '../errors.ts';
import { type Header, MAX_QUEUED_SHOWN } from '../protocol.ts';
import { sizeText } from '../review/coverage.ts';
import { phasesOf } from '../review/phases.ts';
import { silenceLimit, silentFrom } from '../turn/clocks.ts';
import { MAX_QUEUED, type Queue } from './queue.ts';
import { runTitle } from './run-title.ts';
import { isActive, type RunState } from './state.ts';

/** What the view counts by itself. */
export interface HeaderTotals {
  /** The model that answered last. */
  model: string | undefined;
  tokens: number;
  /** US dollars. */
  cost: number;
  stallLimitMs: number;
  droppedRows: number;
}

/** The header of a run's view. Its cost does not depend on the length of the run. */
export function headerOf(state: RunState, totals: HeaderTotals): Header {
  const { info, review, turn, ended, conversation, server } = state;
  const status = turn === undefined ? undefined : conversation.sessions.get(turn.sessionId)?.status;
  const running = turn !== undefined && turn.phase !== 'settled';
  const active = isActive(state);
  return {
    runId: info?.runId ?? '',
    type: info?.type ?? 'prompt',
    title: runTitle({ state }),
    scope: state.scope === undefined ? '' : `${state.scope.title} · ${sizeText(state.scope)}`,
    startedAt: info?.at ?? 0,
    ...(ended === undefined || active ? {} : { endedAt: ended.at, outcome: ended.outcome }),
    tokens: totals.tokens,
    cost: totals.cost,
    phases: review === undefined ? [] : phasesOf(review, state.findings ? 2 : state.scope ? 1 : 0),
    demo: info?.demo ?? false,
    model: totals.model ?? info?.model ?? '',
    engine: `${info?.engine ?? ''} ${state.engineVersion ?? info?.engineVersion ?? ''}`.trim(),
    server: server.state,
    turn: turnWord(turn),
    ...(running ? { turnStartedAt: turn.startedAt, progressAt: silentFrom(turn, conversation) } : {}),
    stallLimitMs: (running ? silenceLimit(turn, conversation) : undefined) ?? totals.stallLimitMs,
    ...(running && status?.type === 'retry'
      ? { retry: { attempt: status.attempt, message: status.message, nextAt: status.nextAt } }
      : {}),
    files: [...conversation.changes],
    todos: [...conversation.todos],
    canTakeOver: false,
    canSend: !active,
    canQueue: canQueue(state),
    queue: queueView(state.queue),
    canStop: active,
    promptHint: promptHint(state),
    droppedRows: totals.droppedRows,
  };
}

/** Whether a prompt that is written now is queued. A review asks its own questions, one after the other. */
export function canQueue(state: RunState): boolean {
  return isActive(state) && state.info?.type !== 'review' && state.queue.items.length < MAX_QUEUED;
}

/** What a queued prompt is shown by: its beginning, since the header is sent whole with each change. */
function queueView({ items, paused }: Queue): Header['queue'] {
  return {
    items: items.map(({ id, text }) => ({ id, text: text.trim().slice(0, MAX_QUEUED_SHOWN) })),
    ...(paused === undefined ? {} : { paused }),
  };
}

function promptHint(state: RunState): string {
  if (!isActive(state)) return '';
  const { info, queue, turn } = state;
  if (info?.type === 'review') return 'A review has no queue. Wait for the turn to end, or stop it.';
  if (queue.items.length >= MAX_QUEUED) return `The queue is full: ${MAX_QUEUED} prompts wait in it.`;
  if (turn?.phase === 'asking') return 'Say above whether to go on with the turn. Enter queues this one.';
  return queue.paused === undefined ? 'Enter queues it: sent when the turn ends.' : 'Enter queues it.';
}

function turnWord(turn: RunState['turn']): Header['turn'] {
  if (turn === undefined) return 'none';
  if (turn.phase === 'settled') return 'settled';
  if (turn.stop !== undefined) return 'stopping';
  switch (turn.phase) {
    case 'drafted':
    case 'sent':
    case 'accepted':
      return 'sending';
    case 'running':
      return 'running';
    case 'waiting':
    case 'asking':
      return 'waiting';
    case 'failed':
    case 'mending':
      return 'recovering';
    default:
      return assertNever(turn);
  }
}
