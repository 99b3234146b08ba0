import type { IncomingHttpHeaders } from 'node:http';

interface ChatMessage {
  role: string;
  content?: unknown;
}

/** One call of the model, as the engine made it. */
export interface ModelRequest {
  body: Record<string, unknown>;
  headers: IncomingHttpHeaders;
  messages: readonly ChatMessage[];
  /** The text of the last user message: what scripts are keyed by. */
  prompt: string;
  /** How many model answers stand after that message already: 0 for the first call of a turn. */
  step: number;
  /** Names of the tools that were offered. */
  tools: readonly string[];
  /** The engine's session that called. */
  sessionId: string | undefined;
  /** A call for a session's title: no tools, answered by the server itself. */
  isTitle: boolean;
  /** Resolves when the engine closed the connection before the answer was whole. */
  left: Promise<void>;
}

export function readRequest(
  body: Record<string, unknown>,
  headers: IncomingHttpHeaders,
  left: Promise<void>,
): ModelRequest {
  const messages = Array.isArray(body['messages']) ? (body['messages'] as ChatMessage[]) : [];
  const last = messages.findLastIndex((message) => message.role === 'user');
  const tools = Array.isArray(body['tools']) ? body['tools'].map(toolName) : [];
  const sessionId = headers['x-session-id'];
  return {
    body,
    headers,
    messages,
    prompt: contentText(messages[last]?.content),
    step: messages.slice(last + 1).filter((message) => message.role === 'assistant').length,
    tools,
    sessionId: typeof sessionId === 'string' ? sessionId : undefined,
    isTitle:
      tools.length === 0 &&
      messages.some((message) => contentText(message.content).includes('Generate a title')),
    left,
  };
}

function toolName(offered: unknown): string {
  return String((offered as { function?: { name?: unknown } }).function?.name);
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: { text?: unknown }) => (typeof part.text === 'string' ? part.text : ''))
    .join('\n');
}
