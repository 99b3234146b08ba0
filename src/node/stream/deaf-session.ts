import type { Run } from '../run/run.ts';

/**
 * Finds a stream that is open, has its heartbeats, and does not tell what a session does: a turn that was silent for too
 * long is asked after, and has got further than was told, or has ended.
 *
 * @param onDeaf called for each such finding, once what was missed has been read
 * @returns the function that stops it
 */
export function watchForDeafness(run: Run, onDeaf: () => void): () => void {
  let isAsked = false;
  return run.listen({
    onRecord(record) {
      if (record.kind === 'stall') isAsked = record.rung === 'status';
      if (record.kind !== 'synced' || !isAsked) return;
      isAsked = false;
      if (record.status === 'unknown') return;
      // A session that has got no further goes on to the next rung: then it is the one that is silent.
      if (record.status === 'idle' || run.state.turn?.watch?.ladder.step === 'none') onDeaf();
    },
  });
}
