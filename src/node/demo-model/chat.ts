/** The part of the chat-completions protocol that the demo model speaks. */
import * as v from 'valibot';

const MessageSchema = v.object({
  role: v.string(),
  content: v.nullish(
    v.union([v.string(), v.array(v.object({ type: v.string(), text: v.optional(v.string()) }))]),
  ),
});

export const ChatRequestSchema = v.object({
  model: v.string(),
  messages: v.pipe(v.array(MessageSchema), v.minLength(1)),
  tools: v.nullish(v.array(v.object({ function: v.object({ name: v.string() }) }))),
  stream: v.nullish(v.boolean()),
});
export type ChatRequest = v.InferOutput<typeof ChatRequestSchema>;
export type ChatMessage = ChatRequest['messages'][number];

/** What the model says next. With calls, the caller runs them and asks again. */
export interface Reply {
  reasoning?: string;
  text: string;
  /** More of the text, and what is waited for before it; `gone` aborts when nobody listens any more. */
  rest?: { text: string; after(gone: AbortSignal): Promise<unknown> };
  calls: readonly { tool: string; args: Readonly<Record<string, unknown>> }[];
}

/** Pieces that one text is streamed in. Few enough that a long answer does not take minutes at the pace of a demo. */
const MAX_PIECES = 40;
/** UTF-16 units; about five words. */
const MIN_PIECE = 32;

export function textOf({ content }: ChatMessage): string {
  return typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('\n');
}

/** The `data` objects of the event stream, in order, the final `[DONE]` not included. */
export async function* streamChunks(
  reply: Reply,
  meta: { id: string; model: string; created: number; inputLength: number },
  gone: AbortSignal,
): AsyncGenerator<object> {
  const chunk = (delta: object, finish: string | null = null): object => ({
    id: meta.id,
    object: 'chat.completion.chunk',
    created: meta.created,
    model: meta.model,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  yield chunk({ role: 'assistant', content: '' });
  for (const piece of pieces(reply.reasoning ?? '')) yield chunk({ reasoning_content: piece });
  for (const piece of pieces(reply.text)) yield chunk({ content: piece });
  if (reply.rest !== undefined) {
    await reply.rest.after(gone);
    for (const piece of pieces(reply.rest.text)) yield chunk({ content: piece });
  }
  for (const [index, call] of reply.calls.entries()) {
    const id = `call_${meta.id.replace(/\W/g, '')}_${index}`;
    yield chunk({
      tool_calls: [{ index, id, type: 'function', function: { name: call.tool, arguments: '' } }],
    });
    for (const piece of pieces(JSON.stringify(call.args))) {
      yield chunk({ tool_calls: [{ index, function: { arguments: piece } }] });
    }
  }
  yield chunk({}, finishOf(reply));
  yield { ...chunk({}), choices: [], usage: usageOf(reply, meta.inputLength) };
}

/** The same as one object, for a request without `stream`. */
export function completion(
  reply: Reply,
  meta: { id: string; model: string; created: number; inputLength: number },
): object {
  const calls = reply.calls.map((call, index) => ({
    id: `call_${meta.id.replace(/\W/g, '')}_${index}`,
    type: 'function',
    function: { name: call.tool, arguments: JSON.stringify(call.args) },
  }));
  const message = {
    role: 'assistant',
    content: wholeText(reply),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return {
    id: meta.id,
    object: 'chat.completion',
    created: meta.created,
    model: meta.model,
    choices: [{ index: 0, message, finish_reason: finishOf(reply) }],
    usage: usageOf(reply, meta.inputLength),
  };
}

function wholeText({ text, rest }: Reply): string {
  return text + (rest?.text ?? '');
}

function finishOf(reply: Reply): string {
  return reply.calls.length > 0 ? 'tool_calls' : 'stop';
}

/** Tokens by the rule of thumb of four characters each: there is no tokenizer here. */
function usageOf(reply: Reply, inputLength: number): object {
  const reasoning = Math.ceil((reply.reasoning ?? '').length / 4);
  const output = reasoning + Math.ceil((wholeText(reply).length + JSON.stringify(reply.calls).length) / 4);
  const input = Math.ceil(inputLength / 4);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

function* pieces(text: string): Generator<string> {
  const size = Math.max(MIN_PIECE, Math.ceil(text.length / MAX_PIECES));
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + size);
    // Not between the halves of a surrogate pair: each piece is encoded on its own.
    if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1)) && end < text.length) end += 1;
    yield text.slice(at, end);
    at = end;
  }
}
