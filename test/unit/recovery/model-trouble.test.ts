import assert from 'node:assert/strict';
import type { EngineError } from '../../../src/core/engine.ts';
import type { ModelTrouble } from '../../../src/core/recovery/incident.ts';
import { canBeTakenLater, modelFailure } from '../../../src/core/recovery/model-trouble.ts';
import { incidentSentence, remedy } from '../../../src/core/recovery/wording.ts';

const error = (fields: Partial<EngineError>): EngineError => ({
  name: 'APIError',
  message: 'sign in, quota, too long',
  detail: 'insufficient_quota',
  ...fields,
});

describe('what a failed model call means', () => {
  const meanings: readonly [Partial<EngineError>, ModelTrouble][] = [
    [{ status: 401 }, 'sign-in'],
    [{ status: 403 }, 'sign-in'],
    [{ name: 'ProviderAuthError' }, 'sign-in'],
    [{ status: 402 }, 'quota'],
    [{ status: 429, code: 'insufficient_quota' }, 'quota'],
    [{ status: 429, code: 'rate_limit_exceeded' }, 'rate-limit'],
    [{ status: 429 }, 'rate-limit'],
    [{ status: 404 }, 'not-found'],
    [{ status: 400 }, 'refused'],
    [{ status: 400, code: 'insufficient_quota' }, 'refused'],
    [{ status: 422 }, 'refused'],
    [{ name: 'ContextOverflowError', status: 400 }, 'too-long'],
    [{ status: 408 }, 'connection'],
    [{ retriable: true }, 'connection'],
    [{ status: 500 }, 'provider'],
    [{ status: 529 }, 'provider'],
    [{ name: 'UnknownError' }, 'other'],
    [{ status: 302 }, 'other'],
  ];
  for (const [fields, trouble] of meanings) {
    it(`R-11: ${trouble}: ${JSON.stringify(fields)}`, () => {
      const failure = modelFailure(error(fields), 0);
      assert.equal(failure.trouble, trouble);
      assert.equal(failure.retriable, ['rate-limit', 'provider', 'connection'].includes(trouble));
      assert.equal(canBeTakenLater(failure), trouble !== 'refused' && trouble !== 'too-long');
    });
  }

  it('R-09: is told by status and name alone, in sentences without a word of the provider', () => {
    for (const [fields] of meanings) {
      const failure = modelFailure(error(fields), 5);
      const said = `${incidentSentence(failure)} ${remedy(failure)}`.trim();
      assert.match(said, /^[A-Z].*\.$/);
      assert.match(said, /The engine has asked 6 times\./);
      assert.doesNotMatch(said, /sign in, quota|insufficient_quota/);
    }
  });
});
