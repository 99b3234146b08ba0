/**
 * A run as lines to read: what was asked, said and done, in order. It is folded record by record, so that a
 * channel can follow a run that goes on, and an export is the same fold over all of it.
 */
import { changesText } from './recovery-card.ts';
import type { RecoveryChoice } from '../recovery/incident.ts';
import { incidentSentence } from '../recovery/wording.ts';
import type { EngineEvent, ToolPart } from '../engine.ts';
import { outcomeTitle } from '../outcome.ts';
import { fenced, plainInline } from '../review/markdown.ts';
import type { JournalRecord, RecordOf } from './record.ts';
import { stallText } from './wording.ts';

/** Longest line, UTF-16 units: one line of minified code must not drown the rest. */
const MAX_LINE = 2000;
/** Most lines of one tool's output; its tail counts. */
const MAX_OUTPUT_LINES = 40;

/** What has been written of a run so far. */
export interface Transcript {
  /** Messages of the user, whose parts repeat the prompt. */
  readonly own: Set<string>;
  readonly texts: Map<string, WrittenText>;
  /** Tools whose end has been written. */
  readonly tools: Set<string>;
  sessionId?: string;
}

interface WrittenText {
  name: string;
  /** What has been seen, and how much of it has been written in whole lines. */
  seen: string;
  written: number;
  done: boolean;
}

export function newTranscript(): Transcript {
  return { own: new Set(), texts: new Map(), tools: new Set() };
}

/** The lines that a record adds; `transcript` is updated in place. Times are UTC. */
export function transcriptLines(record: JournalRecord, transcript: Transcript): string[] {
  return linesOf(record, transcript).map((line) =>
    line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)} …` : line,
  );
}

const CHOICE_TEXTS: Readonly<Record<RecoveryChoice, string>> = {
  'go-on': 'You chose to go on',
  keep: 'You chose to keep it as it is',
  nobody: 'There was nobody to ask',
};

function linesOf(record: JournalRecord, transcript: Transcript): string[] {
  const stamp = new Date(record.at).toISOString().slice(11, 19);
  const line = (text: string): string[] => [`${stamp} ${text}`];
  switch (record.kind) {
    case 'event':
      return eventLines(record.event, transcript, stamp);
    case 'run-started':
      return [
        `═══ ${record.title} · ${new Date(record.at).toISOString()}`,
        `${stamp} ${startedText(record)}`,
      ];
    case 'scope':
      return [
        ...line(`Scope: ${record.scope.title}`),
        ...record.scope.files.map(
          (file) => `  ${file.file} (${file.status}, +${file.additions} −${file.deletions})`,
        ),
        ...record.scope.skipped.map((file) => `  skipped: ${file.file} (${file.reason})`),
      ];
    case 'step-started':
      return line(`Step: ${record.title}`);
    case 'gate':
      return record.verdict === 'accept'
        ? []
        : [...line('The answer was not usable:'), ...record.problems.map((problem) => `  ${problem}`)];
    case 'findings':
      return [
        ...line(record.findings.length === 1 ? '1 finding' : `${record.findings.length} findings`),
        ...record.findings.map(
          (finding) =>
            `  ${finding.severity}: ${finding.title} (${finding.file}${finding.range === undefined ? '' : `:${finding.range.start}`})`,
        ),
        ...record.dropped.map((finding) => `  left out: ${finding.title} (${finding.reason})`),
      ];
    case 'server':
      return line(`Server ${record.state}${record.reason === undefined ? '' : `: ${record.reason}`}`);
    case 'stream':
      return line(record.state === 'open' ? 'Connected to the server' : 'Connection to the server lost');
    case 'session-ready':
      transcript.sessionId = record.sessionId;
      return line(`Session: ${record.title}`);
    case 'turn-drafted':
      transcript.own.add(record.prompt.messageId);
      return [...line('You:'), ...indent(record.prompt.text)];
    case 'answered':
      return line(`Answered: ${answerText(record)}`);
    case 'stop-requested':
      return line(record.cause === 'user' ? 'You asked to stop' : 'Stopping');
    case 'turn-settled':
      return [
        ...unfinished(transcript, stamp),
        ...line(endText('Turn', record)),
        ...indent(record.error?.detail ?? ''),
      ];
    case 'run-ended':
      return line(endText('Run', record));
    case 'note':
      return line(record.text);
    case 'attempt-started':
      return record.attempt === 1
        ? []
        : [...line(`Attempt ${record.attempt}`), ...indent(record.notice ?? '')];
    case 'incident':
      return [
        ...unfinished(transcript, stamp),
        ...line(`Incident: ${incidentSentence(record.cause)}`),
        ...indent(record.error?.detail ?? ''),
      ];
    case 'parked':
      return line(`No request is sent to the model before ${new Date(record.until).toISOString()}`);
    case 'decision':
      return line(
        `Decision: ${record.decision} (rule ${record.rule}, ${record.n}/${record.limit}): ${record.reason}`,
      );
    case 'workspace-changes':
      return line(`Changed since the turn began: ${changesText(record)}`);
    case 'recovery-answered':
      return line(CHOICE_TEXTS[record.choice]);
    case 'session-mended':
      return record.problem === undefined
        ? []
        : line(`The session could not be put in order: ${record.problem}`);
    case 'recovery-failed':
      return line(record.reason);
    case 'prompt-queued':
      return [...line('You queued:'), ...indent(record.text)];
    case 'prompt-unqueued':
      return line(
        record.cause === 'removed' ? 'You removed it from the queue' : 'You took it back to edit it',
      );
    case 'queue':
      return line(
        record.state === 'flowing' ? 'The queue goes on' : `The queue is paused: ${record.reason ?? ''}`,
      );
    case 'prompt-send-failed':
      return line(`The prompt was not taken: ${record.error.message}`);
    case 'owner':
      return line(record.reason === 'take-over' ? 'Taken over by another window' : 'The window came back');
    case 'leftovers':
      return [
        ...line('Processes of the agent outlived their server:'),
        ...record.processes.map(({ pid, command }) => `  ${pid} ${command}`),
      ];
    case 'stall':
      return line(stallText(record));
    case 'leftovers-ended':
      return line('The processes that the agent had left behind were ended');
    case 'step-ended':
    case 'prompt-send-started':
    case 'prompt-send-completed':
    case 'timer':
    case 'synced':
      return [];
  }
}

function eventLines(event: EngineEvent, transcript: Transcript, stamp: string): string[] {
  switch (event.type) {
    case 'message':
      if (event.message.role === 'user') transcript.own.add(event.message.id);
      return event.message.error === undefined ? [] : [`${stamp} Error: ${event.message.error.message}`];
    case 'delta': {
      if (transcript.own.has(event.messageId)) return [];
      const text = transcript.texts.get(event.partId) ?? { name: 'Agent', seen: '', written: 0, done: false };
      transcript.texts.set(event.partId, text);
      text.seen += event.text;
      return wholeLines(text, stamp);
    }
    case 'part': {
      const { part } = event;
      if (transcript.own.has(event.messageId)) return [];
      if (part.type === 'tool') return toolLines(part, event.sessionId, transcript, stamp);
      const name = part.type === 'reasoning' ? 'Thinking' : 'Agent';
      const text = transcript.texts.get(part.id) ?? { name, seen: '', written: 0, done: false };
      text.name = name;
      transcript.texts.set(part.id, text);
      if (part.endedAt === undefined || text.done) return [];
      return wholeText(text, part.text, stamp);
    }
    case 'status':
      return event.status.type === 'retry'
        ? [
            `${stamp} The engine asks the model again by itself (try ${event.status.attempt + 1}): ${event.status.message}`,
          ]
        : [];
    case 'error':
      return [`${stamp} Error: ${event.error.message}`];
    case 'ask':
      return [`${stamp} ${askText(event.ask)}`];
    case 'compacted':
      return [`${stamp} The conversation was summarised to fit the model`];
    case 'ask-closed':
    case 'message-gone':
    case 'session':
    case 'session-gone':
    case 'todos':
    case 'changes':
      return [];
  }
}

/** Text comes in pieces; it is written a line at a time, so that following it is reading. */
function wholeLines(text: WrittenText, stamp: string): string[] {
  const end = text.seen.lastIndexOf('\n') + 1;
  if (end <= text.written) return [];
  const lines = indent(text.seen.slice(text.written, end).replace(/\n$/, ''));
  const head = text.written === 0 ? [`${stamp} ${text.name}:`] : [];
  text.written = end;
  return [...head, ...lines];
}

/** The end of a text: the rest of it, or all of it when what was seen before had gaps. */
function wholeText(text: WrittenText, whole: string, stamp: string): string[] {
  text.done = true;
  const follows = whole.startsWith(text.seen.slice(0, text.written));
  const rest = follows ? whole.slice(text.written) : whole;
  const head = !follows
    ? [`${stamp} ${text.name} (again, whole):`]
    : text.written === 0
      ? [`${stamp} ${text.name}:`]
      : [];
  text.seen = whole;
  text.written = whole.length;
  return rest.trim() === '' ? [] : [...head, ...indent(rest.replace(/\n$/, ''))];
}

function unfinished(transcript: Transcript, stamp: string): string[] {
  return [...transcript.texts.values()].flatMap((text) => {
    if (text.done || text.written >= text.seen.length) return [];
    return [...wholeText(text, text.seen, stamp), '  (cut off here)'];
  });
}

function toolLines(part: ToolPart, sessionId: string, transcript: Transcript, stamp: string): string[] {
  if ((part.status !== 'completed' && part.status !== 'error') || transcript.tools.has(part.id)) return [];
  transcript.tools.add(part.id);
  const nested = sessionId === transcript.sessionId ? '' : ' (sub-agent)';
  const failed = part.status === 'error' ? ' failed' : '';
  const output = indent((part.error ?? part.output ?? '').trimEnd());
  const cut =
    output.length > MAX_OUTPUT_LINES ? [`  … ${output.length - MAX_OUTPUT_LINES} lines before`] : [];
  return [
    `${stamp} ${part.title ?? part.tool}${nested}${failed}: ${part.summary}`,
    ...cut,
    ...output.slice(-MAX_OUTPUT_LINES),
  ];
}

function indent(text: string): string[] {
  return text === '' ? [] : text.split('\n').map((line) => `  ${line}`);
}

function startedText(record: RecordOf<'run-started'>): string {
  const engine = `${record.engine} ${record.engineVersion ?? ''}`.trim();
  const model = record.demo ? 'demo model' : (record.model ?? "the engine's own model");
  return `${record.type === 'review' ? 'Review' : 'Session'} on ${engine}, ${model}, in ${record.workspace}`;
}

function endText(
  what: string,
  { outcome, message }: RecordOf<'turn-settled'> | RecordOf<'run-ended'>,
): string {
  return `${what} ended: ${outcomeTitle(outcome)}${message === undefined ? '' : `. ${message}`}`;
}

function answerText({ answer }: RecordOf<'answered'>): string {
  switch (answer.type) {
    case 'permission':
      return answer.reply;
    case 'question':
      return answer.answers.map((labels) => labels.join(', ')).join('; ');
    case 'dismiss':
      return 'dismissed';
  }
}

function askText(ask: Extract<EngineEvent, { type: 'ask' }>['ask']): string {
  return ask.type === 'permission'
    ? `Asks for permission: ${ask.permission} ${ask.patterns.join(' ')}`.trimEnd()
    : `Asks: ${ask.questions.map(({ question }) => question).join(' / ')}`;
}

/** A whole run as a Markdown document. What others wrote stands in fenced blocks and stays there. */
export function transcriptMarkdown(records: readonly JournalRecord[]): string {
  const transcript = newTranscript();
  const lines = records.flatMap((record) => transcriptLines(record, transcript));
  const started = records.find((record) => record.kind === 'run-started');
  const title = `# Transcript: ${plainInline(started?.title ?? 'run')}`;
  const facts =
    started === undefined
      ? []
      : [`${new Date(started.at).toISOString()}, run \`${started.runId}\`. Times are UTC.`];
  const demo = started?.demo === true ? ['**Demo.** The embedded demo model answered.'] : [];
  return `${[title, ...facts, ...demo, fenced(lines.join('\n'), 'text')].join('\n\n')}\n`;
}
