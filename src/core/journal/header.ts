import { assertNever } from '../errors.ts';
import type { Header } from '../protocol.ts';
import { sizeText } from '../review/coverage.ts';
import { phasesOf } from '../review/phases.ts';
import { silenceLimit } from '../turn/clocks.ts';
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
    ...(running ? { turnStartedAt: turn.startedAt, progressAt: turn.progressAt } : {}),
    stallLimitMs: (running ? silenceLimit(turn, conversation) : undefined) ?? totals.stallLimitMs,
    ...(running && status?.type === 'retry'
      ? { retry: { attempt: status.attempt, message: status.message, nextAt: status.nextAt } }
      : {}),
    files: [...conversation.changes],
    todos: [...conversation.todos],
    canTakeOver: false,
    canSend: !active,
    canStop: active,
    promptHint: promptHint(state),
    droppedRows: totals.droppedRows,
  };
}

function promptHint(state: RunState): string {
  if (!isActive(state)) return '';
  return state.turn?.phase === 'asking'
    ? 'Say above whether to go on with the turn.'
    : 'Wait for the turn to end, or stop it.';
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
