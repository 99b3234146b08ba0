/** What the demo model answers to a conversation. */
import { join } from 'node:path';
import { REPAIR_OPENING, readInspectPrompt } from '../../core/review/prompt.ts';
import type { ReviewAnswer } from '../../core/review/answer.ts';
import { textOf, type ChatMessage, type ChatRequest, type Reply } from './chat.ts';
import { inspectDiff } from './inspect.ts';

/** Files it opens before it answers; the rules do not need them, but a reader of the panel sees what tools look like. */
const MAX_READS = 2;

const HONEST =
  'I am the demo model of Holdfast. I only check the added lines of a diff against fixed rules, so I cannot answer this. ' +
  'Start a review with "Holdfast: Run Review", or choose a real model in the settings of the engine.';

/**
 * Decides the next reply from the conversation alone, as a real model would: a review first opens a file or two,
 * then gives its answer.
 */
export function replyTo(request: ChatRequest): Reply {
  const tools = new Set((request.tools ?? []).map((tool) => tool.function.name));
  const { messages } = request;
  const lastUser = messages.findLastIndex((message) => message.role === 'user');
  const asked = lastUser === -1 ? '' : textOf(messages[lastUser] as ChatMessage);
  const repair = asked.trimStart().startsWith(REPAIR_OPENING);
  const review = repair ? lastReview(messages.slice(0, lastUser)) : readInspectPrompt(asked);
  if (!review) return { text: isTitleRequest(messages, tools) ? 'Demo session' : HONEST, calls: [] };

  const answer = inspectDiff(review.diff);
  const toolsRan = messages.slice(lastUser + 1).some((message) => message.role === 'tool');
  if (!repair && !toolsRan && tools.has('read')) {
    const files = filesToRead(answer);
    if (files.length > 0) return look(files, review.root);
  }
  return give(answer);
}

function lastReview(messages: readonly ChatMessage[]): ReturnType<typeof readInspectPrompt> {
  return readInspectPrompt(
    messages
      .filter((message) => message.role === 'user')
      .map(textOf)
      .findLast(readInspectPrompt) ?? '',
  );
}

function look(files: readonly string[], root: string): Reply {
  return {
    reasoning:
      'This is the demo model, so there is no thinking here: the added lines are compared with a list of fixed rules. ' +
      `Some of them match in ${files.join(' and ')}. A real model would look at the code around them next.`,
    text: `Demo model: some added lines match a rule. Opening ${files.length === 1 ? 'the file' : 'the files'} they stand in.`,
    calls: files.map((file) => ({ tool: 'read', args: { filePath: join(root, file) } })),
  };
}

function give(answer: ReviewAnswer): Reply {
  const { length } = answer.findings;
  const said = `Demo model: ${length === 0 ? 'no' : length} ${length === 1 ? 'finding' : 'findings'} by fixed rules.`;
  return { text: `${said}\n\n\`\`\`json\n${JSON.stringify(answer, null, 2)}\n\`\`\``, calls: [] };
}

function filesToRead(answer: ReviewAnswer): string[] {
  return [...new Set(answer.findings.map((finding) => finding.file))].slice(0, MAX_READS);
}

/** opencode 1.18.33 asks for a session's title in a request of its own, without tools and with its own system prompt. */
function isTitleRequest(messages: readonly ChatMessage[], tools: ReadonlySet<string>): boolean {
  return (
    tools.size === 0 &&
    messages.some((message) => message.role === 'system' && /\btitle\b/i.test(textOf(message)))
  );
}
