import * as v from 'valibot';
import type { Prompt, PromptFate } from '../../core/engine.ts';
import { RequestError } from '../../core/errors.ts';
import { SLOW_REQUEST_TIMEOUT_MS, type Requests } from './requests.ts';
import { withRetries, type Sleep } from './retry.ts';

const Stored = v.object({ parts: v.array(v.object({ id: v.string() })) });

/**
 * Sends a prompt, at most three times. When the reply to a try was lost, the prompt is looked up first and
 * sent again, with the same ids, only if it is not wholly there: opencode 1.18.33 takes a repeated id for the
 * same prompt, also where the lost request is carried out later.
 *
 * Resolving is no promise that it is stored: a server killed within some 30 ms of its reply has lost it. That
 * is known once the part's event came.
 *
 * @throws RequestError; when it is `retriable` the fate of the prompt is unknown
 */
export async function sendPrompt(
  requests: Requests,
  sleep: Sleep,
  sessionId: string,
  prompt: Prompt,
): Promise<void> {
  const body = promptBody(prompt);
  await withRetries(sleep, async (failed) => {
    if (failed !== undefined && (await lookUpPrompt(requests, sessionId, prompt)) === 'stored') return;
    await requests.post('send the prompt', `/session/${sessionId}/prompt_async`, v.unknown(), {
      body,
      timeoutMs: SLOW_REQUEST_TIMEOUT_MS,
    });
  });
}

/** @throws RequestError when the server did not say. */
export async function lookUpPrompt(
  requests: Requests,
  sessionId: string,
  prompt: Prompt,
): Promise<PromptFate> {
  try {
    const path = `/session/${sessionId}/message/${prompt.messageId}`;
    const { parts } = await requests.get('look the prompt up', path, Stored);
    return parts.some((part) => part.id === prompt.partId) ? 'stored' : 'partly-stored';
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) return 'absent';
    throw error;
  }
}

/**
 * What is left out on purpose: `format`, a JSON schema for the answer. opencode 1.18.33 stores it in a shape that it
 * then refuses to read: `GET /session/{id}/message`, and the same for that one message, answers 400 "Expected
 * OutputFormatJsonSchema" for good, and recovery lives on reading sessions. A form is asked for in the prompt's text.
 */
function promptBody(prompt: Prompt): Record<string, unknown> {
  const slash = prompt.model?.indexOf('/') ?? -1;
  const model =
    prompt.model === undefined
      ? undefined
      : { providerID: prompt.model.slice(0, Math.max(slash, 0)), modelID: prompt.model.slice(slash + 1) };
  // JSON leaves out what is undefined.
  return {
    messageID: prompt.messageId,
    model,
    agent: prompt.agent,
    system: prompt.system,
    parts: [{ id: prompt.partId, type: 'text', text: prompt.text }],
  };
}
