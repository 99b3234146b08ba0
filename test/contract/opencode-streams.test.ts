import assert from 'node:assert/strict';
import * as v from 'valibot';
import { EngineEventSchema, type EngineEvent } from '../../src/core/engine.ts';
import { createFrameReader } from '../../src/engines/opencode/events.ts';
import { createSseDecoder } from '../../src/node/http/sse-decoder.ts';
import { recordedBytes, recordings, replay, story, wireEvents, WORKSPACE } from './streams.ts';

/** Which of the engine's kinds each of ours is made from. */
const SOURCES: Readonly<Record<EngineEvent['type'], readonly string[]>> = {
  delta: ['message.part.delta'],
  part: ['message.part.updated'],
  message: ['message.updated'],
  'message-gone': ['message.removed'],
  status: ['session.status'],
  error: ['session.error'],
  ask: ['permission.asked', 'question.asked'],
  'ask-closed': ['permission.replied', 'question.replied', 'question.rejected'],
  session: ['session.created', 'session.updated'],
  'session-gone': ['session.deleted'],
  todos: ['todo.updated'],
  changes: ['session.diff'],
  compacted: ['session.compacted'],
};
const SEEN_PARTS = new Set(['text', 'reasoning', 'tool', 'compaction']);

describe('recorded streams of opencode 1.18.33', () => {
  for (const name of recordings()) {
    it(`${name}: every event that means something comes out, once, and fits the port`, () => {
      const { events, odd } = replay(name);
      const wire = wireEvents(name).filter(({ type, properties }) => {
        if (type !== 'message.part.updated') return true;
        return SEEN_PARTS.has((properties['part'] as { type: string }).type);
      });
      assert.deepEqual(odd, []);
      for (const [type, sources] of Object.entries(SOURCES)) {
        const made = events.filter((event) => event.type === type).length;
        const sent = wire.filter((event) => sources.includes(event.type)).length;
        assert.equal(made, sent, `${type} from ${sources.join(', ')}`);
      }
      for (const event of events) v.parse(EngineEventSchema, event);
    });
  }

  it('C-06: heartbeats and signs of life of the stream are never events', () => {
    const { events } = replay('t08-long-s429n');
    const beats = wireEvents('t08-long-s429n').filter(({ type }) => type === 'server.heartbeat');
    assert.ok(beats.length >= 5);
    const kinds = new Set(events.map((event) => event.type));
    assert.deepEqual([...kinds].sort(), ['changes', 'error', 'message', 'part', 'session', 'status']);
  });

  it('a turn with a tool and a permission reads as it happened', () => {
    const { events } = replay('t04-event');
    const ask = events.find((event) => event.type === 'ask');
    assert.ok(ask?.sessionId !== undefined);
    const told = story(events, ask.sessionId);
    const begin = told.indexOf('user');
    const end = told.indexOf('idle', begin);
    assert.deepEqual(told.slice(begin, end + 1), [
      'user',
      'text "run @@bash"',
      'busy',
      'assistant',
      'user',
      'busy',
      'text ""',
      '+"Running."',
      'bash pending',
      'bash running',
      'text "Running." whole',
      'ask permission',
      'closed once',
      'bash running',
      'bash running',
      'bash completed',
      'assistant tool-calls',
      'assistant tool-calls closed',
      'busy',
      'assistant',
      'busy',
      'text ""',
      '+"Done."',
      'text "Done." whole',
      'user',
      'assistant stop',
      'assistant stop closed',
      'busy',
      'idle',
    ]);
  });

  it('S-13: an abort is told as error, idle, the closing of what ran, and a second idle', () => {
    for (const name of ['t07-abort-bash', 't07-abort-question', 't07-abort-slow']) {
      const { events } = replay(name);
      const error = events.find((event) => event.type === 'error');
      assert.ok(error?.sessionId !== undefined);
      const told = story(events, error.sessionId);
      const from = told.indexOf('error MessageAbortedError');
      const kinds = told.slice(from, from + 5).map((line) => line.replace(/ ".*"/, ''));
      assert.deepEqual(
        [kinds[0], kinds[1], kinds[3], kinds[4]],
        ['error MessageAbortedError', 'idle', 'assistant closed MessageAbortedError', 'idle'],
        name,
      );
      assert.match(kinds[2]!, /^(bash error|question error|text whole)$/);
    }
  });

  it('a rate limit is told as retries with their time, then as one error', () => {
    const { events } = replay('t08-long-s429n');
    const retries = events.filter((event) => event.type === 'status' && event.status.type === 'retry');
    assert.equal(retries.length, 5);
    const error = events.find((event) => event.type === 'error');
    assert.deepEqual(error?.type === 'error' && { ...error.error, detail: undefined }, {
      name: 'APIError',
      message: 'Rate limit reached',
      status: 429,
      retriable: true,
      detail: undefined,
    });
  });

  it('R-04: a call of a tool that does not exist is told as one that ran nothing', () => {
    const { events } = replay('t08-main-badtool');
    const last = events.findLast((event) => event.type === 'part' && event.part.type === 'tool');
    assert.ok(last?.type === 'part' && last.part.type === 'tool');
    assert.deepEqual(
      [last.part.tool, last.part.class, last.part.status],
      ['invalid', 'read-only', 'completed'],
    );
  });

  it('the raw bytes of the global stream, twins and all, give the turn once', () => {
    const bytes = recordedBytes('global-turn.sse');
    const odd: unknown[] = [];
    const whole = createFrameReader(WORKSPACE.replace('/ws', '/workspace'), (one) => odd.push(one)).read(
      createSseDecoder().push(bytes),
    );
    assert.deepEqual(odd, []);
    const told = story(whole, whole.find((event) => event.type === 'delta')!.sessionId!);
    assert.deepEqual(told.slice(told.indexOf('text ""'), told.indexOf('bash completed') + 1), [
      'text ""',
      '+"Hi "',
      'bash pending',
      'bash running',
      'text "Hi " whole',
      'bash running',
      'bash running',
      'bash completed',
    ]);
    assert.equal(told.filter((line) => line === '+"done"').length, 1);
    assert.equal(told.filter((line) => line === 'idle').length, 1);
  });

  it('events of other workspaces on the same server are not delivered', () => {
    const bytes = recordedBytes('global-turn.sse');
    const elsewhere = createFrameReader('/w/other', () => undefined).read(createSseDecoder().push(bytes));
    assert.deepEqual(elsewhere, []);
  });
});
