/** What a person is told while a run goes on: from records to lines. Pure. */
import { changesText } from '../core/journal/recovery-card.ts';
import type { Answer, Ask, ToolPart } from '../core/engine.ts';
import { assertNever } from '../core/errors.ts';
import { asksUser } from '../core/recovery/incident.ts';
import { incidentSentence, parkedSentence, retrySentence } from '../core/recovery/wording.ts';
import type { JournalRecord, RecordOf } from '../core/journal/record.ts';
import type { RunState } from '../core/journal/state.ts';
import { stallText } from '../core/journal/wording.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Header } from '../core/protocol.ts';
import type { Finding } from '../core/review/finding.ts';
import { sizeText } from '../core/review/coverage.ts';
import type { Line } from './plain-text.ts';

/** Longest piece of a prompt or an error in one line, UTF-16 units: about a line of a terminal. */
const MAX_EXCERPT = 100;

const OWNER_TEXTS = {
  return: 'the window came back; what was missed was read from the server',
  'take-over': 'taken over by another window',
} as const;

export class Progress {
  readonly #withFindings: boolean;
  /** Tool calls whose end was told; the engine tells some ends twice. */
  readonly #toldTools = new Set<string>();
  #serverTold = '';
  #startingAt: number | undefined;
  #beganAt = 0;
  #isStreamLost = false;

  /** @param options.findings whether findings are told as they come; not where they are the command's result. */
  constructor(options: { findings: boolean }) {
    this.#withFindings = options.findings;
  }

  /**
   * The lines for one record.
   * @param state the fold, with the record in it.
   * @param header the view's header, with the record in it.
   */
  lines(record: JournalRecord, state: RunState, header: () => Header): Line[] {
    switch (record.kind) {
      case 'run-started':
        this.#beganAt = record.at;
        return record.demo ? [{ label: 'model', text: DEMO_TEXT, tone: 'warn' }] : [];
      case 'scope':
        return [{ label: 'scope', text: scopeText(record) }];
      case 'server':
        return this.#server(record, state);
      case 'stream':
        return this.#stream(record);
      case 'step-started':
        return [{ label: 'step', text: record.title }];
      case 'turn-drafted':
        if (state.info?.type === 'prompt') this.#beganAt = record.at;
        return [{ label: 'prompt', text: excerpt(record.label === '' ? record.prompt.text : record.label) }];
      case 'attempt-started':
        return record.attempt === 1 ? [] : [{ label: 'attempt', text: String(record.attempt) }];
      case 'incident':
        return [{ label: 'incident', text: incidentSentence(record.cause), tone: 'warn' }];
      case 'decision':
        return decisionLines(record);
      case 'event':
        return this.#event(record);
      case 'answered':
        return [{ label: 'answer', text: answerText(record.answer) }];
      case 'gate':
        return record.verdict === 'accept' ? [] : [{ label: 'check', text: gateText(record), tone: 'warn' }];
      case 'findings':
        return this.#withFindings ? record.findings.map(findingLine) : [];
      case 'stop-requested':
        return [{ label: 'stopping', text: STOP_TEXTS[record.cause] }];
      case 'run-ended':
        return [this.#end(record, header())];
      case 'owner':
        return [{ label: 'owner', text: OWNER_TEXTS[record.reason] }];
      case 'leftovers':
        return record.processes.map(({ pid, command }) => ({
          label: 'left over',
          text: `${pid} ${command}`,
          tone: 'warn',
        }));
      case 'parked':
        return [{ label: 'waiting', text: parkedSentence(record.until, record.at), tone: 'warn' }];
      case 'stall':
        return [{ label: 'silent', text: stallText(record), tone: 'warn' }];
      case 'leftovers-ended':
        return [{ label: 'left over', text: 'ended' }];
      case 'note':
        return record.level === 'warning' ? [{ label: 'note', text: record.text, tone: 'warn' }] : [];
      case 'workspace-changes':
        return [{ label: 'changed', text: changesText(record) }];
      case 'session-mended':
      case 'recovery-answered':
      case 'recovery-failed':
      case 'step-ended':
      case 'session-ready':
      // A command has no queue; what a window queues is told when it is sent.
      case 'prompt-queued':
      case 'prompt-unqueued':
      case 'queue':
      case 'prompt-send-started':
      case 'prompt-send-completed':
      case 'prompt-send-failed':
      case 'timer':
      case 'synced':
      // Its sentence is told by the end of the run, which follows.
      case 'turn-settled':
        return [];
      default:
        return assertNever(record);
    }
  }

  #server(record: RecordOf<'server'>, state: RunState): Line[] {
    const told = `${record.generation} ${record.state}`;
    if (told === this.#serverTold) return [];
    this.#serverTold = told;
    switch (record.state) {
      case 'starting':
      case 'connecting':
        this.#startingAt = record.at;
        return [{ label: 'server', text: record.state }];
      case 'ready': {
        const name = `${state.info?.engine ?? 'server'} ${state.engineVersion ?? ''}`.trim();
        const took = this.#startingAt === undefined ? '' : ` (${seconds(record.at - this.#startingAt)})`;
        this.#startingAt = undefined;
        return [{ label: 'server', text: `${name} ready${took}` }];
      }
      case 'unresponsive':
        return [{ label: 'server', text: record.reason ?? 'does not answer', tone: 'warn' }];
      // How a server ended is told by the end of the run, which follows.
      case 'stopped':
      case 'backing-off':
      case 'failed':
      case 'stopping':
      case 'unreachable':
        return [];
      default:
        return assertNever(record.state);
    }
  }

  #stream(record: RecordOf<'stream'>): Line[] {
    if (record.state === 'lost') {
      this.#isStreamLost = true;
      return [{ label: 'stream', text: 'connection to the server lost, connecting again', tone: 'warn' }];
    }
    if (!this.#isStreamLost) return [];
    this.#isStreamLost = false;
    return [{ label: 'stream', text: 'connected again; what was missed was read from the server' }];
  }

  #event({ event }: RecordOf<'event'>): Line[] {
    switch (event.type) {
      case 'part':
        return event.part.type === 'tool' ? this.#tool(event.part) : [];
      case 'ask':
        return [{ label: 'asks', text: askText(event.ask), tone: 'warn' }];
      case 'status':
        if (event.status.type !== 'retry') return [];
        return [
          {
            label: 'retry',
            text: `${retrySentence(event.status)}: ${excerpt(event.status.message)}`,
            tone: 'warn',
          },
        ];
      case 'compacted':
        return [{ label: 'note', text: 'the conversation was summarised to fit the model' }];
      default:
        return [];
    }
  }

  #tool(part: ToolPart): Line[] {
    if (part.status !== 'completed' && part.status !== 'error') return [];
    if (this.#toldTools.has(part.id)) return [];
    this.#toldTools.add(part.id);
    const what = `${part.title ?? part.tool} ${part.summary}`.trim();
    if (part.status === 'error') {
      return [
        {
          label: 'tool',
          text: `${what} failed: ${excerpt(part.error ?? 'it did not say why')}`,
          tone: 'warn',
        },
      ];
    }
    const took =
      part.startedAt === undefined || part.endedAt === undefined
        ? ''
        : ` (${seconds(part.endedAt - part.startedAt)})`;
    return [{ label: 'tool', text: `${what}${took}` }];
  }

  #end(record: RecordOf<'run-ended'>, header: Header): Line {
    const used = [
      duration(record.at - this.#beganAt),
      ...(header.tokens === 0 ? [] : [`${tokens(header.tokens)} tokens`]),
    ];
    const { label, tone } = END_LABELS[record.outcome];
    const message = record.outcome === 'ok' ? record.message?.replace(/\.$/, '') : record.message;
    return { label, tone, text: [...(message === undefined ? [] : [message]), ...used].join(' · ') };
  }
}

const DEMO_TEXT = 'demo: answers are made by a built-in script, not by a model';

const STOP_TEXTS = { user: 'at your word', close: 'told to end', loop: 'the model repeats itself' } as const;

const END_LABELS: Readonly<Record<Outcome, { label: string; tone: NonNullable<Line['tone']> }>> = {
  ok: { label: 'done', tone: 'good' },
  error: { label: 'failed', tone: 'error' },
  incomplete: { label: 'partial', tone: 'warn' },
  'server-unreachable': { label: 'failed', tone: 'error' },
  'session-stalled': { label: 'stalled', tone: 'error' },
  interrupted: { label: 'stopped', tone: 'warn' },
};

/** `finding  high  src/pay.ts:42  A timed-out charge is sent again`. */
export function findingLine(finding: Finding): Line {
  return { label: 'finding', text: `${finding.severity}  ${place(finding)}  ${finding.title}` };
}

/** `src/pay.ts:42`, or the file alone where the finding has no place in it. */
export function place({ file, range }: Pick<Finding, 'file' | 'range'>): string {
  return range === undefined ? file : `${file}:${range.start}`;
}

/** `bash: npm test` */
export function permissionText({ permission, patterns }: Extract<Ask, { type: 'permission' }>): string {
  return `${permission}: ${patterns.join(' ')}`;
}

function askText(ask: Ask): string {
  if (ask.type === 'permission') return `permission for ${permissionText(ask)}`;
  return ask.questions.map(({ question }) => question).join(' / ');
}

function answerText(answer: Answer): string {
  switch (answer.type) {
    case 'permission':
      return { once: 'allowed once', always: 'always allowed', reject: 'denied' }[answer.reply];
    case 'question':
      return answer.answers.map((labels) => labels.join(', ')).join(' / ');
    case 'dismiss':
      return 'dismissed';
  }
}

function scopeText({ scope }: RecordOf<'scope'>): string {
  const skipped = scope.skipped.length === 0 ? '' : ` (${scope.skipped.length} skipped)`;
  return `${scope.title} · ${sizeText(scope)}${skipped}`;
}

function gateText({ problems }: RecordOf<'gate'>): string {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `the answer was not usable: ${problems[0] ?? 'it did not fit the form'}${more}`;
}

function excerpt(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > MAX_EXCERPT ? `${line.slice(0, MAX_EXCERPT - 1)}…` : line;
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

/** `0:12`, `1:02:03`. */
export function duration(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const hours = Math.floor(total / 3600);
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(total / 60) % 60;
  return hours === 0 ? `${minutes}:${two(total % 60)}` : `${hours}:${two(minutes)}:${two(total % 60)}`;
}

function tokens(count: number): string {
  if (count < 1000) return String(count);
  if (count < 999_500) return `${Math.round(count / 1000)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}

/** What is decided, and what it is about. How a turn was stopped or accepted is told by the end of the run. */
function decisionLines(record: RecordOf<'decision'>): Line[] {
  const { decision, reason, tools = [] } = record;
  if (decision === 'stop' || decision === 'accept') return [];
  return [
    { label: decision, text: reason, ...(asksUser(record) && { tone: 'warn' }) },
    ...tools.map((tool): Line => ({ label: 'not known', text: tool, tone: 'warn' })),
  ];
}
