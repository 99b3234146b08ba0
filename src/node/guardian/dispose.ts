import type { DisposeRequest } from '../process/process-host.ts';

/** How long a server may take to end its running work before it is signalled, ms. */
const DISPOSE_MS = 2_000;

/** Asks a server to end its work. Whatever it answers, it is signalled next: never rejects. */
export async function disposeWork(url: string, { path, headers }: DisposeRequest): Promise<void> {
  // Loaded here, since it takes megabytes that a guardian needs only at its end.
  const { request } = await import('node:http');
  await new Promise<void>((resolve) => {
    try {
      const call = request(new URL(path, url), { method: 'POST', headers, agent: false });
      const signal = AbortSignal.timeout(DISPOSE_MS);
      signal.addEventListener('abort', () => call.destroy());
      call.once('response', (response) => response.resume().once('close', resolve));
      call.once('error', () => resolve());
      call.once('close', () => resolve());
      call.end();
    } catch {
      // An address that is none.
      resolve();
    }
  });
}
