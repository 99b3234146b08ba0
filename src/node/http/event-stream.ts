import Client from 'undici/lib/dispatcher/client.js';
import type { Dispatcher } from 'undici';
import { connectionReason } from './problems.ts';
import { createSseDecoder } from './sse-decoder.ts';

/**
 * Until the answer's head. The event loop of opencode 1.18.33 can block for 5.5 s while it is healthy. A request that
 * comes in the moment before it is ready is taken and never answered, so a server that was restarted would wait this
 * long for its stream.
 */
const OPEN_TIMEOUT_MS = 10_000;

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

/**
 * Opens an event stream on a socket of its own: a pool would at once open another one for a stream that ended.
 * The returned function closes it; nothing is called after that.
 *
 * @param url of the stream, without credentials in it
 */
export function openEventStream(
  url: URL,
  headers: Readonly<Record<string, string>>,
  handler: EventStreamHandler,
): () => void {
  const client = new Client(url.origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: OPEN_TIMEOUT_MS,
  });
  const decoder = createSseDecoder();
  let over = false;

  const finish = (reason: string | undefined): void => {
    if (over) return;
    over = true;
    clearTimeout(openTimer);
    if (reason !== undefined) handler.onEnd(reason);
    void client.destroy();
  };
  const openTimer = setTimeout(
    () => finish(`the server did not open its event stream within ${OPEN_TIMEOUT_MS / 1000} s`),
    OPEN_TIMEOUT_MS,
  );

  const events: Dispatcher.DispatchHandler = {
    // By this the dispatcher tells its newer kind of handler from the older one.
    onRequestStart: () => undefined,
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
  client.dispatch(
    { method: 'GET', path: url.pathname + url.search, headers: { ...headers, accept: 'text/event-stream' } },
    events,
  );
  return () => finish(undefined);
}
