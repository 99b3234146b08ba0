import type { EngineEvent } from '../../core/engine.ts';

/**
 * Adds an event to a batch. Consecutive deltas of one part become one, and a running tool's newer state
 * replaces the older one when nothing came between: the engine repeats the whole output with every line.
 * Nothing is lost by either.
 */
export function pushCoalesced(batch: EngineEvent[], event: EngineEvent): void {
  const last = batch.at(-1);
  if (last?.type === 'delta' && event.type === 'delta' && last.partId === event.partId) {
    last.text += event.text;
    return;
  }
  if (last?.type === 'part' && event.type === 'part' && isRunningAgain(last.part, event.part)) {
    batch[batch.length - 1] = event;
    return;
  }
  // A delta is grown in place, so the batch holds a copy of its own: others may look at the same event.
  batch.push(event.type === 'delta' ? { ...event } : event);
}

type Part = Extract<EngineEvent, { type: 'part' }>['part'];

function isRunningAgain(before: Part, after: Part): boolean {
  return (
    before.type === 'tool' &&
    after.type === 'tool' &&
    before.id === after.id &&
    before.status === 'running' &&
    after.status === 'running'
  );
}
