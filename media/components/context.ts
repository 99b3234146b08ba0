import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Host } from '../host.ts';

/** What every part of a drawn run may use. */
export interface RunContext {
  readonly host: Host;
  readonly runId: string;
  /** The host's clock minus ours, ms; changes without drawing anything again. */
  readonly clock: { offset: number };
}

const Context = createContext<RunContext | undefined>(undefined);
export const RunProvider = Context.Provider;

export function useRun(): RunContext {
  const run = useContext(Context);
  if (run === undefined) throw new Error('Drawn outside a run');
  return run;
}

/** Whether the part named `id` is unfolded, and how to change it. Survives the panel being hidden. */
export function useFold(id: string, initially = false): [open: boolean, set: (open: boolean) => void] {
  const { host, runId } = useRun();
  const [open, setOpen] = useState(() => host.ui(runId).folds[id] ?? initially);
  const set = (next: boolean): void => {
    setOpen(next);
    host.keep(runId, { folds: { ...host.ui(runId).folds, [id]: next } });
  };
  return [open, set];
}

const ticking = new Set<() => void>();
let timer: number | undefined;

function tick(): void {
  for (const listener of ticking) listener();
}

/** The host's time, ms since the epoch. While `live`, the caller is drawn again each second. */
export function useHostNow(live: boolean): number {
  const { clock } = useRun();
  const [, redraw] = useState(0);
  useEffect(() => {
    if (!live) return undefined;
    const listener = (): void => redraw((turn) => turn + 1);
    ticking.add(listener);
    // One timer for all counters: they change together, and none runs when nothing does.
    timer ??= window.setInterval(tick, 1000);
    return () => {
      ticking.delete(listener);
      if (ticking.size > 0) return;
      window.clearInterval(timer);
      timer = undefined;
    };
  }, [live]);
  return Date.now() + clock.offset;
}
