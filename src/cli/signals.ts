/** The ways in which the command is told to end. */
import type { StopCause } from '../core/journal/record.ts';

/** From the first signal to our end, whatever the server does, ms: below the 5 s after which people lose patience. */
export const END_LIMIT_MS = 4_500;

const CAUSES = { SIGINT: 'user', SIGTERM: 'close', SIGHUP: 'close' } as const satisfies Record<
  string,
  StopCause
>;

export interface Ends {
  /** Ends things in order, within `END_LIMIT_MS`. */
  stop(cause: StopCause): void;
  /** Ends the process at once, with what it has started. Also called when `stop` takes too long. */
  kill(): void;
  /** An error that nobody caught: the same, with the error told. */
  crash(error: unknown): void;
}

/**
 * Listens for signals: the first stops, the second kills.
 * @returns gives the signals back to the system.
 */
export function onSignals(ends: Ends): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (timer !== undefined) return ends.kill();
    timer = setTimeout(() => ends.kill(), END_LIMIT_MS);
    // Only ends what hangs; it is no reason to go on.
    timer.unref();
    ends.stop(CAUSES[signal as keyof typeof CAUSES]);
  };
  const onError = (error: unknown) => ends.crash(error);
  const signals = Object.keys(CAUSES) as NodeJS.Signals[];
  for (const signal of signals) process.on(signal, onSignal);
  process.on('uncaughtException', onError);
  return () => {
    clearTimeout(timer);
    for (const signal of signals) process.removeListener(signal, onSignal);
    process.removeListener('uncaughtException', onError);
  };
}
