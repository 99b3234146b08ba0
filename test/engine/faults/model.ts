/** The model, its provider or the way to them fails. */
import assert from 'node:assert/strict';
import {
  drop,
  end,
  fails,
  hang,
  hold,
  page,
  raw,
  refuse,
  says,
  silence,
  text,
  tool,
} from '../../fakes/model/steps.ts';
import { recordOf } from '../support/product-bench.ts';
import type { Fault } from './play.ts';
import { aCall, aDelta, aRetry, ranOnce } from './points.ts';

/** The engine asks again by itself, and nothing is sent by us. */
const AGAIN = {
  outcome: 'ok',
  decisions: [],
  cards: [],
  attempts: 1,
  retries: 1,
  requests: 2,
  said: ['The end.'],
} as const;
const OK = { ...AGAIN, retries: 0, requests: 1 } as const;
const theEnd = says(text('The end.'));

export const passing: readonly Fault[] = [
  { fault: 'reset before the first byte', model: [refuse(), theEnd], expected: AGAIN },
  {
    fault: 'reset in the middle of a text',
    model: [says(text('Once upon '), hold('reset'), drop()), theEnd],
    until: aDelta,
    strike: ({ stage }) => stage.bench.model.release('reset'),
    expected: { ...AGAIN, said: ['Once upon ', 'The end.'] },
  },
  {
    fault: 'reset after a tool has run',
    model: [
      says(
        tool('bash', { command: 'echo once >> reset.ledger', description: 'x' }),
        hold('reset ran'),
        drop(),
      ),
      theEnd,
    ],
    until: (play) => aCall(play, 'completed'),
    strike: ({ stage }) => stage.bench.model.release('reset ran'),
    // Its own try again would be made without the call and its result (1.18.33).
    expected: {
      ...AGAIN,
      decisions: ['9 resume 1/3'],
      cards: ['Recovered: Stopped before a repeat, retrying 1/3 (folded)'],
      attempts: 2,
    },
    also(play) {
      ranOnce('reset')(play);
      const hasCall = play.requests.map(({ messages }) => JSON.stringify(messages).includes('reset.ledger'));
      assert.deepEqual(hasCall, [false, true]);
    },
  },
  {
    fault: '429 with Retry-After',
    ids: 'R-11',
    model: [fails(429, 'Slow down', { 'retry-after': '1' }), theEnd],
    expected: AGAIN,
  },
  {
    fault: '429 without Retry-After',
    ids: 'R-11',
    model: [fails(429, 'Slow down'), theEnd],
    expected: AGAIN,
  },
  { fault: '500', model: [fails(500, 'Broken'), theEnd], expected: AGAIN },
  { fault: '503', model: [fails(503, 'Overloaded'), theEnd], expected: AGAIN },
  {
    fault: 'an error in the stream',
    model: [
      says(
        text('Once upon '),
        raw(JSON.stringify({ error: { message: 'Overloaded', type: 'server_error' } })),
      ),
      theEnd,
    ],
    expected: { ...AGAIN, said: ['Once upon ', 'The end.'] },
  },
  {
    fault: 'the context is too long',
    model: [
      fails(400, 'This model’s maximum context length is 200000 tokens.', {}, 'context_length_exceeded'),
      says(text('What was said.')),
      theEnd,
    ],
    expected: { ...OK, requests: 3, said: ['What was said.', 'The end.'] },
  },
  { fault: 'an empty answer', model: [says()], expected: { ...OK, said: [] } },
  {
    fault: 'a tool that does not exist',
    ids: 'R-04',
    model: [says(tool('teleport', { to: 'Mars' })), theEnd],
    expected: { ...OK, requests: 2 },
  },
  {
    fault: 'broken arguments of a tool',
    ids: 'R-04',
    model: [says(tool('read', '{"filePath": ')), theEnd],
    expected: { ...OK, requests: 2 },
  },
];

/** The user is offered to go on when the cause is gone. */
const OFFERED = {
  outcome: 'interrupted',
  decisions: ['10 offer 0/3'],
  asked: ['Continue this turn? [continue, keep-as-is, show-log]'],
  cards: ['Stopped'],
  attempts: 1,
  requests: 1,
  said: [],
} as const;
const CONTINUED = {
  ...OFFERED,
  outcome: 'ok',
  cards: ['Recovered: gone on with, as you said (folded)'],
  attempts: 2,
  said: ['The end.'],
} as const;

export const lasting: readonly Fault[] = [
  {
    fault: '503 at every try of the engine',
    ids: 'R-11',
    model: [...Array.from({ length: 6 }, () => fails(503, 'Broken', { 'retry-after-ms': '10' })), theEnd],
    answer: 'go-on',
    expected: { ...CONTINUED, decisions: ['10 offer 0/3', '8 replay 0/3'], requests: 7, retries: 5 },
  },
  {
    fault: '429 with Retry-After of an hour, until the user stops it',
    ids: 'R-11',
    model: [fails(429, 'Slow down', { 'retry-after': '3600' })],
    until: ({ run }) => recordOf(run, 'parked'),
    strike: ({ run }) => run.stop('user'),
    expected: { ...OFFERED, decisions: [], asked: [], retries: 1 },
  },
  {
    fault: '429 because the quota is used up',
    ids: 'R-11',
    model: [fails(429, 'You have used up your quota', { 'retry-after-ms': '10' }, 'insufficient_quota')],
    // The engine asks again for any 429, and tells only at the end which it was (1.18.33).
    expected: { ...OFFERED, requests: 6, retries: 5 },
  },
  {
    fault: '401 until the user has mended the key',
    ids: 'R-11',
    model: [fails(401, 'Bad key'), theEnd],
    answer: 'go-on',
    expected: {
      ...CONTINUED,
      decisions: ['10 offer 0/3', '8 replay 0/3'],
      asked: ['Continue this turn? [continue, keep-as-is, restart-server, show-log]'],
      requests: 2,
    },
  },
  {
    fault: '400',
    ids: 'R-09',
    model: [fails(400, 'No such thing')],
    expected: {
      ...OFFERED,
      outcome: 'error',
      decisions: ['7 stop 0/3'],
      asked: [],
      cards: ['Failed [continue, show-log]'],
    },
  },
  { fault: '404', model: [fails(404, 'No such model')], expected: OFFERED },
  {
    fault: 'a piece of the stream that is no JSON',
    model: [says(text('Once upon '), raw('{"choices":[{'))],
    expected: { ...OFFERED, said: ['Once upon '] },
  },
  {
    fault: 'the stream ends without a reason, again and again',
    model: [says(text('Hm.'), end(undefined)), says(text('Hm.'), end(undefined)), silence()],
    expected: { ...OFFERED, requests: 3, said: ['Hm.', 'Hm.'] },
    or: { requests: 2 },
  },
  {
    fault: 'a page in place of a stream, again and again',
    model: [page(), page(), silence()],
    expected: { ...OFFERED, requests: 3 },
    or: { requests: 2 },
  },
  {
    fault: 'the output limit',
    ids: 'C-20',
    model: [says(text('And then'), end('length'))],
    expected: {
      ...OFFERED,
      outcome: 'incomplete',
      decisions: [],
      asked: [],
      cards: ['Ended without a full answer [continue, show-log]'],
      said: ['And then'],
    },
  },
  {
    fault: 'the provider’s content filter',
    ids: 'C-20',
    model: [says(text('And then'), end('content_filter'))],
    expected: { ...OFFERED, said: ['And then'] },
  },
];

/** Nobody gives up but the clock of silence. */
export const silent: readonly Fault[] = [
  {
    fault: 'no word, and no header',
    ids: 'C-05',
    model: [silence(), theEnd],
    expected: {
      ...OK,
      decisions: ['8 replay 1/3'],
      cards: ['Recovered: Model silent, retrying 1/3 (folded)'],
      attempts: 2,
      requests: 2,
    },
  },
  {
    fault: 'no more words in the middle of a text',
    ids: 'C-05',
    model: [says(text('Once upon '), hang()), theEnd],
    expected: {
      ...OK,
      decisions: ['9 resume 1/3'],
      cards: ['Recovered: Model silent, retrying 1/3 (folded)'],
      attempts: 2,
      requests: 2,
      said: ['Once upon ', 'The end.'],
    },
  },
];

/** The engine's own limits are shorter than the clock of silence. */
export const timedOut: readonly Fault[] = [
  { fault: 'no header within the engine’s own limit', model: [silence(), theEnd], expected: AGAIN },
  {
    fault: 'no more words within the engine’s own limit',
    model: [says(text('Once upon '), hang()), theEnd],
    expected: { ...AGAIN, said: ['Once upon ', 'The end.'] },
  },
];

/** Nobody listens at the model's address yet; somebody does from the engine's first retry on. */
export const refused: readonly Fault[] = [
  {
    fault: 'the connection is refused',
    model: [theEnd],
    until: aRetry,
    expected: { ...AGAIN, requests: 1 },
  },
];
