/** The requests that Holdfast makes, as opencode 1.18.33 answers them (OPENCODE.md 2). */
import { Gone, type FakeServer } from './server.ts';
import { infoOf, type StoredMessage, type StoredPart, type StoredSession, type StoredText } from './store.ts';
import { TurnLoop } from './turn-loop.ts';

export interface Request {
  method: string;
  path: string;
  body?: unknown;
}
export interface Reply {
  status: number;
  body?: unknown;
}

/** The one prompt that this engine refuses with an error alone: no message, no busy, no idle (0.10). */
export const REFUSED_PROMPT = 'Refuse me';

/** @throws Gone when the process died on the way. */
export async function answerTo(server: FakeServer, request: Request): Promise<Reply> {
  const { store } = server.world;
  const route = `${request.method} ${request.path}`;
  const [, first = '', sessionId = '', what, id, part, partId] = request.path.split('/');
  if (route === 'GET /path') {
    server.moment('path');
    return ok({ directory: server.world.folder });
  }
  if (route === 'GET /global/health') return ok({ healthy: true });
  if (route === 'POST /session') {
    const session = store.add(String((request.body as { title: string }).title), server.world.time.now());
    server.emitSession('session.created', session);
    return ok(infoOf(session));
  }
  if (route === 'GET /session/status') {
    server.moment('read:status');
    return ok(Object.fromEntries(server.statuses));
  }
  if (first === 'permission') {
    if (request.method === 'GET') return ok([...server.asks.values()].map(({ ask }) => ask));
    return reply(server, sessionId, String((request.body as { reply: string }).reply));
  }
  if (route === 'GET /question') return ok([]);
  if (first !== 'session') return { status: 500, body: { name: 'UnknownError' } };
  if (what === 'abort') return abort(server, sessionId);
  const session = store.get(sessionId);
  if (session === undefined) return notFound();
  switch (what) {
    case undefined:
      return ok(infoOf(session));
    case 'children':
      return ok(store.childrenOf(sessionId).map(infoOf));
    case 'prompt_async':
      return prompt(server, session, request.body as PromptBody);
    case 'message': {
      if (id === undefined) {
        server.moment('read:messages');
        return ok(session.messages);
      }
      const message = session.messages.find(({ info }) => info.id === id);
      if (message === undefined) return notFound();
      if (part === 'part') return patch(server, message, partId ?? '', request.body as StoredPart);
      return request.method === 'DELETE' ? remove(server, session, message) : ok(message);
    }
    default:
      return notFound();
  }
}

interface PromptBody {
  messageID: string;
  system?: string;
  parts: { id: string; type: string; text: string }[];
}

/** Its 204 says nothing: the message is stored a moment later, and lost with a process that dies before (0.1). */
async function prompt(server: FakeServer, session: StoredSession, body: PromptBody): Promise<Reply> {
  const { world } = server;
  server.moment('prompt');
  if (body.parts.some(({ text }) => text === REFUSED_PROMPT)) {
    const error = { name: 'UnknownError', data: { message: 'Agent not found' } };
    for (const ms of [20, 25])
      server.after(ms, () => server.emit('session.error', { sessionID: session.id, error }));
    return { status: 204 };
  }
  server.after(world.between(25, 90), () => {
    server.moment('prompt:unstored');
    store(server, session, body);
    server.moment('prompt:stored');
    if (server.loops.has(session.id)) return;
    const begin = (): void => void new TurnLoop(server, session, world.plan).run();
    if (server.isWarm) return begin();
    server.isWarm = true;
    server.freeze(world.between(600, 2700));
    server.after(1, begin);
  });
  return { status: 204 };
}

/** The same ids again are the same prompt (8). */
function store(server: FakeServer, session: StoredSession, body: PromptBody): void {
  const { world } = server;
  const known = session.messages.find(({ info }) => info.id === body.messageID);
  const message: StoredMessage = known ?? {
    info: {
      id: body.messageID,
      role: 'user',
      sessionID: session.id,
      time: { created: world.time.now() },
    },
    parts: [],
  };
  if (body.system !== undefined) message.info.system = body.system;
  if (known === undefined) session.messages.push(message);
  server.emitSession('session.updated', session);
  server.emitMessage(message);
  for (const { id, text } of body.parts) {
    const part: StoredText = { id, sessionID: session.id, messageID: message.info.id, type: 'text', text };
    const at = message.parts.findIndex((other) => other.id === id);
    if (at < 0) message.parts.push(part);
    else message.parts[at] = part;
    server.emitPart(part);
  }
}

async function abort(server: FakeServer, sessionId: string): Promise<Reply> {
  server.moment('abort');
  if (server.world.isDeafToAborts) return new Promise(() => undefined);
  const loop = server.loops.get(sessionId);
  if (loop === undefined) server.setStatus(sessionId, { type: 'idle' });
  else await loop.abort();
  return ok(true);
}

/** A second reply to the same ask is refused (2). */
function reply(server: FakeServer, askId: string, how: string): Reply {
  server.moment('answer');
  const asked = server.asks.get(askId);
  if (asked === undefined) return { status: 404, body: { _tag: 'PermissionNotFoundError' } };
  server.asks.delete(askId);
  server.emit('permission.replied', { sessionID: asked.ask.sessionID, requestID: askId, reply: how });
  asked.reply(how);
  server.moment('answered');
  return ok(true);
}

/** Written over whatever is there, at any time (8.4). */
function patch(server: FakeServer, message: StoredMessage, id: string, part: StoredPart): Reply {
  server.moment('patch');
  const at = message.parts.findIndex((other) => other.id === id);
  if (at < 0) message.parts.push(part);
  else message.parts[at] = part;
  server.emitPart(part);
  server.moment('patched');
  return ok(part);
}

function remove(server: FakeServer, session: StoredSession, message: StoredMessage): Reply {
  server.moment('delete');
  if (server.statuses.has(session.id)) return { status: 409, body: { _tag: 'SessionBusyError' } };
  session.messages.splice(session.messages.indexOf(message), 1);
  server.emit('message.removed', { sessionID: session.id, messageID: message.info.id });
  server.moment('deleted');
  return ok(true);
}

function ok(body: unknown): Reply {
  // What is sent is how it stands now.
  return { status: 200, body: JSON.parse(JSON.stringify(body)) as unknown };
}

function notFound(): Reply {
  return { status: 404, body: { name: 'NotFoundError', data: { message: 'not found' } } };
}

export function isGone(error: unknown): boolean {
  return error instanceof Gone;
}
