import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EngineEvent } from '../../../src/core/engine.ts';
import { createFrameReader, type Odd } from '../../../src/engines/opencode/events.ts';

const HERE = '/w/my "odd" café';

function frame(type: string, properties: unknown, directory: string = HERE): string {
  return JSON.stringify({ directory, project: 'p', payload: { id: 'evt_1', type, properties } });
}

function read(...frames: string[]): { events: EngineEvent[]; odd: Odd[] } {
  const odd: Odd[] = [];
  const events = createFrameReader(HERE, (one) => odd.push(one)).read(frames);
  return { events, odd };
}

const delta = { sessionID: 's', messageID: 'm', partID: 'p', field: 'text', delta: 'hi' };
const idle = { sessionID: 's', status: { type: 'idle' } };

describe('events of opencode', () => {
  it('are told for the own workspace alone, whatever its path is made of', () => {
    const { events, odd } = read(
      frame('session.status', idle),
      frame('session.status', idle, '/w/other'),
      frame('session.status', idle, `${HERE}/sub`),
      frame('message.part.delta', delta, '/w/other'),
    );
    assert.deepEqual(events, [{ type: 'status', sessionId: 's', status: { type: 'idle' } }]);
    assert.deepEqual(odd, []);
  });

  it('are read whatever the order of their keys', () => {
    const shuffled = [
      JSON.stringify({
        payload: { properties: delta, type: 'message.part.delta', id: 'e' },
        directory: HERE,
      }),
      JSON.stringify({
        project: 'p',
        payload: { type: 'message.part.delta', properties: delta },
        directory: HERE,
      }),
      JSON.stringify({ payload: { type: 'message.part.delta', properties: delta }, directory: '/w/other' }),
    ];
    const { events, odd } = read(...shuffled);
    assert.equal(events.length, 2);
    assert.deepEqual(odd, []);
  });

  it('are not mistaken for their twins when their text looks like one', () => {
    const trap = '","payload":{"type":"sync","directory":"/w/other"}';
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (noise, first) => {
        const text = first ? trap + noise : noise + trap;
        const { events } = read(frame('message.part.delta', { ...delta, delta: text }));
        assert.deepEqual(events, [{ type: 'delta', sessionId: 's', messageId: 'm', partId: 'p', text }]);
      }),
    );
  });

  it('that have a durable twin are told once', () => {
    const removed = { sessionID: 's', messageID: 'm' };
    const twin = JSON.stringify({
      directory: HERE,
      project: 'p',
      payload: { type: 'sync', syncEvent: { id: 'evt_1', type: 'message.removed.1', seq: 3, data: removed } },
    });
    const { events, odd } = read(frame('message.removed', removed), twin);
    assert.deepEqual(events, [{ type: 'message-gone', sessionId: 's', messageId: 'm' }]);
    assert.deepEqual(odd, []);
  });

  it('"two done notifications": an idle session is told by its status and not a second time', () => {
    const { events } = read(frame('session.status', idle), frame('session.idle', { sessionID: 's' }));
    assert.equal(events.length, 1);
  });

  it('C-06: heartbeats are no events', () => {
    const beat = JSON.stringify({ payload: { id: 'e', type: 'server.heartbeat', properties: {} } });
    const connected = JSON.stringify({ payload: { id: 'e', type: 'server.connected', properties: {} } });
    assert.deepEqual(read(connected, beat), { events: [], odd: [] });
  });

  it('of a kind that is not known are named and pass', () => {
    const { events, odd } = read(
      frame('galaxy.updated', {}),
      frame('message.part.updated', { part: { type: 'hologram' } }),
      frame('session.status', idle),
    );
    assert.deepEqual(odd, [
      { kind: 'galaxy.updated', problem: 'unknown' },
      { kind: 'message.part.updated hologram', problem: 'unknown' },
    ]);
    assert.equal(events.length, 1);
  });

  it('of a known kind in a wrong shape are named with the place, and pass', () => {
    const { events, odd } = read(
      frame('session.status', { sessionID: 's', status: { type: 'levitating' } }),
      frame('message.part.delta', { ...delta, delta: 7 }),
      frame('message.part.delta', { ...delta, field: 'colour' }),
      frame('message.updated', { info: { role: 'assistant', id: 'm' } }),
      frame('todo.updated', undefined),
      frame('message.part.delta', null),
      '{"directory":"/w/my \\"odd\\" café","payload":{"type":"session.status",',
      '[]',
      '7',
      'null',
    );
    assert.deepEqual(events, []);
    assert.ok(odd.every((one) => one.problem === 'malformed'));
    assert.deepEqual(
      odd.map((one) => `${one.kind}: ${one.path}`),
      [
        'session.status: status.type',
        'message.part.delta: delta',
        'message.part.delta: field',
        'message.updated: info.sessionID',
        'todo.updated: properties',
        'message.part.delta: sessionID',
        'session.status: json',
        'frame: payload.type',
        'frame: payload.type',
        'frame: payload.type',
      ],
    );
  });

  it('never throw, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('message.part.delta', 'message.updated', 'x'),
        (value, type) => {
          read(JSON.stringify(value), frame(type, value), typeof value === 'string' ? value : '{');
        },
      ),
    );
  });

  it('follow the spelling of the workspace that the server turns out to use', () => {
    const reader = createFrameReader('/w/link', () => undefined);
    const seen = frame('session.status', idle, '/w/real');
    assert.equal(reader.read([seen]).length, 0);
    reader.setDirectory('/w/real');
    assert.equal(reader.read([seen]).length, 1);
  });
});

describe('what is kept of an event', () => {
  const tool = (state: unknown, name = 'bash'): EngineEvent | undefined =>
    read(
      frame('message.part.updated', {
        part: { id: 'p', sessionID: 's', messageID: 'm', type: 'tool', tool: name, callID: 'c', state },
      }),
    ).events[0];

  it('of a tool: the tail of its output, its whole size, and one line of what it does', () => {
    const output = `${'a'.repeat(5000)}😀${'b'.repeat(3999)}`;
    const event = tool({
      status: 'completed',
      input: { command: 'make\n  all' },
      output,
      title: 'make all',
      metadata: { output: 'x', exit: 0 },
      time: { start: 1, end: 2 },
    });
    assert.ok(event?.type === 'part' && event.part.type === 'tool');
    assert.deepEqual(event.part, {
      type: 'tool',
      id: 'p',
      callId: 'c',
      tool: 'bash',
      title: 'Run',
      class: 'effectful',
      status: 'completed',
      summary: 'make all',
      output: 'b'.repeat(3999),
      outputBytes: 5000 + 4 + 3999,
      startedAt: 1,
      endedAt: 2,
    });
  });

  it('of a running tool: the output so far; of a delegated one: the session of its agent', () => {
    const running = tool({
      status: 'running',
      input: { command: 'x' },
      metadata: { output: 'so far' },
      time: { start: 1 },
    });
    assert.ok(running?.type === 'part' && running.part.type === 'tool');
    assert.equal(running.part.output, 'so far');
    const delegated = tool(
      {
        status: 'running',
        input: { description: 'look' },
        metadata: { sessionId: 'ses_child' },
        time: { start: 1 },
      },
      'task',
    );
    assert.ok(delegated?.type === 'part' && delegated.part.type === 'tool');
    assert.deepEqual([delegated.part.childSessionId, delegated.part.summary], ['ses_child', 'look']);
  });

  it('R-09: of an error, its first line as the message and the rest as the detail', () => {
    const message = 'No providers are available\n    at <anonymous> (/chunk.js:1:2)';
    const { events } = read(frame('session.error', { error: { name: 'UnknownError', data: { message } } }));
    assert.deepEqual(events, [
      {
        type: 'error',
        error: { name: 'UnknownError', message: 'No providers are available', detail: message },
      },
    ]);
  });

  it('R-11: of an error, the code in the provider’s answer, where that has a short one', () => {
    const code = (responseBody: string): string | undefined => {
      const error = { name: 'APIError', data: { message: 'no', statusCode: 429, responseBody } };
      const [event] = read(frame('session.error', { error })).events;
      return event?.type === 'error' ? event.error.code : assert.fail('no error');
    };
    assert.equal(code('{"error":{"code":"insufficient_quota","type":"other"}}'), 'insufficient_quota');
    assert.equal(code('{"error":{"code":429,"type":"rate_limit_error"}}'), 'rate_limit_error');
    assert.equal(code('{"type":"billing_error"}'), 'billing_error');
    const others = ['', 'null', '[]', '3', '<html>', '{"error":"no"}', '{"error":{"code":"two words"}}'];
    assert.deepEqual(
      [...others, `{"code":"${'x'.repeat(61)}"}`].map(code).filter((one) => one !== undefined),
      [],
    );
  });

  it('C-20: of a call that failed, what makes it the same as another one', () => {
    const failed = (input: unknown, name = 'read', status = 'error'): string | undefined => {
      const event = tool({ status, input, error: 'no' }, name);
      return event?.type === 'part' && event.part.type === 'tool' ? event.part.failedCall : assert.fail();
    };
    assert.equal(failed({ filePath: 'a' }), failed({ filePath: 'a' }));
    const others = [
      failed({ filePath: 'b' }),
      failed({ filePath: 'a', offset: 1 }),
      failed({ filePath: 'a' }, 'list'),
    ];
    assert.equal(new Set([failed({ filePath: 'a' }), ...others]).size, 4);
    assert.equal(failed({ filePath: 'a' }, 'read', 'completed'), undefined);
    assert.notEqual(failed({ tool: 'nope' }, 'invalid', 'completed'), undefined);
  });

  it('of a request to summarise the conversation: that the engine wrote it', () => {
    const part = { id: 'p', sessionID: 's', messageID: 'm', type: 'compaction', auto: true };
    const [event] = read(frame('message.part.updated', { part })).events;
    assert.ok(event?.type === 'part');
    assert.deepEqual(event.part, { type: 'text', id: 'p', text: '', synthetic: true });
  });

  it('of an error without a word: that there was one', () => {
    const { events } = read(frame('session.error', { sessionID: 's' }));
    assert.ok(events[0]?.type === 'error' && events[0].error.message !== '');
  });

  it('C-20: of a finish reason without a word of ours: unknown', () => {
    const info = {
      id: 'm',
      role: 'assistant',
      sessionID: 's',
      parentID: 'u',
      providerID: 'p',
      modelID: 'x/y',
      time: { created: 1 },
      finish: 'other',
    };
    const { events } = read(frame('message.updated', { info }));
    assert.ok(events[0]?.type === 'message');
    assert.deepEqual([events[0].message.finish, events[0].message.model], ['unknown', 'p/x/y']);
  });

  it('of a to-do whose status the model made up: that it is not begun', () => {
    const { events } = read(
      frame('todo.updated', { sessionID: 's', todos: [{ content: 'a', status: 'maybe' }] }),
    );
    assert.deepEqual(events, [
      { type: 'todos', sessionId: 's', todos: [{ content: 'a', status: 'pending' }] },
    ]);
  });
});
