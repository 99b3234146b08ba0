import type { RunState } from './state.ts';

/** A run's name for people: a run of prompts is called what its session is called, once it has one. */
export function runTitle({ state }: { state: RunState }): string {
  const { info, sessionId, conversation } = state;
  const own = info?.title ?? '';
  if (info?.type === 'review' || sessionId === undefined) return own;
  return conversation.sessions.get(sessionId)?.title ?? own;
}
