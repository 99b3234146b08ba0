import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AskEvent, EngineEvent } from '../../src/core/engine.ts';
import { hold, reasoning, says, text, tool } from '../fakes/model/steps.ts';
import { startBench, type Bench } from './support/bench.ts';

const isAsk = (event: EngineEvent): event is AskEvent => event.type === 'ask';

describe('turns on the real engine', function () {
  this.timeout(120_000);
  let bench: Bench;
  let sessionId: string;

  before(async () => (bench = await startBench({ permission: { bash: 'ask' } })));
  after(() => bench.stop());
  beforeEach(async () => (sessionId = (await bench.client.createSession({ title: 'a test' })).id));
  afterEach(() => assert.deepEqual(bench.odd, []));

  it('a text turn streams and ends with the whole text', async () => {
    bench.model.script({ hello: says(reasoning('Let me think.'), text('Good '), text('day.')) });
    const turn = await bench.turn(sessionId, bench.prompt('hello'));
    assert.deepEqual(turn.texts, ['Good day.']);
    const deltas = turn.events.flatMap((event) => (event.type === 'delta' ? [event.text] : []));
    assert.deepEqual(deltas, ['Let me think.', 'Good ', 'day.']);
    assert.deepEqual(
      turn.answers.map((answer) => [answer.finish, answer.model]),
      [['stop', 'scripted/scripted']],
    );
    assert.ok(turn.answers[0]!.completedAt !== undefined);
    assert.equal(turn.answers[0]!.tokens?.input, 100);
  });

  it('a tool asks, runs when allowed, and shows what it did', async () => {
    bench.model.script({
      go: [says(tool('bash', { command: 'echo hi', description: 'x' })), says(text('Done.'))],
    });
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    const { ask } = await bench.until(isAsk, from);
    assert.ok(ask.type === 'permission');
    assert.deepEqual([ask.permission, ask.patterns, ask.sessionId], ['bash', ['echo hi'], sessionId]);
    await bench.client.answer(ask, { type: 'permission', reply: 'once' });
    const turn = await bench.settled(sessionId, from);
    assert.deepEqual(
      turn.tools.map(({ tool: name, class: kind, status, summary, output }) => ({
        name,
        kind,
        status,
        summary,
        output,
      })),
      [{ name: 'bash', kind: 'effectful', status: 'completed', summary: 'echo hi', output: 'hi\n' }],
    );
    assert.ok(turn.events.some((event) => event.type === 'ask-closed' && event.askId === ask.id));
    assert.deepEqual(turn.texts, ['Done.']);
  });

  it('a permission that is refused with words lets the turn go on with them', async () => {
    bench.model.script({
      go: [says(tool('bash', { command: 'touch no', description: 'x' })), says(text('Understood.'))],
    });
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    const { ask } = await bench.until(isAsk, from);
    await bench.client.answer(ask, { type: 'permission', reply: 'reject', message: 'Not like this' });
    const turn = await bench.settled(sessionId, from);
    assert.equal(turn.tools[0]?.status, 'error');
    assert.match(turn.tools[0]?.error ?? '', /Not like this/);
    assert.deepEqual(turn.texts, ['Understood.']);
    assert.equal(existsSync(join(bench.engine.directory, 'no')), false);
  });

  it('a permission that is dismissed ends the turn, and cannot be answered twice', async () => {
    bench.model.script({
      go: [says(tool('bash', { command: 'touch no', description: 'x' })), says(text('More.'))],
    });
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    const { ask } = await bench.until(isAsk, from);
    await bench.client.answer(ask, { type: 'dismiss' });
    const turn = await bench.settled(sessionId, from);
    assert.deepEqual([turn.tools[0]?.status, turn.texts], ['error', []]);
    await assert.rejects(bench.client.answer(ask, { type: 'dismiss' }), {
      name: 'RequestError',
      status: 404,
      retriable: false,
    });
  });

  it('a question is asked with its options and answered by labels', async () => {
    const question = {
      question: 'Which one?',
      header: 'Pick',
      options: [{ label: 'A', description: 'first' }],
    };
    bench.model.script({ go: [says(tool('question', { questions: [question] })), says(text('A it is.'))] });
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    const { ask } = await bench.until(isAsk, from);
    assert.ok(ask.type === 'question');
    assert.deepEqual(ask.questions, [{ ...question, multiple: false, custom: true }]);
    await bench.client.answer(ask, { type: 'question', answers: [['A']] });
    const turn = await bench.settled(sessionId, from);
    assert.match(turn.tools[0]?.output ?? '', /"Which one\?"="A"/);
    assert.deepEqual(turn.texts, ['A it is.']);
  });

  it('words for the system prompt reach the model', async () => {
    bench.model.script({ hello: says(text('Hi.')) });
    await bench.turn(sessionId, bench.prompt('hello', { system: 'Speak like a lighthouse.' }));
    const call = await bench.model.request((request) => request.sessionId === sessionId);
    assert.ok(JSON.stringify(call.messages[0]).includes('Speak like a lighthouse.'));
  });

  it('an abort ends a turn that waits for the model, and the model is left alone', async () => {
    bench.model.script({ wait: says(text('One '), hold('never'), text('two')) });
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('wait'));
    await bench.model.reached('never');
    await bench.until((event) => event.type === 'delta' && event.text === 'One ', from);
    await bench.client.abort(sessionId);
    const closed = (event: EngineEvent): boolean =>
      event.type === 'message' && event.sessionId === sessionId && event.message.error !== undefined;
    const message = await bench.until(closed, from);
    assert.ok(message.type === 'message' && message.message.error?.name === 'MessageAbortedError');
    const call = await bench.model.request((request) => request.sessionId === sessionId);
    await call.left;
  });

  it('a snapshot shows a waiting turn with its open ask, and afterwards neither', async () => {
    bench.model.script({
      go: [says(text('Look: '), tool('bash', { command: 'echo hi', description: 'x' })), says(text('Done.'))],
    });
    const from = bench.events.length;
    const prompt = bench.prompt('go');
    await bench.client.send(sessionId, prompt);
    const asked = await bench.until(isAsk, from);
    const waiting = await bench.client.snapshot(sessionId);
    assert.equal(waiting.status.type, 'busy');
    assert.deepEqual(waiting.events.filter(isAsk), [asked]);
    assert.ok(waiting.events.some((event) => event.type === 'part' && event.part.id === prompt.partId));
    await bench.client.answer(asked.ask, { type: 'permission', reply: 'once' });
    await bench.settled(sessionId, from);
    const ended = await bench.client.snapshot(sessionId);
    assert.deepEqual([ended.status.type, ended.events.filter(isAsk)], ['idle', []]);
    const texts = ended.events.flatMap((e) =>
      e.type === 'part' && e.part.type === 'text' ? [e.part.text] : [],
    );
    assert.deepEqual(texts, ['go', 'Look: ', 'Done.']);
  });

  it('a snapshot leaves out the ask that an abort left behind', async () => {
    bench.model.script({ go: says(tool('bash', { command: 'echo hi', description: 'x' })) });
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    await bench.until(isAsk, from);
    await bench.client.abort(sessionId);
    const { status, events } = await bench.client.snapshot(sessionId);
    assert.deepEqual([status.type, events.filter(isAsk)], ['idle', []]);
  });

  it("C-06: a sub-agent's session, asks and messages are told with their parent", async () => {
    bench.model.script({
      go: [
        says(tool('task', { description: 'look', prompt: 'sub work', subagent_type: 'general' })),
        says(text('Both done.')),
      ],
      'sub work': [says(tool('bash', { command: 'echo sub', description: 'x' })), says(text('Sub done.'))],
    });
    const from = bench.events.length;
    await bench.client.send(sessionId, bench.prompt('go'));
    const { ask } = await bench.until(isAsk, from);
    assert.notEqual(ask.sessionId, sessionId);
    const waiting = await bench.client.snapshot(sessionId);
    const child = waiting.events.find((event) => event.type === 'session' && event.parentId === sessionId);
    assert.equal(child?.sessionId, ask.sessionId);
    assert.deepEqual(
      waiting.events.filter(isAsk).map((event) => event.ask.id),
      [ask.id],
    );
    assert.ok(
      waiting.events.some(
        (e) => e.type === 'part' && e.part.type === 'tool' && e.part.childSessionId === ask.sessionId,
      ),
    );
    await bench.client.answer(ask, { type: 'permission', reply: 'once' });
    const turn = await bench.settled(sessionId, from);
    assert.deepEqual(turn.texts, ['Both done.']);
    assert.ok(turn.events.some((event) => event.type === 'delta' && event.sessionId === ask.sessionId));
  });

  it('sessions are listed newest first, up to the limit, without those of sub-agents', async () => {
    const listed = await bench.client.listSessions(2);
    assert.equal(listed.length, 2);
    assert.equal(listed[0]?.id, sessionId);
  });
});
