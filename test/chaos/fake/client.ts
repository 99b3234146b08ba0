/** The client of the real engine over fake requests: its parts are those of `src/engines/opencode`. */
import * as v from 'valibot';
import type { EngineClient } from '../../../src/core/engine.ts';
import { createFrameReader } from '../../../src/engines/opencode/events.ts';
import { repairSession } from '../../../src/engines/opencode/repair.ts';
import { createRequests } from '../../../src/engines/opencode/requests.ts';
import { withRetries } from '../../../src/engines/opencode/retry.ts';
import { lookUpPrompt, sendPrompt } from '../../../src/engines/opencode/sending.ts';
import { readSnapshot } from '../../../src/engines/opencode/snapshot.ts';
import { WireSession } from '../../../src/engines/opencode/wire.ts';
import type { HttpClient } from '../../../src/node/http/http-client.ts';
import type { ProcessClock } from './time.ts';

export function createFakeClient(http: HttpClient, clock: ProcessClock, directory: string): EngineClient {
  const requests = createRequests(http);
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve));
  const sessionOf = ({ id, title, time }: WireSession) => ({ id, title, updatedAt: time.updated });
  return {
    ready: async (timeoutMs) => {
      await requests.get('reach the workspace', '/path', v.unknown(), { timeoutMs });
    },
    health: (timeoutMs) =>
      requests.get('check the server', '/global/health', v.unknown(), { timeoutMs }).then(
        () => true,
        () => false,
      ),
    isProtected: async () => {
      const request = {
        operation: 'check',
        method: 'GET',
        path: '/global/health',
        timeoutMs: 20_000,
      } as const;
      return (await http.statusWithoutCredentials(request)) === 401;
    },
    stream: (listener) => {
      const reader = createFrameReader(directory, (odd) => listener.onOdd(odd));
      return http.events('/global/event', {
        onOpen: () => listener.onOpen(),
        onBytes: (count) => listener.onBytes(count),
        onData: (data) => {
          const events = reader.read(data);
          if (events.length > 0) listener.onEvents(events);
        },
        onEnd: (reason) => listener.onEnd(reason),
      });
    },
    defaultModel: () => Promise.resolve('fake/fake'),
    createSession: ({ title }) =>
      withRetries(sleep, async () =>
        sessionOf(await requests.post('create a session', '/session', WireSession, { body: { title } })),
      ),
    listSessions: () => Promise.resolve([]),
    send: (sessionId, prompt) => sendPrompt(requests, sleep, sessionId, prompt),
    lookUp: (sessionId, prompt) => lookUpPrompt(requests, sessionId, prompt),
    snapshot: (sessionId) => readSnapshot(requests, sessionId, directory),
    repair: (sessionId, repairs) => repairSession(requests, sleep, sessionId, repairs),
    abort: async (sessionId) => {
      await requests.post('stop the turn', `/session/${sessionId}/abort`, v.unknown());
    },
    answer: async (ask, answer) => {
      const body = { reply: answer.type === 'permission' ? answer.reply : 'reject' };
      await requests.post('answer the request', `/permission/${ask.id}/reply`, v.unknown(), { body });
    },
    close: () => http.close(),
  };
}
