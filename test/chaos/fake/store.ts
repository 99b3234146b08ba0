/** What the engine has on disk: it survives every death, and nothing tidies it up (OPENCODE.md 0.3, 5). */

export interface StoredMessage {
  info: {
    id: string;
    role: 'user' | 'assistant';
    sessionID: string;
    time: { created: number; completed?: number };
    parentID?: string;
    providerID?: string;
    modelID?: string;
    finish?: string;
    error?: { name: string; data: Record<string, unknown> };
    system?: string;
  };
  parts: StoredPart[];
}

interface PartIds {
  id: string;
  sessionID: string;
  messageID: string;
}
export type StoredText = PartIds & {
  type: 'text';
  text: string;
  time?: { start: number; end?: number };
};
export interface ToolState {
  status: 'pending' | 'running' | 'completed' | 'error';
  input: Record<string, unknown>;
  output?: string;
  error?: string;
  metadata?: Record<string, unknown>;
  time?: { start: number; end?: number };
}
export type StoredTool = PartIds & { type: 'tool'; tool: string; callID: string; state: ToolState };
export type StoredPart = StoredText | StoredTool | (PartIds & { type: 'step-start' | 'step-finish' });

export interface StoredSession {
  id: string;
  parentID?: string;
  title: string;
  time: { updated: number };
  messages: StoredMessage[];
}

export class SessionStore {
  readonly #sessions = new Map<string, StoredSession>();
  #ids = 0;

  /** Ascending, as the engine makes them. */
  newId(prefix: string): string {
    this.#ids += 1;
    return `${prefix}_${String(this.#ids).padStart(6, '0')}`;
  }

  add(title: string, now: number, parentID?: string): StoredSession {
    const session: StoredSession = {
      id: this.newId('ses'),
      title,
      time: { updated: now },
      messages: [],
      ...(parentID === undefined ? {} : { parentID }),
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  get(id: string): StoredSession | undefined {
    return this.#sessions.get(id);
  }

  get all(): StoredSession[] {
    return [...this.#sessions.values()];
  }

  childrenOf(id: string): StoredSession[] {
    return this.all.filter(({ parentID }) => parentID === id);
  }
}

/** Without its messages, as the session routes and events give it. */
export function infoOf({ messages: _messages, ...info }: StoredSession): Omit<StoredSession, 'messages'> {
  return info;
}
