import type { DatabaseError } from '../../core/errors.ts';

/** Where an engine keeps its sessions on this machine. */
export interface SessionStore {
  /**
   * Called before a new server of ours begins to use it, and while none does: a copy of it is kept now and then.
   * @returns what the user has to know, a sentence each: that it is gone, or not whole. Never rejects.
   */
  beforeStart(): Promise<string[]>;
  /** Whether a start failed because of it, going by what the engine wrote. Never rejects. */
  blame(words: string): Promise<DatabaseError | undefined>;
}
