/**
 * What a scripted model says in one answer. A script is stateless: it is asked with the whole request and
 * answers from that alone, so retries and restarts of the engine find it unchanged.
 */

export type Step =
  | { do: 'text'; text: string }
  | { do: 'reasoning'; text: string }
  /** A call of any tool; the arguments are streamed in pieces. A string is sent as it is, broken or not. */
  | { do: 'tool'; name: string; args: Record<string, unknown> | string }
  /** A call whose arguments begin like this and are still being written. */
  | { do: 'half-call'; name: string; args: string }
  /** Waits until the test releases the gate of this name. */
  | { do: 'hold'; gate: string }
  /** Says nothing more and keeps the connection open until the engine leaves. */
  | { do: 'hang' }
  /** Cuts the connection. */
  | { do: 'drop' }
  /** Sends exactly these characters as one event's data. */
  | { do: 'raw'; data: string }
  /** Ends the stream; `undefined` ends it without a finish reason. The default end fits what was said. */
  | { do: 'end'; finish: string | undefined };

export type ModelAnswer =
  | { answer: 'stream'; steps: readonly Step[] }
  /** A body that is a text is sent as it is. */
  | { answer: 'status'; status: number; headers?: Record<string, string>; body?: unknown }
  /** Accepts the request and never answers. */
  | { answer: 'silence' }
  /** Cuts the connection before an answer. */
  | { answer: 'refuse' };

export const text = (said: string): Step => ({ do: 'text', text: said });
export const reasoning = (said: string): Step => ({ do: 'reasoning', text: said });
export const tool = (name: string, args: Record<string, unknown> | string): Step => ({
  do: 'tool',
  name,
  args,
});
export const halfCall = (name: string, args: string): Step => ({ do: 'half-call', name, args });
/** The answer of a review: text that ends with one fenced JSON block. */
export const answers = (answer: Record<string, unknown>): Step =>
  text(`Here is the answer.\n\n\`\`\`json\n${JSON.stringify(answer, null, 2)}\n\`\`\`\n`);
export const hold = (gate: string): Step => ({ do: 'hold', gate });
export const hang = (): Step => ({ do: 'hang' });
export const drop = (): Step => ({ do: 'drop' });
export const raw = (data: string): Step => ({ do: 'raw', data });
export const end = (finish: string | undefined): Step => ({ do: 'end', finish });

export const says = (...steps: Step[]): ModelAnswer => ({ answer: 'stream', steps });
export const fails = (
  status: number,
  message: string,
  headers: Record<string, string> = {},
  code = String(status),
): ModelAnswer => ({
  answer: 'status',
  status,
  headers,
  body: { error: { message, type: 'error', code } },
});
/** A page for people, as a proxy answers in place of the model. */
export const page = (): ModelAnswer => ({
  answer: 'status',
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Sign in</title>',
});
export const silence = (): ModelAnswer => ({ answer: 'silence' });
export const refuse = (): ModelAnswer => ({ answer: 'refuse' });
