/** What waits for an answer in an attempt, so that it is known what a permission held back when the process ended. */
import type { Ask, EngineEvent } from '../engine.ts';

/**
 * Asks of the session and its sub-agents, as far as they were heard without a break. The end of the process leaves them
 * as they were then (`cut`): a tool that such an ask held back had not begun.
 */
export interface Asked {
  type: 'open' | 'cut';
  asks: readonly Ask[];
  /** Ids of those that an answer was sent to. One that is told again may still have been taken by the server. */
  answered: readonly string[];
}

export const NOTHING_ASKED: Asked = { type: 'open', asks: [], answered: [] };

export function heard(asked: Asked, event: EngineEvent): Asked {
  if (asked.type === 'cut') return asked;
  if (event.type === 'ask-closed') return without(asked, event.askId);
  if (event.type !== 'ask' || asked.answered.includes(event.ask.id)) return asked;
  return { ...asked, asks: [...without(asked, event.ask.id).asks, event.ask] };
}

/** What an answer was sent to may run from here on, before the engine says so. */
export function answered(asked: Asked, askId: string): Asked {
  if (asked.type === 'cut') return asked;
  return { ...without(asked, askId), answered: [...asked.answered, askId] };
}

/** While nobody listened, an ask may have been answered; those that still wait are told again. */
export function unheard(asked: Asked): Asked {
  return asked.type === 'open' ? { ...asked, asks: [] } : asked;
}

/** The process ended. */
export function cut(asked: Asked): Asked {
  return { ...asked, type: 'cut' };
}

function without(asked: Asked, askId: string): Asked {
  return { ...asked, asks: asked.asks.filter(({ id }) => id !== askId) };
}
