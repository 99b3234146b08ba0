import type {
  Answer,
  Ask,
  EngineClient,
  EngineEvent,
  EngineSession,
  Prompt,
  PromptFate,
  Repair,
  Snapshot,
  StreamListener,
} from '../../../src/core/engine.ts';

/** A client without a server: what it is asked is kept, what it answers is set by the test. */
export class FakeClient implements EngineClient {
  readonly sent: { sessionId: string; prompt: Prompt }[] = [];
  readonly answered: { ask: Ask; answer: Answer }[] = [];
  readonly repaired: { sessionId: string; repairs: readonly Repair[] }[] = [];
  readonly aborted: string[] = [];
  readonly streams: StreamListener[] = [];
  /** Those of them that were closed on our side, in that order. */
  readonly closed: StreamListener[] = [];
  sending: () => Promise<void> = () => Promise.resolve();
  answering: () => Promise<void> = () => Promise.resolve();
  repairing: () => Promise<void> = () => Promise.resolve();
  snapshotting: () => Promise<Snapshot> = () => Promise.resolve({ status: { type: 'idle' }, events: [] });
  model: string | undefined = 'fake/fake';

  /** The stream that was opened last. */
  get lastStream(): StreamListener {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no stream was opened');
    return stream;
  }

  emit(...events: EngineEvent[]): void {
    this.lastStream.onEvents(events);
  }

  ready = (): Promise<void> => Promise.resolve();
  health = (): Promise<boolean> => Promise.resolve(true);
  isProtected = (): Promise<boolean> => Promise.resolve(true);
  defaultModel = (): Promise<string | undefined> => Promise.resolve(this.model);
  createSession = (): Promise<EngineSession> => Promise.resolve({ id: 'ses_1', title: 'Test', updatedAt: 0 });
  listSessions = (): Promise<EngineSession[]> => Promise.resolve([]);
  lookUp = (): Promise<PromptFate> => Promise.resolve('absent');
  close = (): Promise<void> => Promise.resolve();

  stream(listener: StreamListener): () => void {
    this.streams.push(listener);
    return () => void this.closed.push(listener);
  }

  send(sessionId: string, prompt: Prompt): Promise<void> {
    this.sent.push({ sessionId, prompt });
    return this.sending();
  }

  snapshot(): Promise<Snapshot> {
    return this.snapshotting();
  }

  repair(sessionId: string, repairs: readonly Repair[]): Promise<void> {
    this.repaired.push({ sessionId, repairs });
    return this.repairing();
  }

  abort(sessionId: string): Promise<void> {
    this.aborted.push(sessionId);
    return Promise.resolve();
  }

  answer(ask: Ask, answer: Answer): Promise<void> {
    this.answered.push({ ask, answer });
    return this.answering();
  }
}
