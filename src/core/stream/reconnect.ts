/**
 * Waits before the stream is opened again, ms, by the number of failures in a row. The first is short: a
 * server that merely closed the stream takes a new one at once. None is zero, because a stream that is
 * accepted and ended at once would otherwise be asked for in a hot loop. No jitter: a server has few clients.
 */
const DELAYS_MS = [250, 500, 1_000, 2_000] as const;
/** All further ones. A dead server is found by its process or by probes, not by this. */
const LAST_DELAY_MS = 5_000;

/** @param failures how often in a row the stream was lost or refused since it last was worth something; from 0 */
export function reconnectDelay(failures: number): number {
  return DELAYS_MS[failures] ?? LAST_DELAY_MS;
}
