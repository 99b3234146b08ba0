import Pool from 'undici/lib/dispatcher/pool.js';
import type { Dispatcher } from 'undici';
import { RequestError } from '../../core/errors.ts';
import { openEventStream, type EventStreamHandler } from './event-stream.ts';
import { connectionProblem, refusal } from './problems.ts';

/** Sockets for requests; event streams have their own. More parallel requests than that wait their turn. */
const MAX_SOCKETS = 10;
/** A local server accepts in microseconds; an attached one over a slow tunnel in seconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** An answer beyond this is not one of ours: the largest seen are message lists of some 20 MB. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

export interface HttpRequest {
  /** What is being done, in words that fit "Could not <operation>". */
  operation: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string | number | boolean>>;
  body?: unknown;
  /** For the whole exchange, connecting and reading the answer included. */
  timeoutMs: number;
}

export interface HttpClientOptions {
  /** Scheme, host and port; a path in it is kept as a prefix. */
  baseUrl: string;
  headers: Readonly<Record<string, string>>;
}

interface Answer {
  status: number;
  contentType: string;
  text: string;
}

/** JSON requests and event streams to one origin, over sockets of its own. */
export interface HttpClient {
  /**
   * The parsed JSON body, or undefined for an empty answer.
   * @throws RequestError for anything but a 2xx with JSON or nothing in it.
   */
  json(request: HttpRequest): Promise<unknown>;
  /** The bare status of a request without our credentials. @throws RequestError when no answer came. */
  statusWithoutCredentials(request: HttpRequest): Promise<number>;
  /** Opens a server-sent event stream. The returned function closes it. */
  events(path: string, handler: EventStreamHandler): () => void;
  /** Ends every socket: running requests fail, streams are closed without a word. */
  close(): Promise<void>;
}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const base = new URL(options.baseUrl);
  const prefix = base.pathname.replace(/\/$/, '');
  const pool = new Pool(base.origin, {
    connections: MAX_SOCKETS,
    pipelining: 1,
    // Every exchange has its own deadline below; the streams must never have one.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
  });

  const streams = new Set<() => void>();

  return {
    async json(request) {
      const answer = await exchange(pool, prefix, request, options.headers);
      if (answer.status < 200 || answer.status > 299)
        throw refusal(request.operation, answer.status, answer.text);
      if (answer.text === '') return undefined;
      if (!answer.contentType.includes('json')) throw notJson(request.operation, answer);
      try {
        return JSON.parse(answer.text) as unknown;
      } catch (error) {
        throw new RequestError(
          request.operation,
          false,
          `Could not ${request.operation}: the server's answer is not valid JSON.`,
          answer.status,
          { cause: error },
        );
      }
    },
    async statusWithoutCredentials(request) {
      return (await exchange(pool, prefix, request, {})).status;
    },
    events(path, handler) {
      const stop = openEventStream(new URL(base.origin + prefix + path), options.headers, {
        ...handler,
        onEnd(reason) {
          streams.delete(stop);
          handler.onEnd(reason);
        },
      });
      streams.add(stop);
      return () => {
        streams.delete(stop);
        stop();
      };
    },
    async close() {
      for (const stop of streams) stop();
      streams.clear();
      await pool.destroy();
    },
  };
}

function notJson(operation: string, answer: Answer): RequestError {
  const what = answer.contentType || 'something without a content type';
  return new RequestError(
    operation,
    false,
    `Could not ${operation}: the server answered with ${what} instead of JSON, so it is not the server (or the version) expected.`,
    answer.status,
  );
}

/**
 * One request and its whole answer. The handler is given every byte or destroys the socket, so that no answer
 * is ever left unread.
 */
function exchange(
  pool: Pool,
  prefix: string,
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { operation, timeoutMs } = request;
  return new Promise((resolve, reject) => {
    let abort: ((reason: Error) => void) | undefined;
    let settled = false;
    let status = 0;
    let contentType = '';
    const chunks: Buffer[] = [];
    let size = 0;

    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      act();
    };
    const fail = (error: RequestError): void => {
      settle(() => reject(error));
      abort?.(error);
    };
    const deadline = setTimeout(() => {
      const seconds = Math.max(1, Math.round(timeoutMs / 1000));
      const message = `Could not ${operation}: the server did not answer within ${seconds} s.`;
      fail(new RequestError(operation, true, message));
    }, timeoutMs);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        // The deadline may have passed while this waited for a socket.
        if (settled) controller.abort(new Error('expired'));
        else abort = (reason) => controller.abort(reason);
      },
      onResponseStart(_controller, statusCode, answerHeaders) {
        status = statusCode;
        const type = answerHeaders['content-type'];
        contentType = typeof type === 'string' ? type : '';
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) {
          fail(
            new RequestError(
              operation,
              false,
              `Could not ${operation}: the server's answer is too large.`,
              status,
            ),
          );
        }
      },
      onResponseEnd() {
        settle(() => resolve({ status, contentType, text: Buffer.concat(chunks).toString('utf8') }));
      },
      onResponseError(_controller, error) {
        settle(() => reject(connectionProblem(operation, error)));
      },
    };
    try {
      pool.dispatch(
        {
          method: request.method,
          path: prefix + request.path + queryString(request.query),
          headers: {
            ...headers,
            accept: 'application/json',
            ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: request.body === undefined ? null : JSON.stringify(request.body),
        },
        handler,
      );
    } catch (error) {
      settle(() => reject(connectionProblem(operation, error)));
    }
  });
}

function queryString(query: HttpRequest['query']): string {
  if (query === undefined) return '';
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) params.set(key, String(value));
  return `?${params.toString()}`;
}
