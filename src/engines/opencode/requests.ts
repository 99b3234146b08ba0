import * as v from 'valibot';
import { type DatabaseError, RequestError, SessionGoneError } from '../../core/errors.ts';
import type { HttpClient, HttpRequest } from '../../node/http/http-client.ts';

/** Most answers take milliseconds; the engine's event loop can block for 5.5 s while it is healthy (1.18.33). */
export const REQUEST_TIMEOUT_MS = 20_000;
/** The first request of a workspace loads its configuration and plugins. */
export const SLOW_REQUEST_TIMEOUT_MS = 60_000;

type Call = Omit<HttpRequest, 'timeoutMs' | 'method' | 'operation' | 'path'> & { timeoutMs?: number };

/** JSON requests whose answers are checked. */
export interface Requests {
  /** @throws RequestError, also for an answer of another shape than `schema`. */
  get<S extends v.GenericSchema>(
    operation: string,
    path: string,
    schema: S,
    call?: Call,
  ): Promise<v.InferOutput<S>>;
  post<S extends v.GenericSchema>(
    operation: string,
    path: string,
    schema: S,
    call?: Call,
  ): Promise<v.InferOutput<S>>;
  /** Whatever the answer holds is not read. @throws RequestError */
  patch(operation: string, path: string, body: unknown): Promise<void>;
  /** Whatever the answer holds is not read. @throws RequestError */
  delete(operation: string, path: string): Promise<void>;
}

/** What the engine says in its log of an error that it answered with a reference alone, if that is known to us. */
export type Explain = (reference: string) => Promise<DatabaseError | undefined>;

export function createRequests(http: HttpClient, explain?: Explain): Requests {
  const send = async <S extends v.GenericSchema>(
    method: HttpRequest['method'],
    operation: string,
    path: string,
    schema: S,
    call: Call = {},
  ): Promise<v.InferOutput<S>> => {
    const request: HttpRequest = { timeoutMs: REQUEST_TIMEOUT_MS, ...call, method, operation, path };
    const answer = await http.json(request).catch(async (error: unknown) => {
      throw await named(error, explain);
    });
    const result = v.safeParse(schema, answer);
    if (result.success) return result.output;
    const where = v.getDotPath(result.issues[0]) ?? 'the whole';
    const message = `Could not ${operation}: the server's answer has an unexpected shape (${where}).`;
    throw new RequestError(operation, false, message);
  };
  return {
    get: (operation, path, schema, call) => send('GET', operation, path, schema, call),
    post: (operation, path, schema, call) => send('POST', operation, path, schema, call),
    async patch(operation, path, body) {
      await send('PATCH', operation, path, v.unknown(), { body });
    },
    async delete(operation, path) {
      await send('DELETE', operation, path, v.unknown());
    },
  };
}

/** The error with the cause that is known to us in place of the engine's general words. */
async function named(error: unknown, explain: Explain | undefined): Promise<unknown> {
  if (!(error instanceof RequestError)) return error;
  const { operation, retriable, message, status } = error;
  // Also for a message of it; a message that is missing in a session that is there is `Message not found`.
  if (status === 404 && message.includes('Session not found')) return new SessionGoneError(operation);
  const [reference] = /\berr_\w+/.exec(message) ?? [];
  const cause = reference === undefined ? undefined : await explain?.(reference);
  if (cause === undefined) return error;
  return new RequestError(operation, retriable, `Could not ${operation}: ${cause.message}`, status, {
    cause,
  });
}
