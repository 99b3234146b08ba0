import { resolve } from 'node:path';
import type { ConnectOptions, Engine, EngineClient } from '../../../src/core/engine.ts';
import { RequestError } from '../../../src/core/errors.ts';

/** A misbehaving server of this folder, by the name of its script. */
export type Fixture =
  | 'well-behaved'
  | 'never-ready'
  | 'exits-early'
  | 'ignores-sigterm'
  | 'chunked-ready-line'
  | 'leaves-a-child'
  | 'asks-for-no-password'
  | 'listens-to-everybody'
  | 'serves-no-workspace'
  | 'slow-start'
  | 'floods-stderr'
  | 'tells-its-password';

/** Suites run from the repository's root, wherever they were built to. */
const FOLDER = resolve('test/fakes/server');

/** An engine whose servers are the scripts of this folder. `fixture` is asked at each start. */
export function fakeEngine(fixture: () => Fixture): Engine {
  return {
    kind: 'opencode',
    readOnlyPermissions: [],
    locate: () => Promise.resolve({ path: process.execPath, version: '0.0.1', source: 'test' }),
    launch: ({ binary, password, baseEnv }) => ({
      command: binary.path,
      args: [resolve(FOLDER, `${fixture()}.mjs`)],
      env: { ...(baseEnv as Record<string, string>), FAKE_PASSWORD: password },
      readyLine: /^fake server listening on (http:\/\/\S+)$/,
    }),
    dataPath: () => resolve(FOLDER),
    connect: fakeClient,
    newPromptIds: () => ({ messageId: 'message', partId: 'part' }),
  };
}

/** A client that can also make its server end itself. */
export interface FakeClient extends EngineClient {
  /** The server says its last words and exits with `code`. */
  exit(code: number): Promise<void>;
}

/** Talks to `serve.mjs`. What these tests do not need is absent, and calling it fails the test. */
export function fakeClient({ baseUrl, password }: ConnectOptions): FakeClient {
  const closed = new AbortController();
  const request = async (path: string, options: RequestInit & { timeoutMs?: number } = {}) => {
    const signals = [closed.signal];
    if (options.timeoutMs !== undefined) signals.push(AbortSignal.timeout(options.timeoutMs));
    const response = await fetch(baseUrl + path, {
      headers: { authorization: `Bearer ${password}` },
      signal: AbortSignal.any(signals),
      ...options,
    });
    return { status: response.status, body: await response.text() };
  };
  const client: Partial<FakeClient> = {
    async ready(timeoutMs) {
      const { status, body } = await request('/workspace', { timeoutMs });
      if (status !== 200) throw new RequestError('read the workspace', false, body, status);
    },
    health: (timeoutMs) => request('/health', { timeoutMs }).then(({ status }) => status === 200),
    isProtected: async () => (await request('/health', { headers: {} })).status === 401,
    listSessions: async () => (await request('/sessions'), []),
    // The answer never comes.
    exit: (code) =>
      request(`/exit?code=${code}`).then(
        () => undefined,
        () => undefined,
      ),
    close: () => Promise.resolve(closed.abort()),
  };
  return client as FakeClient;
}
