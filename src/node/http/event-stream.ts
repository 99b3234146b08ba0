import type { Dispatcher, Pool } from 'undici';
import { connectionReason } from './problems.ts';
import { createSseDecoder } from './sse-decoder.ts';

/** Until the answer's head. The engine's event loop can block for 5.5 s while it is healthy (opencode 1.18.33). */
const OPEN_TIMEOUT_MS = 30_000;

export interface EventStreamHandler {
  /** The server answered 200 with an event stream. */
  onOpen(): void;
  /** Bytes of any kind came in, comments included. Called before the events in them. */
  onBytes(count: number): void;
  /** The data of all events that one read of the socket completed; never empty. */
  onData(data: string[]): void;
  /** The stream could not be opened or ended. Exactly once, unless it was closed on our side. */
  onEnd(reason: string): void;
}

/** Opens an event stream on a socket of the pool. The returned function closes it; nothing is called after that. */
export function openEventStream(
  pool: Pool,
  path: string,
  headers: Readonly<Record<string, string>>,
  handler: EventStreamHandler,
): () => void {
  const decoder = createSseDecoder();
  let over = false;
  let abort: (() => void) | undefined;

  const finish = (reason: string | undefined): void => {
    if (over) return;
    over = true;
    clearTimeout(openTimer);
    if (reason !== undefined) handler.onEnd(reason);
    abort?.();
  };
  const openTimer = setTimeout(
    () => finish(`the server did not open its event stream within ${OPEN_TIMEOUT_MS / 1000} s`),
    OPEN_TIMEOUT_MS,
  );

  const events: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      if (over) controller.abort(new Error('closed'));
      else abort = () => controller.abort(new Error('closed'));
    },
    onResponseStart(_controller, status, answerHeaders) {
      if (over) return;
      clearTimeout(openTimer);
      const type = String(answerHeaders['content-type'] ?? '');
      if (status !== 200) finish(`the server answered ${status} to the event stream`);
      else if (!type.includes('text/event-stream'))
        finish(`the server sent ${type} instead of an event stream`);
      else handler.onOpen();
    },
    onResponseData(_controller, chunk) {
      if (over) return;
      handler.onBytes(chunk.length);
      let data: string[];
      try {
        data = decoder.push(chunk);
      } catch {
        finish('an event of the server exceeded every bound');
        return;
      }
      if (data.length > 0 && !over) handler.onData(data);
    },
    onResponseEnd: () => finish('the server ended its event stream'),
    onResponseError: (_controller, error) => finish(connectionReason(error)),
  };
  try {
    pool.dispatch({ method: 'GET', path, headers: { ...headers, accept: 'text/event-stream' } }, events);
  } catch (error) {
    finish(connectionReason(error));
  }
  return () => finish(undefined);
}
