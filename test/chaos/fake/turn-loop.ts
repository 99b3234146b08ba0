/**
 * The agent's loop of one session: model call, tools, and again, until the model says its last word. Order of events as
 * in OPENCODE.md 3.2; of an abort as in 6; of model faults as in 9.
 */
import { type Call, inputOf, nextCalls, type Plan, TOOL_OF } from './model.ts';
import { type FakeServer, Gone } from './server.ts';
import type { StoredMessage, StoredPart, StoredSession, StoredText, StoredTool } from './store.ts';
import { Aborted, cutShort, Rejected } from './ends.ts';
import { runTool } from './tool-call.ts';

/** How a model call goes wrong, as seen in section 9. */
export type CallFault =
  /** Reset in the middle of a text, and called again `times`; with more than five the engine gives up. */
  | { type: 'retry'; times: number; midText: boolean }
  | { type: 'refused'; status: number }
  | { type: 'malformed' }
  /** The stream ends without a reason, and the engine calls again at once, without a limit. */
  | { type: 'unknown' }
  | { type: 'length' }
  | { type: 'empty' }
  /** Nothing comes for as long as the engine's own watchdog allows: 300 s. */
  | { type: 'hang'; midText: boolean };

/** The engine's own watchdog of a model call (1.2). */
const WATCHDOG_MS = 300_000;
/** Its waits between calls (9), the last one before it gives up. */
const RETRY_MS = [2000, 4000, 8000, 17_000, 34_000];

export class TurnLoop {
  readonly server: FakeServer;
  readonly session: StoredSession;
  readonly #plan: Plan;
  /** What waits, to be told of an abort. */
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #onAbort = new Set<() => void>();
  readonly #inner = new Set<TurnLoop>();
  #message: StoredMessage | undefined;
  #isAborted = false;

  constructor(server: FakeServer, session: StoredSession, plan: Plan) {
    this.server = server;
    this.session = session;
    this.#plan = plan;
  }

  /** Resolves when the session is idle again; never where the process dies before. */
  async run(): Promise<'done' | 'rejected'> {
    const { server, session } = this;
    server.loops.set(session.id, this);
    let end: 'done' | 'rejected' = 'done';
    server.setStatus(session.id, { type: 'busy' });
    try {
      while (this.#isUnanswered()) {
        const next = await this.#step();
        if (next === 'failed') return 'done';
      }
    } catch (error) {
      if (error instanceof Gone) return new Promise(() => undefined);
      if (error instanceof Aborted) return new Promise(() => undefined);
      if (!(error instanceof Rejected)) throw error;
      end = 'rejected';
    }
    await this.#idle();
    return end;
  }

  /** In this order, seen in every case (6). Resolves when it is done, as the route answers then. */
  async abort(): Promise<void> {
    const { server, session } = this;
    this.#isAborted = true;
    server.emit('session.error', {
      sessionID: session.id,
      error: { name: 'MessageAbortedError', data: { message: 'Aborted' } },
    });
    server.setStatus(session.id, { type: 'idle' });
    const wasRetrying = this.#retrying;
    for (const tell of [...this.#waiting]) tell(new Aborted());
    for (const tell of [...this.#onAbort]) tell();
    server.moment('abort:idle');
    await Promise.all([...this.#inner].map((loop) => loop.abort()));
    await server.sleep(server.world.between(10, 60));
    this.#closeParts();
    if (this.#message !== undefined && this.#message.info.time.completed === undefined) {
      const { info } = this.#message;
      info.time.completed = server.world.time.now();
      if (!wasRetrying) info.error = { name: 'MessageAbortedError', data: { message: 'Aborted' } };
      server.emitMessage(this.#message);
    }
    server.moment('abort:closed');
    server.loops.delete(session.id);
    server.setStatus(session.id, { type: 'idle' });
  }

  /** A sub-agent at work: an abort of this loop is one of that. */
  async delegate(session: StoredSession, plan: Plan): Promise<'done' | 'rejected'> {
    const inner = new TurnLoop(this.server, session, plan);
    this.#inner.add(inner);
    const end = await this.wait<'done' | 'rejected'>((resolve) => void inner.run().then(resolve));
    this.#inner.delete(inner);
    return end;
  }

  sleep(ms: number): Promise<void> {
    return this.wait((resolve) => this.server.after(ms, resolve));
  }

  /** Waits for something that an abort puts an end to. */
  wait<T>(begin: (resolve: (value: T) => void) => void, onAbort: () => void = () => undefined): Promise<T> {
    if (this.#isAborted) return Promise.reject(new Aborted());
    return new Promise<T>((resolve, reject) => {
      const forget = (): void => {
        this.#waiting.delete(reject);
        this.#onAbort.delete(onAbort);
      };
      this.#waiting.add(reject);
      this.#onAbort.add(onAbort);
      begin((value) => {
        forget();
        if (!this.#isAborted) resolve(value);
      });
    });
  }

  #retrying = false;

  #isUnanswered(): boolean {
    const { messages } = this.session;
    const user = messages.findLastIndex(({ info }) => info.role === 'user');
    return !messages.slice(user + 1).some(({ info }) => isLastWord(info.finish));
  }

  async #step(): Promise<'on' | 'failed'> {
    const { server, session } = this;
    const { world } = server;
    const user = session.messages.findLast(({ info }) => info.role === 'user');
    const message: StoredMessage = {
      info: {
        id: world.store.newId('msg'),
        role: 'assistant',
        sessionID: session.id,
        parentID: user?.info.id ?? '',
        providerID: 'fake',
        modelID: 'fake',
        time: { created: world.time.now() },
      },
      parts: [],
    };
    const given = [...session.messages];
    session.messages.push(message);
    this.#message = message;
    server.setStatus(session.id, { type: 'busy' });
    server.emitMessage(message);
    server.moment(session.parentID === undefined ? 'call' : 'sub');
    await this.sleep(world.between(20, 300));
    server.setStatus(session.id, { type: 'busy' });
    this.#add<StoredPart>(message, { type: 'step-start' });
    const fault = session.parentID === undefined ? world.nextCallFault() : undefined;
    if (fault !== undefined && (await this.#fail(message, fault))) return 'failed';
    if (fault?.type === 'unknown' || fault?.type === 'empty') {
      await this.#close(message, fault.type === 'empty' ? 'stop' : 'unknown');
      return 'on';
    }

    const calls = nextCalls(given, this.#plan, world.temper);
    const text = await this.#say(message, calls.map(({ key }) => key).join(' and ') || 'the end');
    if (world.chance(0.6)) this.#endText(text);
    const tools = calls.map((call) => this.#begin(message, call));
    // The whole text may come after the beginning of a call (3.2).
    this.#endText(text);
    const results = await Promise.allSettled(tools.map((tool) => runTool(this, tool)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      if (failed.reason instanceof Rejected) await this.#close(message, 'tool-calls');
      throw failed.reason;
    }
    const finish = fault?.type === 'length' ? 'length' : calls.length > 0 ? 'tool-calls' : 'stop';
    await this.#close(message, finish);
    return 'on';
  }

  /** @returns whether the turn has ended with it. */
  async #fail(message: StoredMessage, fault: CallFault): Promise<boolean> {
    const { server, session } = this;
    const { world } = server;
    switch (fault.type) {
      case 'retry':
      case 'hang': {
        const times = fault.type === 'retry' ? fault.times : 1;
        for (let attempt = 1; attempt <= times; attempt += 1) {
          // The failed attempt's parts stay: its text is never closed and stays empty (9).
          if (fault.midText) await this.#say(message, `try ${attempt}`);
          if (fault.type === 'hang') await world.whileUnable(() => this.sleep(WATCHDOG_MS));
          const wait = RETRY_MS[attempt - 1];
          if (wait === undefined) break;
          const why = fault.type === 'hang' ? 'SSE read timed out' : 'Connection reset by server';
          const next = world.time.now() + wait;
          this.#retrying = true;
          server.setStatus(session.id, { type: 'retry', attempt, message: why, next });
          server.moment('retry');
          await world.whileUnable(() => this.sleep(wait));
          this.#retrying = false;
          server.setStatus(session.id, { type: 'busy' });
          this.#add<StoredPart>(message, { type: 'step-start' });
        }
        if (times <= RETRY_MS.length) return false;
        return this.#error(message, 'APIError', { message: 'Connection reset', isRetryable: true });
      }
      case 'refused':
        return this.#error(message, 'APIError', {
          message: 'The provider said no',
          statusCode: fault.status,
          isRetryable: false,
        });
      case 'malformed': {
        this.#endText(await this.#say(message, 'half'));
        return this.#error(message, 'UnknownError', { message: 'JSON parsing failed' });
      }
      default:
        return false;
    }
  }

  /** Idle comes early and twice (0.10, 9). */
  async #error(message: StoredMessage, name: string, data: Record<string, unknown>): Promise<true> {
    const { server, session } = this;
    server.emit('session.error', { sessionID: session.id, error: { name, data } });
    server.setStatus(session.id, { type: 'idle' });
    server.moment('error:idle');
    await this.sleep(server.world.between(5, 60));
    message.info.error = { name, data };
    message.info.time.completed = server.world.time.now();
    server.emitMessage(message);
    server.loops.delete(session.id);
    server.setStatus(session.id, { type: 'idle' });
    return true;
  }

  /** A text is told piece by piece and stored when it ends (0.2). */
  async #say(message: StoredMessage, about: string): Promise<StoredText> {
    const { server } = this;
    const { world } = server;
    const part: Omit<StoredText, 'id' | 'sessionID' | 'messageID'> = {
      type: 'text',
      text: '',
      time: { start: world.time.now() },
    };
    const text = this.#add<StoredText>(message, part);
    server.moment('text');
    const pieces = [`Now ${about}`, ', as asked', `, step ${session(message)}`, ', carefully', '.'];
    let said = '';
    for (const piece of pieces.slice(0, world.between(1, pieces.length))) {
      await this.sleep(world.between(5, 50));
      said += piece;
      this.#said.set(text, said);
      server.emit('message.part.delta', {
        sessionID: text.sessionID,
        messageID: text.messageID,
        partID: text.id,
        field: 'text',
        delta: piece,
      });
      server.moment('delta');
    }
    return text;
  }

  readonly #said = new Map<StoredText, string>();

  #endText(text: StoredText): void {
    if (text.time === undefined || text.time.end !== undefined) return;
    text.text = this.#said.get(text) ?? '';
    text.time.end = this.server.world.time.now();
    this.server.emitPart(text);
    this.server.moment('text:end');
  }

  /** The arguments are still written: the call has none yet (5). */
  #begin(message: StoredMessage, call: Call): StoredTool {
    const part = this.#add<StoredTool>(message, {
      type: 'tool',
      tool: TOOL_OF[call.kind],
      callID: this.server.world.store.newId('call'),
      state: { status: 'pending', input: {} },
    });
    this.server.world.inputs.set(part, inputOf(call));
    this.server.moment('tool:pending');
    return part;
  }

  async #close(message: StoredMessage, finish: string): Promise<void> {
    const { server } = this;
    this.#add<StoredPart>(message, { type: 'step-finish' });
    message.info.finish = finish;
    server.emitMessage(message);
    await this.sleep(server.world.between(1, 10));
    message.info.time.completed = server.world.time.now();
    server.emitMessage(message);
    server.moment(isLastWord(finish) ? 'final' : 'step');
    await this.sleep(server.world.between(5, 80));
  }

  async #idle(): Promise<void> {
    const { server, session } = this;
    server.setStatus(session.id, { type: 'busy' });
    server.loops.delete(session.id);
    server.setStatus(session.id, { type: 'idle' });
    try {
      server.moment('idle');
    } catch (error) {
      if (error instanceof Gone) return new Promise(() => undefined);
      throw error;
    }
    // What the engine still has to say of a turn that is over (3.2).
    server.after(server.world.between(10, 100), () => {
      server.emitSession('session.updated', session);
      const user = session.messages.findLast(({ info }) => info.role === 'user');
      if (user !== undefined) server.emitMessage(user);
    });
  }

  /** Text is kept as far as it came, calls are ended (6). */
  #closeParts(): void {
    const parts = this.#message?.parts ?? [];
    // A text that a retry has left behind stays as it is (9).
    const latest = parts.findLast((part) => part.type === 'text');
    if (latest !== undefined) this.#endText(latest);
    for (const part of parts) if (part.type === 'tool') cutShort(this.server, part);
  }

  #add<P extends StoredPart>(message: StoredMessage, part: Omit<P, 'id' | 'sessionID' | 'messageID'>): P {
    const { id: messageID, sessionID } = message.info;
    const added = { id: this.server.world.store.newId('prt'), sessionID, messageID, ...part } as P;
    message.parts.push(added);
    this.server.emitPart(added);
    return added;
  }
}

function isLastWord(finish: string | undefined): boolean {
  return finish !== undefined && finish !== 'tool-calls' && finish !== 'unknown';
}

function session({ info }: StoredMessage): string {
  return info.id.replace(/^msg_0*/, '');
}
