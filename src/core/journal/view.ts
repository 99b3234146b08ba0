/**
 * The view of a run: rows and header, folded record by record, with the changes since the last look kept
 * apart so that a panel gets patches whose size follows what changed and not what is there.
 */
import { assertNever } from '../errors.ts';
import type { Ask, EnginePart, TextPart, ToolPart } from '../engine.ts';
import type { Header, PatchOp, Row, RunView } from '../protocol.ts';
import { PARK_MS } from '../recovery/model-trouble.ts';
import { retrySentence } from '../recovery/wording.ts';
import { isRecovering } from '../turn/state.ts';
import { isOpen } from './conversation.ts';
import type { JournalRecord, RecordOf } from './record.ts';
import type { RunState } from './state.ts';
import { headerOf } from './header.ts';
import { decided, type Recovery, recoveryCard, recoveryId, withEvidence } from './recovery-card.ts';
import { RowStore } from './row-store.ts';
import { closedRow, findingsRow } from './rows.ts';
import {
  endCard,
  endedLeftovers,
  gateNotice,
  leftoversCard,
  leftoversId,
  notMendedNotice,
  ownerNotice,
  parkedNotice,
  stallNotice,
} from './wording.ts';

/** Longest text of one row, UTF-16 units; what is beyond stands in the transcript. 1 Mi is more than a person scrolls. */
export const MAX_ROW_TEXT = 1 << 20;
/** Most rows of a view, give or take a tenth; the oldest are dropped first and counted in the header. Bounds the panel's memory. */
export const MAX_ROWS = 2000;
/** How a review's answer begins. */
const ANSWER_FENCE = '```json';
const CONNECTING_AGAIN = 'Connection to the server lost, connecting again …';
const CUT_MARK = '\n\n… (the rest stands in the transcript)';

export interface ViewOptions {
  maxRows?: number;
  /** Silence that will be acted on, shown beside the seconds of silence. */
  stallLimitMs: number;
}

export class RunViewFold {
  readonly #rows: RowStore;
  /** Rows that show something under way, to be closed when the turn is. */
  readonly #open = new Set<string>();
  /** This turn's recoveries, the latest last. */
  readonly #recoveries = new Map<string, Recovery>();
  readonly #tokens = new Map<string, number>();
  readonly #costs = new Map<string, number>();
  readonly #stallLimitMs: number;
  #model: string | undefined;
  #tokenTotal = 0;
  #costTotal = 0;
  #headerChanged = true;
  #streams = 0;
  /** The card that says how the last turn ended, where it did not end well. */
  #endCardId: string | undefined;
  readonly #state: RunState;

  /** @param state the fold of the same records, stepped before this view is. */
  constructor(state: RunState, options: ViewOptions) {
    this.#state = state;
    this.#rows = new RowStore(options.maxRows ?? MAX_ROWS);
    this.#stallLimitMs = options.stallLimitMs;
  }

  /** The whole view. Forgets pending changes: the snapshot has them. */
  snapshot(): RunView {
    this.#headerChanged = false;
    return { header: this.header(), rows: this.#rows.snapshot() };
  }

  /** The changes since the last call, in the order to apply them. */
  takeOps(): PatchOp[] {
    const ops = this.#rows.takeOps();
    if (this.#headerChanged) ops.push({ op: 'header', header: this.header() });
    this.#headerChanged = false;
    return ops;
  }

  /** Folds one record; the state has it already. */
  apply(record: JournalRecord): void {
    switch (record.kind) {
      case 'event':
        return this.#applyEvent(record);
      case 'turn-drafted':
        this.#headerChanged = true;
        this.#closeEndCard();
        return this.#put({
          kind: 'you',
          id: `you:${record.turnId}`,
          text: record.prompt.text,
          ...(record.label === '' ? {} : { label: record.label }),
          at: record.at,
        });
      case 'answered':
        return this.#setAsk(record.askId, 'sent');
      case 'gate':
        if (record.verdict !== 'accept') this.#put(gateNotice(record));
        return;
      case 'findings':
        this.#headerChanged = true;
        return this.#put(findingsRow(record, this.#state.scope));
      case 'stream':
        return this.#onStream(record);
      case 'turn-settled':
        this.#headerChanged = true;
        this.#closeOpenRows();
        this.#closeStreamNotice();
        this.#endRecoveries(record.outcome === 'ok');
        if (record.outcome !== 'ok') this.#putEndCard(`end:${record.turnId}`, record);
        return;
      case 'run-ended':
        this.#headerChanged = true;
        return this.#onRunEnded(record);
      case 'note':
        if (record.level === 'warning')
          this.#put({ kind: 'notice', id: `note:${record.seq}`, text: record.text, tone: 'warn' });
        return;
      case 'incident':
        this.#headerChanged = true;
        this.#closeOpenRows();
        this.#dropStreamNotice();
        return this.#putRecovery({ incident: record });
      case 'decision':
        this.#headerChanged = true;
        return this.#changeRecovery((recovery) => decided(recovery, record));
      case 'workspace-changes':
        return this.#changeRecovery((recovery) => withEvidence(recovery, record));
      case 'recovery-answered':
        this.#headerChanged = true;
        return this.#changeRecovery((recovery) => ({ ...recovery, choice: record.choice }));
      case 'leftovers':
        return this.#put(leftoversCard(record));
      case 'leftovers-ended':
        return this.#foldLeftovers(record);
      case 'owner':
        this.#headerChanged = true;
        this.#markGaps();
        return this.#put(ownerNotice(record));
      case 'stall':
        this.#headerChanged = true;
        return this.#put(stallNotice(record));
      case 'session-mended':
        if (record.problem !== undefined) this.#put(notMendedNotice(record));
        this.#headerChanged = true;
        return;
      case 'parked':
        this.#headerChanged = true;
        return this.#put(parkedNotice(record));
      case 'run-started':
      case 'scope':
      case 'step-started':
      case 'step-ended':
      case 'server':
      case 'session-ready':
      case 'attempt-started':
      case 'recovery-failed':
      case 'prompt-send-started':
      case 'prompt-send-completed':
      case 'prompt-send-failed':
      case 'timer':
      case 'synced':
      case 'stop-requested':
      case 'prompt-queued':
      case 'prompt-unqueued':
      case 'queue':
        this.#headerChanged = true;
        return;
      default:
        return assertNever(record);
    }
  }

  /** What is shown beside the fold has changed: the next patch brings the header. */
  touchHeader(): void {
    this.#headerChanged = true;
  }

  header(): Header {
    return headerOf(this.#state, {
      model: this.#model,
      tokens: this.#tokenTotal,
      cost: this.#costTotal,
      stallLimitMs: this.#stallLimitMs,
      droppedRows: this.#rows.dropped,
    });
  }

  #applyEvent({ event, at }: RecordOf<'event'>): void {
    switch (event.type) {
      case 'delta':
        return this.#append(event.partId, event.text, at);
      case 'part':
        return this.#applyPart(event.sessionId, event.messageId, event.part);
      case 'message':
        this.#headerChanged = true;
        this.#model = event.message.model ?? this.#model;
        return this.#count(event.message.id, event.message.tokens, event.message.cost);
      case 'ask':
        this.#headerChanged = true;
        return this.#putAsk(event.ask);
      case 'ask-closed':
        this.#headerChanged = true;
        return this.#closeAsk(event.askId, event.reply);
      case 'status':
        this.#headerChanged = true;
        if (event.status.type === 'retry') this.#onRetry(event.status, at);
        return;
      case 'compacted':
        return this.#put({
          kind: 'notice',
          id: `compacted:${at}`,
          text: 'The conversation was summarised to fit the model',
          tone: 'quiet',
        });
      case 'message-gone':
      case 'error':
      case 'session':
      case 'session-gone':
      case 'todos':
      case 'changes':
        this.#headerChanged = true;
        return;
      default:
        return assertNever(event);
    }
  }

  #applyPart(sessionId: string, messageId: string, part: EnginePart): void {
    const nested = sessionId !== this.#state.sessionId;
    if (part.type === 'tool') {
      // How long a silence may be depends on whether one runs.
      this.#headerChanged = true;
      const known = this.#state.conversation.parts.get(part.id)?.part;
      return this.#putTool(known?.type === 'tool' ? known : part, nested);
    }
    if (nested || part.synthetic === true) return;
    if (this.#state.conversation.messages.get(messageId)?.info.role === 'user') return;
    if (messageId === this.#state.turn?.prompt.messageId) return;
    const known = this.#state.conversation.parts.get(part.id);
    if (known === undefined || known.part.type === 'tool') return;
    this.#putText(known.part, 'gap' in known && known.gap);
  }

  #putText(part: TextPart, gap: boolean): void {
    const done = part.endedAt !== undefined;
    const said = this.#withoutAnswer(part.text);
    const text = said.length > MAX_ROW_TEXT ? said.slice(0, MAX_ROW_TEXT) + CUT_MARK : said;
    if (part.type === 'reasoning') {
      this.#put({
        kind: 'thinking',
        id: part.id,
        text,
        done,
        ...(part.startedAt === undefined ? {} : { startedAt: part.startedAt }),
        ...(part.endedAt === undefined ? {} : { endedAt: part.endedAt }),
      });
    } else {
      this.#put({ kind: 'text', id: part.id, text, done, ...(gap && !done ? { gap } : {}) });
    }
    this.#setOpen(part.id, !done);
  }

  /** Not so in what is asked once the review is over. */
  #isReviewing(): boolean {
    return this.#state.review !== undefined && this.#state.review.phase !== 'done';
  }

  /** A review's answer is for the gate: people see it as findings, and whole in the transcript. */
  #withoutAnswer(text: string): string {
    const at = this.#isReviewing() ? text.indexOf(ANSWER_FENCE) : -1;
    return at < 0 ? text : text.slice(0, at);
  }

  #append(partId: string, text: string, at: number): void {
    const row = this.#rows.get(partId);
    if (row === undefined) {
      const known = this.#state.conversation.parts.get(partId);
      if (known === undefined || known.part.type === 'tool' || known.sessionId !== this.#state.sessionId)
        return;
      return this.#putText({ ...known.part, startedAt: at }, true);
    }
    if ((row.kind !== 'text' && row.kind !== 'thinking') || row.done || row.text.length >= MAX_ROW_TEXT)
      return;
    const from = row.text.length;
    if (this.#isReviewing() && row.kind === 'text') {
      const known = this.#state.conversation.parts.get(partId);
      const whole = known === undefined || known.part.type === 'tool' ? row.text : known.part.text;
      // The fence may have begun in what is shown already.
      const answerAt = whole.indexOf(ANSWER_FENCE, Math.max(0, from - ANSWER_FENCE.length));
      if (answerAt >= 0) return this.#put({ ...row, text: whole.slice(0, answerAt) });
    }
    const room = MAX_ROW_TEXT - from;
    this.#rows.append(row, text.length > room ? text.slice(0, room) + CUT_MARK : text);
  }

  #putTool(part: ToolPart, nested: boolean): void {
    const output = part.error ?? part.output;
    const isUnderWay = isOpen(part);
    const { turn } = this.#state;
    this.#put({
      kind: 'tool',
      id: part.id,
      title: part.title ?? part.tool,
      summary: part.summary,
      // What a dead server had begun is not under way, whatever it has left in its database.
      status: isUnderWay && turn !== undefined && isRecovering(turn) ? 'unknown' : part.status,
      ...(part.startedAt === undefined ? {} : { startedAt: part.startedAt }),
      ...(part.endedAt === undefined ? {} : { endedAt: part.endedAt }),
      ...(output === undefined || output === '' ? {} : { output }),
      ...(nested ? { nested } : {}),
    });
    this.#setOpen(part.id, isUnderWay);
  }

  #putAsk(ask: Ask): void {
    const id = `ask:${ask.id}`;
    if (ask.type === 'permission') {
      const { permission, patterns, always } = ask;
      this.#put({ kind: 'permission', id, askId: ask.id, permission, patterns, always, state: 'open' });
    } else {
      this.#put({ kind: 'question', id, askId: ask.id, questions: ask.questions, state: 'open' });
    }
    this.#open.add(id);
  }

  #closeAsk(askId: string, reply: string): void {
    const denied = reply === 'reject' || reply === 'rejected';
    const row = this.#rows.get(`ask:${askId}`);
    if (row?.kind === 'permission') this.#setAsk(askId, denied ? 'denied' : 'allowed');
    if (row?.kind === 'question') this.#setAsk(askId, denied ? 'dismissed' : 'answered');
    this.#open.delete(`ask:${askId}`);
  }

  #setAsk(askId: string, to: string): void {
    const row = this.#rows.get(`ask:${askId}`);
    if (row?.kind === 'permission' || row?.kind === 'question') this.#put({ ...row, state: to } as Row);
  }

  #onStream(record: RecordOf<'stream'>): void {
    const { turn } = this.#state;
    // What becomes of the connection then is part of what its card tells.
    const isTold = turn !== undefined && isRecovering(turn);
    if (record.state === 'lost') {
      this.#markGaps();
      if (isTold) return;
      this.#put({
        kind: 'notice',
        id: `stream:${++this.#streams}`,
        text: CONNECTING_AGAIN,
        tone: 'quiet',
      });
    } else if (this.#streams > 0 && !isTold) {
      const text = 'Connected again; what was missed was read from the server';
      this.#put({ kind: 'notice', id: `stream:${this.#streams}`, text, tone: 'quiet' });
    }
  }

  /** What a text lacks now is known once the engine tells it whole. */
  #markGaps(): void {
    for (const id of this.#open) {
      const row = this.#rows.get(id);
      if (row?.kind === 'text' && row.text !== '') this.#put({ ...row, gap: true });
    }
  }

  /** A lost connection of a turn that is over is not being made again. */
  #closeStreamNotice(): void {
    const row = this.#rows.get(`stream:${this.#streams}`);
    if (row?.kind === 'notice' && row.text === CONNECTING_AGAIN)
      this.#put({ ...row, text: 'Connection to the server lost' });
  }

  /** The server that it was connected to is dead: its recovery tells of the next one. */
  #dropStreamNotice(): void {
    const row = this.#rows.get(`stream:${this.#streams}`);
    if (row?.kind === 'notice' && row.text === CONNECTING_AGAIN) this.#rows.remove(row.id);
  }

  /** A failure that no turn tells of has no other place to be said. */
  #onRunEnded(record: RecordOf<'run-ended'>): void {
    const { turn } = this.#state;
    const told = turn?.phase === 'settled' && turn.outcome !== 'ok';
    if (record.outcome !== 'ok' && !told) this.#putEndCard('end', record);
  }

  /** The question is answered: what is left of the card says so. */
  #foldLeftovers({ generation }: RecordOf<'leftovers-ended'>): void {
    const row = this.#rows.get(leftoversId(generation));
    if (row?.kind === 'card') this.#put(endedLeftovers(row));
  }

  #putEndCard(id: string, record: RecordOf<'turn-settled'> | RecordOf<'run-ended'>): void {
    this.#endCardId = id;
    this.#put(endCard(id, record, this.#state));
  }

  /** Another turn has begun: the one that had ended badly is no longer the one to go on with. */
  #closeEndCard(): void {
    const row = this.#rows.get(this.#endCardId ?? '');
    if (row?.kind === 'card')
      this.#put({ ...row, actions: row.actions.filter((action) => action !== 'continue') });
    this.#endCardId = undefined;
  }

  #putRecovery(recovery: Recovery): void {
    const id = recoveryId(recovery.incident);
    this.#recoveries.set(id, recovery);
    const card = recoveryCard(recovery);
    if (card === undefined) this.#rows.remove(id);
    else this.#put(card);
  }

  #changeRecovery(change: (recovery: Recovery) => Recovery): void {
    const latest = [...this.#recoveries.values()].at(-1);
    if (latest !== undefined) this.#putRecovery(change(latest));
  }

  #endRecoveries(recovered: boolean): void {
    for (const recovery of this.#recoveries.values()) this.#putRecovery({ ...recovery, recovered });
    this.#recoveries.clear();
  }

  /** The engine gave up an answer midway and asks the model again: what was written stands, marked as cut off. */
  #onRetry(retry: { attempt: number; nextAt: number }, at: number): void {
    for (const id of this.#open) {
      const row = this.#rows.get(id);
      if (row?.kind === 'text' && row.text !== '') {
        this.#put({ ...row, done: true, gap: true });
        this.#open.delete(id);
      }
    }
    // A longer wait has a notice of its own.
    if (retry.nextAt - at > PARK_MS) return;
    const id = `retry:${this.#state.turn?.turnId ?? ''}:${retry.nextAt}`;
    this.#put({ kind: 'notice', id, text: retrySentence(retry), tone: 'quiet' });
  }

  /** Nothing stays "running" once the turn is settled. */
  #closeOpenRows(): void {
    for (const id of this.#open) {
      const row = this.#rows.get(id);
      if (row !== undefined) this.#put(closedRow(row));
    }
    this.#open.clear();
  }

  #count(
    messageId: string,
    use: { input: number; output: number; reasoning: number } | undefined,
    cost = 0,
  ): void {
    const tokens = use === undefined ? 0 : use.input + use.output + use.reasoning;
    this.#tokenTotal += tokens - (this.#tokens.get(messageId) ?? 0);
    this.#costTotal += cost - (this.#costs.get(messageId) ?? 0);
    this.#tokens.set(messageId, tokens);
    this.#costs.set(messageId, cost);
  }

  #setOpen(id: string, open: boolean): void {
    if (open) this.#open.add(id);
    else this.#open.delete(id);
  }

  #put(row: Row): void {
    const { dropped } = this.#rows;
    this.#rows.put(row);
    if (this.#rows.dropped !== dropped) this.#headerChanged = true;
  }
}
