import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readRequest, type ModelRequest } from './request.ts';
import { says, text, type ModelAnswer, type Step } from './steps.ts';

/** Answers one call. Return undefined for "no script": the test is told so in the model's own words. */
export type Script = (request: ModelRequest) => ModelAnswer | undefined;

/** Answers keyed by the last user prompt: one per model call of the turn, the last one repeated. */
export type Scripts = Readonly<Record<string, ModelAnswer | readonly ModelAnswer[]>>;

export interface FakeModel {
  /** Base URL of its OpenAI-compatible API, `/v1` included. */
  readonly baseUrl: string;
  /** Every call in the order of arrival, calls for titles left out. */
  readonly requests: readonly ModelRequest[];
  /** Replaces what it answers from now on. */
  script(script: Script | Scripts): void;
  /** Resolves with the n-th call (from 0) that fits, past or future. */
  request(fits: (request: ModelRequest) => boolean, n?: number): Promise<ModelRequest>;
  /** Resolves when some answer waits at this gate. */
  reached(gate: string): Promise<void>;
  /** Lets answers pass this gate, waiting ones and later ones. */
  release(gate: string): void;
  stop(): Promise<void>;
}

/** Pieces that tool arguments are streamed in, characters. */
const ARGUMENT_PIECE = 24;

/** Starts a scripted model on a free port of the loopback interface. */
export async function startFakeModel(initial: Script | Scripts = {}): Promise<FakeModel> {
  let script = asScript(initial);
  const requests: ModelRequest[] = [];
  const waiters = new Set<() => void>();
  const gates = new Map<string, Gate>();
  const gate = (name: string): Gate => {
    const known = gates.get(name) ?? newGate();
    gates.set(name, known);
    return known;
  };

  const server = createServer((incoming, response) => {
    void serve(incoming, response).catch(() => response.destroy());
  });

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new Promise<void>((resolve) => {
      response.once('close', () => {
        if (!response.writableFinished) resolve();
      });
    });
    const request = readRequest(await readJson(incoming), incoming.headers, left);
    if (request.isTitle) return stream(response, [text('A title')], left, gate);
    requests.push(request);
    for (const wake of [...waiters]) wake();
    const answer = script(request) ?? says(text(`No script for: ${request.prompt.slice(0, 200)}`));
    switch (answer.answer) {
      case 'stream':
        return stream(response, answer.steps, left, gate);
      case 'status':
        response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
        response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
        return;
      case 'silence':
        return left;
      case 'refuse':
        incoming.socket.resetAndDestroy();
        return;
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    script(next) {
      script = asScript(next);
    },
    request(fits, n = 0) {
      return new Promise((resolve) => {
        const look = (): void => {
          const found = requests.filter(fits)[n];
          if (found === undefined) return;
          waiters.delete(look);
          resolve(found);
        };
        waiters.add(look);
        look();
      });
    },
    reached: (name) => gate(name).reached,
    release: (name) => gate(name).open(),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function asScript(scripts: Script | Scripts): Script {
  if (typeof scripts === 'function') return scripts;
  return (request) => {
    const answers = Object.hasOwn(scripts, request.prompt) ? scripts[request.prompt] : undefined;
    if (answers === undefined || 'answer' in answers) return answers;
    return answers[Math.min(request.step, answers.length - 1)];
  };
}

interface Gate {
  reached: Promise<void>;
  arrive: () => void;
  opened: Promise<void>;
  open: () => void;
}

function newGate(): Gate {
  let arrive = (): void => {};
  let open = (): void => {};
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { reached, arrive, opened, open };
}

async function readJson(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  return body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
}

async function stream(
  response: ServerResponse,
  steps: readonly Step[],
  left: Promise<void>,
  gate: (name: string) => Gate,
): Promise<void> {
  let calls = 0;
  let gone = false;
  void left.then(() => (gone = true));
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  const chunk = (delta: Record<string, unknown>, finish: string | null = null): Promise<void> =>
    write(response, left, JSON.stringify(completion(delta, finish)));

  await chunk({ role: 'assistant' });
  for (const step of steps) {
    if (gone) return;
    switch (step.do) {
      case 'text':
        await chunk({ content: step.text });
        break;
      case 'reasoning':
        await chunk({ reasoning_content: step.text });
        break;
      case 'tool': {
        const call = { index: calls, id: `call_${calls}_${step.name}`, type: 'function' };
        calls += 1;
        await chunk({ tool_calls: [{ ...call, function: { name: step.name, arguments: '' } }] });
        const args = typeof step.args === 'string' ? step.args : JSON.stringify(step.args);
        for (let at = 0; at < args.length; at += ARGUMENT_PIECE) {
          const piece = { arguments: args.slice(at, at + ARGUMENT_PIECE) };
          await chunk({ tool_calls: [{ index: call.index, function: piece }] });
        }
        break;
      }
      case 'half-call': {
        const begun = { name: step.name, arguments: step.args };
        await chunk({
          tool_calls: [{ index: calls, id: `call_${calls}_half`, type: 'function', function: begun }],
        });
        calls += 1;
        break;
      }
      case 'hold':
        gate(step.gate).arrive();
        await Promise.race([gate(step.gate).opened, left]);
        break;
      case 'hang':
        return left;
      case 'drop':
        response.socket?.resetAndDestroy();
        return;
      case 'raw':
        await write(response, left, step.data);
        break;
      case 'end':
        if (step.finish !== undefined) await chunk({}, step.finish);
        response.end();
        return;
    }
  }
  await chunk({}, calls > 0 ? 'tool_calls' : 'stop');
  await write(response, left, '[DONE]');
  response.end();
}

function completion(delta: Record<string, unknown>, finish: string | null): Record<string, unknown> {
  return {
    id: 'chatcmpl-scripted',
    object: 'chat.completion.chunk',
    created: 0,
    model: 'scripted',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...(finish === null ? {} : { usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } }),
  };
}

/** Writes one event and waits for room, or for the reader to leave. */
async function write(response: ServerResponse, left: Promise<void>, data: string): Promise<void> {
  if (response.write(`data: ${data}\n\n`)) return;
  await Promise.race([once(response, 'drain'), left]);
}
