import * as v from 'valibot';
import type {
  Answer,
  Ask,
  ConnectOptions,
  EngineClient,
  EngineSession,
  StreamListener,
} from '../../core/engine.ts';
import { DatabaseError, RequestError } from '../../core/errors.ts';
import { createHttpClient } from '../../node/http/http-client.ts';
import { databaseFile, databaseSentence, databaseTrouble, logFile } from './database.ts';
import { readDefaultModel } from './default-model.ts';
import { createFrameReader, type FrameReader } from './events.ts';
import type { Env } from './launch.ts';
import { repairSession } from './repair.ts';
import { createRequests, type Explain, REQUEST_TIMEOUT_MS, SLOW_REQUEST_TIMEOUT_MS } from './requests.ts';
import { withRetries, type Sleep } from './retry.ts';
import { lookUpPrompt, sendPrompt } from './sending.ts';
import { lineOfReference } from './server-log.ts';
import { readSnapshot } from './snapshot.ts';
import { WireSession } from './wire.ts';

const DEFAULT_USER = 'opencode';

const nothing = v.unknown();
const Paths = v.object({ directory: v.string() });

/**
 * A client for one workspace of one opencode server.
 *
 * Events are filtered by the workspace in the engine's own spelling of its path (links resolved), which
 * `ready` learns; before it, the spelling given counts.
 */
export function createOpencodeClient(options: ConnectOptions, sleep: Sleep): EngineClient {
  let directory = options.directory.length > 1 ? options.directory.replace(/[/\\]$/, '') : options.directory;
  const http = createHttpClient({ baseUrl: options.baseUrl, headers: requestHeaders(options, directory) });
  const requests = createRequests(http, options.env && explainer(options.env, sleep));
  const readers = new Set<FrameReader>();

  return {
    async ready(timeoutMs) {
      const paths = await requests.get('reach the workspace', '/path', Paths, { timeoutMs });
      directory = paths.directory;
      for (const reader of readers) reader.setDirectory(directory);
    },
    async health(timeoutMs) {
      try {
        const health = await requests.get(
          'check the server',
          '/global/health',
          v.object({ healthy: v.boolean() }),
          {
            timeoutMs,
          },
        );
        return health.healthy;
      } catch {
        return false;
      }
    },
    async isProtected() {
      const status = await http.statusWithoutCredentials({
        operation: 'check that the server wants a password',
        method: 'GET',
        path: '/global/health',
        timeoutMs: REQUEST_TIMEOUT_MS,
      });
      return status === 401;
    },
    stream(listener) {
      const reader = createFrameReader(directory, (odd) => listener.onOdd(odd));
      readers.add(reader);
      const close = http.events('/global/event', {
        onOpen: () => listener.onOpen(),
        onBytes: (count) => listener.onBytes(count),
        onData: (data) => deliver(reader, listener, data),
        onEnd: (reason) => {
          readers.delete(reader);
          listener.onEnd(reason);
        },
      });
      return () => {
        readers.delete(reader);
        close();
      };
    },
    defaultModel: () => readDefaultModel(requests),
    createSession: ({ title, permission }) =>
      withRetries(sleep, async () => {
        const operation = 'create a session';
        const created = await requests.post(operation, '/session', WireSession, {
          body: { title, permission },
          timeoutMs: SLOW_REQUEST_TIMEOUT_MS,
        });
        // Trying again would not help: a server that does this is not one that we know.
        if (created.id === '') {
          throw new RequestError(operation, false, `Could not ${operation}: the server gave it no id.`);
        }
        return session(created);
      }),
    async listSessions(limit) {
      const found = await requests.get('list the sessions', '/session', v.array(WireSession), {
        query: { roots: true, limit },
        timeoutMs: SLOW_REQUEST_TIMEOUT_MS,
      });
      return found.map(session);
    },
    send: (sessionId, prompt) => sendPrompt(requests, sleep, sessionId, prompt),
    lookUp: (sessionId, prompt) => lookUpPrompt(requests, sessionId, prompt),
    snapshot: (sessionId) => readSnapshot(requests, sessionId, directory),
    repair: (sessionId, repairs) => repairSession(requests, sleep, sessionId, repairs),
    async abort(sessionId) {
      await requests.post('stop the turn', `/session/${sessionId}/abort`, nothing);
    },
    async answer(ask, answer) {
      const { path, body } = answerRequest(ask, answer);
      await requests.post('answer the request', path, nothing, { body });
    },
    close: () => http.close(),
  };
}

/** For a server of our own: the log is where its environment says. */
function explainer(env: Env, sleep: Sleep): Explain {
  const database = databaseFile(env);
  return async (reference) => {
    const line = await lineOfReference(logFile(env), reference, sleep);
    const trouble = line === undefined ? undefined : databaseTrouble(line, env);
    if (trouble === undefined || database === undefined) return undefined;
    const sentence =
      trouble === 'damaged'
        ? `opencode's database is damaged: ${database}.`
        : databaseSentence(trouble, database);
    return new DatabaseError(trouble, sentence, '');
  };
}

function deliver(reader: FrameReader, listener: StreamListener, data: readonly string[]): void {
  const events = reader.read(data);
  if (events.length > 0) listener.onEvents(events);
}

function requestHeaders(options: ConnectOptions, directory: string): Record<string, string> {
  // Header values are ASCII; the engine decodes this one.
  const headers: Record<string, string> = { 'x-opencode-directory': encodeURIComponent(directory) };
  if (options.password !== undefined) {
    const pair = `${options.username ?? DEFAULT_USER}:${options.password}`;
    headers['authorization'] = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
  }
  return headers;
}

function session(wire: WireSession): EngineSession {
  return { id: wire.id, title: wire.title, updatedAt: wire.time.updated };
}

function answerRequest(ask: Ask, answer: Answer): { path: string; body: Record<string, unknown> } {
  if (ask.type === 'permission') {
    const path = `/permission/${ask.id}/reply`;
    if (answer.type === 'permission') return { path, body: { reply: answer.reply, message: answer.message } };
    return { path, body: { reply: 'reject' } };
  }
  if (answer.type === 'question')
    return { path: `/question/${ask.id}/reply`, body: { answers: answer.answers } };
  return { path: `/question/${ask.id}/reject`, body: {} };
}
