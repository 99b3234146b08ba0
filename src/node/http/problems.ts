import { RequestError } from '../../core/errors.ts';

/** As much of a server's own words as fits into a sentence. */
const MAX_QUOTE_CHARS = 300;

/** The sentence for a request that got no whole answer. All of these may pass: the server may be starting or busy. */
export function connectionProblem(operation: string, cause: unknown): RequestError {
  const why = connectionReason(cause);
  return new RequestError(operation, true, `Could not ${operation}: ${why}.`, undefined, { cause });
}

/** Why a connection failed or ended, without a final full stop. */
export function connectionReason(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens at the address of the server';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'the server closed the connection';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name of the server cannot be resolved';
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'connecting to the server took too long';
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return 'the connection to this server was closed on our side';
    default:
      return cause instanceof Error && cause.message !== '' ? cause.message : 'the connection failed';
  }
}

/** The error for an answer that is not a 2xx. Retriable when trying again can help: 429 and 5xx. */
export function refusal(operation: string, status: number, body: string): RequestError {
  const retriable = status === 429 || status >= 500;
  if (status === 401) {
    return new RequestError(
      operation,
      false,
      `Could not ${operation}: the server refused the password.`,
      status,
    );
  }
  const words = serverWords(body);
  const said =
    words === undefined ? `the server answered ${status}` : `the server answered ${status}: ${words}`;
  return new RequestError(
    operation,
    retriable,
    `Could not ${operation}: ${said.replace(/\.$/, '')}.`,
    status,
  );
}

/** The message inside an error body, on one line: `{message}`, `{data:{message}}` or `{name, data:{path, issues}}`. */
function serverWords(body: string): string | undefined {
  const parsed = parseObject(body);
  if (parsed === undefined) return undefined;
  const data = asObject(parsed['data']) ?? parsed;
  const message = [data['message'], parsed['message']].find(
    (word) => typeof word === 'string' && word !== '',
  );
  const issues = Array.isArray(data['issues']) ? data['issues'].map(issueWords) : [];
  const reference = typeof data['ref'] === 'string' ? `see ${data['ref']} in its log` : undefined;
  const words = [
    typeof data['path'] === 'string' ? data['path'] : undefined,
    message ?? (issues.length === 0 ? (parsed['name'] ?? parsed['_tag']) : undefined),
    ...issues,
    reference,
  ].filter((word): word is string => typeof word === 'string');
  if (words.length === 0) return undefined;
  return words.join(': ').replace(/\s+/g, ' ').slice(0, MAX_QUOTE_CHARS);
}

function issueWords(issue: unknown): string | undefined {
  const { path, message } = asObject(issue) ?? {};
  if (typeof message !== 'string') return undefined;
  return Array.isArray(path) ? `${path.join('.')}: ${message}` : message;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
