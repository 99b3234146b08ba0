/** What a failed model call means: by the provider's status and the error's name, never by its words. Pure. */
import type { EngineError } from '../engine.ts';
import type { Incident, ModelTrouble } from './incident.ts';

export type ModelFailure = Extract<Incident, { type: 'model-failed' }>;

/** A longer wait for the model's provider parks the turn: it is said with its time, ms. */
export const PARK_MS = 120_000;

/** Codes by which providers say that money or quota is used up, which no waiting of seconds helps. */
const QUOTA_CODES: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'insufficient_balance',
  'quota_exceeded',
  'billing_error',
  'billing_hard_limit_reached',
  'billing_not_active',
  'usage_limit_reached',
]);
const PASSING: ReadonlySet<ModelTrouble> = new Set(['rate-limit', 'provider', 'connection']);

/** @param retries how often the engine had asked again by itself. */
export function modelFailure(error: EngineError, retries: number): ModelFailure {
  const trouble = troubleOf(error);
  return {
    type: 'model-failed',
    trouble,
    retriable: PASSING.has(trouble),
    tries: retries + 1,
    ...(error.status === undefined ? {} : { status: error.status }),
  };
}

/** Whether the same request can be taken later, by itself or once the user has done something about it. */
export function canBeTakenLater({ trouble }: ModelFailure): boolean {
  return trouble !== 'refused' && trouble !== 'too-long';
}

function troubleOf({ name, status, code, retriable }: EngineError): ModelTrouble {
  if (name === 'ContextOverflowError') return 'too-long';
  if (name === 'ProviderAuthError') return 'sign-in';
  switch (status) {
    case 401:
    case 403:
      return 'sign-in';
    case 402:
      return 'quota';
    case 404:
      return 'not-found';
    case 408:
      return 'connection';
    case 429:
      return code !== undefined && QUOTA_CODES.has(code) ? 'quota' : 'rate-limit';
    default:
      break;
  }
  if (status === undefined) return retriable === true ? 'connection' : 'other';
  if (status >= 500) return 'provider';
  return status >= 400 ? 'refused' : 'other';
}
