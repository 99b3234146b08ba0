import type { EngineClient, EngineEvent, EngineMessage, Prompt, ToolPart } from '../../../src/core/engine.ts';
import type { Odd } from '../../../src/engines/opencode/events.ts';
import { createOpencodeEngine } from '../../../src/engines/opencode/engine.ts';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../../fakes/model/server.ts';
import { startEngine, type EngineProcess } from './engine-process.ts';

export interface Bench {
  model: FakeModel;
  engine: EngineProcess;
  client: EngineClient;
  odd: readonly Odd[];
  /** Everything told so far. */
  events: readonly EngineEvent[];
  /** Resolves with the first event that fits at or after `from`, told already or still to come. */
  until<E extends EngineEvent>(fits: (event: EngineEvent) => event is E, from?: number): Promise<E>;
  until(fits: (event: EngineEvent) => boolean, from?: number): Promise<EngineEvent>;
  prompt(text: string, more?: Partial<Prompt>): Prompt;
  /** Sends a prompt and resolves with all events from then until the session is idle again after it was busy. */
  turn(sessionId: string, prompt: Prompt): Promise<Turn>;
  /** The same for a prompt that was sent already, from the event with this number on. */
  settled(sessionId: string, from: number): Promise<Turn>;
  stop(): Promise<void>;
}

export interface Turn {
  events: readonly EngineEvent[];
  /** Assistant messages in their last state, oldest first. */
  answers: readonly EngineMessage[];
  /** Tool calls in their last state, in order. */
  tools: readonly ToolPart[];
  /** The final text of each text part of the assistant, in order. */
  texts: readonly string[];
}

/** A scripted model, the real engine on it, and our client with its stream open. */
export async function startBench(config: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const model = await startFakeModel();
  const engine = await startEngine({ config: scriptedModelConfig(model.baseUrl, config) });
  const opencode = createOpencodeEngine();
  const { baseUrl, password, directory } = engine;
  const client = opencode.connect({ baseUrl, password, directory });
  await client.ready(60_000);

  const events: EngineEvent[] = [];
  const odd: Odd[] = [];
  const waiters = new Set<() => void>();
  await new Promise<void>((resolve, reject) => {
    client.stream({
      onOpen: resolve,
      onBytes: () => undefined,
      onEvents(told) {
        events.push(...told);
        for (const look of [...waiters]) look();
      },
      onOdd: (one) => odd.push(one),
      onEnd: (reason) => reject(new Error(reason)),
    });
  });

  const until = (fits: (event: EngineEvent) => boolean, from = 0): Promise<EngineEvent> =>
    new Promise((resolve) => {
      let at = from;
      const look = (): void => {
        for (; at < events.length; at += 1) {
          if (!fits(events[at]!)) continue;
          waiters.delete(look);
          resolve(events[at]!);
          return;
        }
      };
      waiters.add(look);
      look();
    });

  const settled = async (sessionId: string, from: number): Promise<Turn> => {
    const status = (type: string) => (event: EngineEvent) =>
      event.type === 'status' && event.sessionId === sessionId && event.status.type === type;
    const busy = await until(status('busy'), from);
    const idle = await until(status('idle'), events.indexOf(busy));
    return summarise(events.slice(from, events.indexOf(idle) + 1), sessionId);
  };

  return {
    model,
    engine,
    client,
    odd,
    events,
    until: until as Bench['until'],
    prompt: (text, more) => ({ ...opencode.newPromptIds(), text, ...more }),
    settled,
    async turn(sessionId, prompt) {
      const from = events.length;
      await client.send(sessionId, prompt);
      return settled(sessionId, from);
    },
    async stop() {
      await client.close();
      await engine.stop();
      await model.stop();
    },
  };
}

function summarise(events: readonly EngineEvent[], sessionId: string): Turn {
  const answers = new Map<string, EngineMessage>();
  const tools = new Map<string, ToolPart>();
  const texts = new Map<string, string>();
  for (const event of events) {
    if (event.sessionId !== sessionId) continue;
    if (event.type === 'message' && event.message.role === 'assistant')
      answers.set(event.message.id, event.message);
    if (event.type !== 'part') continue;
    if (event.part.type === 'tool') tools.set(event.part.id, event.part);
    else if (event.part.type === 'text' && answers.has(event.messageId))
      texts.set(event.part.id, event.part.text);
  }
  return { events, answers: [...answers.values()], tools: [...tools.values()], texts: [...texts.values()] };
}
