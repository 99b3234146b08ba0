import { RequestError } from '../../core/errors.ts';

export type Sleep = (ms: number) => Promise<void>;

/** Waits between tries: three tries in all. Short, because a person waits; a dead server is not the client's to cure. */
export const BACKOFF_MS: readonly number[] = [300, 1_500];

/**
 * Tries again after transient failures (`RequestError` with `retriable`) and after nothing else.
 *
 * @param attempt what to try; `failed` is the error of the try before, undefined at first
 * @throws the last error
 */
export async function withRetries<T>(
  sleep: Sleep,
  attempt: (failed: RequestError | undefined) => Promise<T>,
): Promise<T> {
  let failed: RequestError | undefined;
  for (const wait of BACKOFF_MS) {
    try {
      return await attempt(failed);
    } catch (error) {
      if (!(error instanceof RequestError) || !error.retriable) throw error;
      failed = error;
    }
    await sleep(wait);
  }
  return attempt(failed);
}
