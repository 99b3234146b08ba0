/**
 * The demo model: a small server on the loopback interface that speaks the chat-completions protocol and answers
 * reviews by fixed rules. It lets a first run go through the whole of the product without an account or a network.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { ChatRequestSchema, completion, streamChunks, type ChatRequest, type Reply } from './chat.ts';
import { replyTo } from './reply.ts';

/** Bytes of one request. A conversation with a diff of the largest size and its tool results stays below. */
const MAX_BODY = 8 * 1024 * 1024;
/** Pause between two pieces, ms: quick, and yet seen to stream. */
const PACE_MS = 20;

const PROVIDER = 'holdfast-demo';
const MODEL = 'rules';
/** `provider/model` */
export const DEMO_NAME = `${PROVIDER}/${MODEL}`;

export interface DemoModel {
  /** `http://127.0.0.1:<port>/v1` */
  baseUrl: string;
  /** Engine configuration with this model as the only one. Holds the key; not to be logged. */
  config: Record<string, unknown>;
  /** `provider/model` */
  model: string;
  /** Ends the server and all answers under way. */
  close(): Promise<void>;
}

/**
 * Starts it on a free port; requests without its key are refused.
 * @param reply what it answers
 */
export async function startDemoModel(
  key = newKey(),
  reply: (request: ChatRequest) => Reply = replyTo,
): Promise<DemoModel> {
  const server = createServer((request, response) => {
    answer(request, response, key, reply).catch((error: unknown) => fail(response, error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    baseUrl,
    config: demoConfig(baseUrl, key),
    model: DEMO_NAME,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function newKey(): string {
  return randomBytes(32).toString('base64url');
}

/** Engine configuration with the demo model as the only one. Holds the key; not to be logged. */
export function demoConfig(baseURL: string, apiKey: string): Record<string, unknown> {
  return {
    autoupdate: false,
    share: 'disabled',
    model: DEMO_NAME,
    small_model: DEMO_NAME,
    enabled_providers: [PROVIDER],
    provider: {
      [PROVIDER]: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Holdfast demo',
        options: { baseURL, apiKey },
        models: {
          [MODEL]: {
            name: 'Demo rules (no real model)',
            tool_call: true,
            reasoning: true,
            // Large, so that the engine never compacts a conversation for it.
            limit: { context: 4_000_000, output: 64_000 },
          },
        },
      },
    },
  };
}

/** A refusal, sent as the protocol's error object. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  key: string,
  replyOf: (request: ChatRequest) => Reply,
): Promise<void> {
  if (request.headers.authorization !== `Bearer ${key}`) {
    throw new Refusal(401, 'authentication_error', 'The key of this demo model is missing or wrong.');
  }
  const route = `${request.method} ${request.url?.split('?')[0]}`;
  if (route === 'GET /v1/models') {
    return sendJson(response, 200, {
      object: 'list',
      data: [{ id: MODEL, object: 'model', owned_by: PROVIDER }],
    });
  }
  if (route !== 'POST /v1/chat/completions')
    throw new Refusal(404, 'not_found', `There is no ${route} here.`);
  const body = await readBody(request);
  const chat = parseRequest(body);
  const meta = {
    id: `demo-${randomUUID()}`,
    model: chat.model,
    created: Math.floor(Date.now() / 1000),
    inputLength: body.length,
  };
  const reply = replyOf(chat);
  if (!chat.stream) return sendJson(response, 200, completion(reply, meta));

  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for await (const chunk of streamChunks(reply, meta, gone.signal)) {
    if (gone.signal.aborted) return;
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    await delay(PACE_MS, undefined, { signal: gone.signal }).catch(() => undefined);
  }
  response.end('data: [DONE]\n\n');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY)
      throw new Refusal(413, 'invalid_request_error', `The request is larger than ${MAX_BODY} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseRequest(body: string): ChatRequest {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Refusal(400, 'invalid_request_error', 'The request is not JSON.');
  }
  const result = v.safeParse(ChatRequestSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Refusal(
    400,
    'invalid_request_error',
    `${v.getDotPath(issue) ?? 'The request'}: ${issue.message}`,
  );
}

function fail(response: ServerResponse, error: unknown): void {
  const refusal =
    error instanceof Refusal ? error : new Refusal(500, 'server_error', 'The demo model failed.');
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  // The rest of a refused request is not read.
  response.setHeader('connection', 'close');
  sendJson(response, refusal.status, { error: { message: refusal.message, type: refusal.type, code: null } });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
