import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  AskEvent,
  EngineEvent,
  PermissionRule,
  Prompt,
  Repair,
  ToolPart,
} from '../../src/core/engine.ts';
import { RequestError } from '../../src/core/errors.ts';
import { createOpencodeEngine } from '../../src/engines/opencode/engine.ts';
import type { ModelRequest } from '../fakes/model/request.ts';
import {
  hold,
  raw,
  reasoning,
  says,
  silence,
  text,
  tool,
  type ModelAnswer,
  type Step,
} from '../fakes/model/steps.ts';
import { startCutBench, type CutBench, type Life } from './support/cut-bench.ts';

/** What the model is told of a call that the death of the server cut, and of the death itself. */
const CUT = 'The server died while this ran. It may have had its effect.';
const NOTICE = 'The server died. Go on where you were.';

const bash = (command: string): Step => tool('bash', { command, description: 'x', timeout: 50_000 });

/** A call whose arguments never come to an end. */
const halfCall: Step = raw(
  JSON.stringify({
    id: 'chatcmpl-scripted',
    object: 'chat.completion.chunk',
    created: 0,
    model: 'scripted',
    choices: [
      {
        index: 0,
        delta: {
          tool_calls: [
            {
              index: 0,
              id: 'call_half',
              type: 'function',
              function: { name: 'bash', arguments: '{"command":"echo ' },
            },
          ],
        },
        finish_reason: null,
      },
    ],
  }),
);

interface Turn {
  sessionId: string;
  prompt: Prompt;
}

/**
 * One server dies while each of these turns is at another point; the next server goes on with them, one by one.
 * A prompt's text names its turn.
 */
describe('a turn that the death of the real engine cut', function () {
  this.timeout(60_000);
  const opencode = createOpencodeEngine();
  const turns = new Map<string, Turn>();
  let bench: CutBench;
  let dead: Life;
  let life: Life;

  const ledger = (name: string): string => join(bench.engine.directory, `${name}.ledger`);
  const writes = (name: string): string => `echo ${name} >> '${ledger(name)}'`;
  const readLedger = (name: string): Promise<string> => readFile(ledger(name), 'utf8').catch(() => '');

  before(async function () {
    this.timeout(120_000);
    bench = await startCutBench({ permission: { bash: 'allow' } });
    dead = await bench.live();
    const notes = join(bench.engine.directory, 'notes.txt');
    await writeFile(notes, 'the notes\n');
    const talks = says(text('Seen so '), text('far'), hold('death'));
    const runs = (name: string): ModelAnswer =>
      says(text('I run it.'), bash(`${writes(name)}; echo written; sleep 300`));
    bench.model.script({
      ended: says(text('All done.')),
      mute: silence(),
      talking: talks,
      quoted: talks,
      thinking: says(reasoning('Let me '), reasoning('see'), hold('death')),
      'talking, not repaired': talks,
      arguing: says(text('I will.'), halfCall, hold('death')),
      running: runs('running'),
      'running, not repaired': runs('running, not repaired'),
      asking: says(bash(writes('asking'))),
      delegating: says(tool('task', { description: 'x', prompt: 'the delegate', subagent_type: 'general' })),
      'the delegate': silence(),
      between: [says(bash(writes('between')), tool('read', { filePath: notes })), silence()],
    });

    await begin('ended', (event) => event.type === 'status' && event.status.type === 'idle');
    await begin('mute');
    await bench.model.request(({ prompt }) => prompt === 'mute');
    for (const name of ['talking', 'quoted', 'talking, not repaired']) {
      await begin(name, (event) => event.type === 'delta' && event.text === 'far');
    }
    await begin('thinking', (event) => event.type === 'delta' && event.text === 'see');
    await begin('arguing', (event) => event.type === 'part' && event.part.type === 'tool');
    for (const name of ['running', 'running, not repaired']) {
      await begin(
        name,
        (event) =>
          event.type === 'part' &&
          event.part.type === 'tool' &&
          event.part.output?.includes('written') === true,
      );
    }
    await begin('asking', (event) => event.type === 'ask', [
      { permission: 'bash', pattern: '*', action: 'ask' },
    ]);
    await begin('delegating');
    await bench.model.request(({ prompt }) => prompt === 'the delegate');
    await begin('between');
    await bench.model.request(({ prompt }) => prompt === 'between', 1);
    // Its 204 is here, its being stored is not awaited.
    await begin('accepted');
    await dead.kill();
    const left = await bench.endLeftovers();
    assert.deepEqual(left, ['sleep 300', 'sleep 300'], 'only what tools ran survives');

    bench.model.script(() => says(text('The end.')));
    life = await bench.live();
    assert.deepEqual(
      bench.model.requests.filter(({ prompt }) => prompt === 'accepted'),
      [],
    );
  });
  after(() => bench.stop());

  /** Sends a prompt that is named `name` in a session of its own and waits for an event of it. */
  async function begin(
    name: string,
    point?: (event: EngineEvent) => boolean,
    permission: readonly PermissionRule[] = [],
  ): Promise<void> {
    const { id } = await dead.client.createSession({ title: name, permission });
    const turn = { sessionId: id, prompt: { ...opencode.newPromptIds(), text: name } };
    turns.set(name, turn);
    await dead.client.send(id, turn.prompt);
    if (point !== undefined) await dead.until((event) => event.sessionId === id && point(event));
  }

  /** Prompt, answers and their parts as stored, a line each, with the state that a client can tell from them. */
  async function stored({ sessionId }: Turn): Promise<string[]> {
    const { status, events } = await life.client.snapshot(sessionId);
    assert.equal(status.type, 'idle');
    return events.flatMap((event) => {
      if (event.sessionId !== sessionId) return [];
      if (event.type === 'message') {
        const { role, completedAt, finish } = event.message;
        return role === 'user' ? ['prompt'] : [`answer ${completedAt === undefined ? 'cut' : finish}`];
      }
      if (event.type !== 'part') return event.type === 'session' ? [] : [event.type];
      const { part } = event;
      if (part.type === 'tool') return [`${part.tool} ${part.status}`];
      return [`${part.type} "${part.text}"`];
    });
  }

  /** The parts without an end, and the answer they are in, as a client finds them. */
  async function loose({
    sessionId,
  }: Turn): Promise<{ messageId: string; texts: string[]; tools: ToolPart[] }> {
    const { events } = await life.client.snapshot(sessionId);
    const answer = events.findLast((event) => event.type === 'message' && event.sessionId === sessionId);
    assert.ok(answer?.type === 'message' && answer.message.completedAt === undefined);
    const parts = events.flatMap((event) =>
      event.type === 'part' && event.messageId === answer.message.id ? [event.part] : [],
    );
    return {
      messageId: answer.message.id,
      texts: parts.flatMap((part) => (part.type !== 'tool' && part.endedAt === undefined ? [part.id] : [])),
      tools: parts.filter((part) => part.type === 'tool'),
    };
  }

  /** What the client of the dead server saw of a text. */
  const seen = (partId: string): string =>
    dead.events
      .map((event) => (event.type === 'delta' && event.partId === partId ? event.text : ''))
      .join('');

  async function repairs(turn: Turn): Promise<Repair[]> {
    const { messageId, texts, tools } = await loose(turn);
    return [
      ...texts.map((partId) => ({ kind: 'text' as const, messageId, partId, text: seen(partId) })),
      ...tools.map((part) => ({ kind: 'tool' as const, messageId, partId: part.id, error: CUT })),
    ];
  }

  /** Sends the prompt again with its old ids, waits for the end, and gives the calls of the model that it took. */
  async function goOn({ sessionId, prompt }: Turn, notice = NOTICE): Promise<ModelRequest[]> {
    const [calls, from] = [bench.model.requests.length, life.events.length];
    await life.client.send(sessionId, { ...prompt, system: notice });
    await settled(sessionId, from);
    const { events } = await life.client.snapshot(sessionId);
    const messages = events.flatMap((event) =>
      event.type === 'message' && event.sessionId === sessionId ? [event.message] : [],
    );
    const users = messages.filter(({ role }) => role === 'user').map(({ id }) => id);
    assert.deepEqual(users, [prompt.messageId]);
    assert.deepEqual(
      events.flatMap((event) =>
        event.type === 'part' && event.messageId === prompt.messageId ? [event.part.id] : [],
      ),
      [prompt.partId],
    );
    assert.deepEqual([messages.at(-1)?.finish, messages.at(-1)?.parentId], ['stop', prompt.messageId]);
    return bench.model.requests.slice(calls);
  }

  /** Resolves when the session was busy and idle again since the event with this number. */
  async function settled(sessionId: string, from: number): Promise<void> {
    const is = (type: string, after: number) => (event: EngineEvent) =>
      event.type === 'status' &&
      event.sessionId === sessionId &&
      event.status.type === type &&
      life.events.indexOf(event) >= after;
    const busy = await life.until(is('busy', from));
    await life.until(is('idle', life.events.indexOf(busy)));
  }

  /** What the model is given after its instructions: texts, calls, and what came of them. */
  function told({ messages }: ModelRequest): string[] {
    const instructions = messages
      .filter(({ role }) => role === 'system')
      .map(({ content }) => String(content));
    assert.ok(instructions.join('\n').includes(NOTICE), 'the notice is in the system prompt');
    return messages.flatMap((message) => {
      if (message.role === 'system') return [];
      const { tool_calls: calls = [] } = message as { tool_calls?: { function: { name: string } }[] };
      const names = calls.map((call) => ` ${call.function.name}()`).join('');
      return [`${message.role}: ${String(message.content)}${names}`];
    });
  }

  const turn = (name: string): Turn => turns.get(name)!;

  it('after it was accepted: the prompt is sent as if for the first time, whether it was stored or not', async () => {
    const { sessionId, prompt } = turn('accepted');
    const fate = await life.client.lookUp(sessionId, prompt);
    const found = await stored(turn('accepted'));
    assert.deepEqual(
      found,
      { absent: [], 'partly-stored': ['prompt'], stored: ['prompt', 'text "accepted"'] }[fate],
    );
    const calls = await goOn(turn('accepted'));
    assert.deepEqual(calls.map(told), [['user: accepted']]);
  });

  it('before the first token: the empty answer goes', async () => {
    assert.deepEqual(await stored(turn('mute')), ['prompt', 'text "mute"', 'answer cut']);
    const { messageId } = await loose(turn('mute'));
    await life.client.repair(turn('mute').sessionId, [{ kind: 'discard', messageId }]);
    await life.until((event) => event.type === 'message-gone' && event.messageId === messageId);
    const calls = await goOn(turn('mute'));
    assert.deepEqual(calls.map(told), [['user: mute']]);
    assert.deepEqual(await stored(turn('mute')), ['prompt', 'text "mute"', 'answer stop', 'text "The end."']);
  });

  it('R-05: in the middle of a text: the model finds what was seen of it', async () => {
    assert.deepEqual(await stored(turn('talking')), ['prompt', 'text "talking"', 'answer cut', 'text ""']);
    await life.client.repair(turn('talking').sessionId, await repairs(turn('talking')));
    const calls = await goOn(turn('talking'));
    assert.deepEqual(calls.map(told), [['user: talking', 'assistant: Seen so far']]);
    assert.deepEqual(await stored(turn('talking')), [
      'prompt',
      'text "talking"',
      'answer cut',
      'text "Seen so far"',
      'answer stop',
      'text "The end."',
    ]);
  });

  it('in the middle of a text: an answer can be dropped and quoted instead', async () => {
    const { messageId, texts } = await loose(turn('quoted'));
    await life.client.repair(turn('quoted').sessionId, [{ kind: 'discard', messageId }]);
    const calls = await goOn(turn('quoted'), `${NOTICE} You had said: ${seen(texts[0]!)}`);
    assert.deepEqual(calls.map(told), [['user: quoted']]);
    assert.match(JSON.stringify(calls[0]?.messages[0]), /You had said: Seen so far/);
  });

  it('in the middle of a thought: what was seen of it comes back', async () => {
    const before = ['prompt', 'text "thinking"', 'answer cut'];
    assert.deepEqual(await stored(turn('thinking')), [...before, 'reasoning ""']);
    await life.client.repair(turn('thinking').sessionId, await repairs(turn('thinking')));
    assert.deepEqual(await stored(turn('thinking')), [...before, 'reasoning "Let me see"']);
    const calls = await goOn(turn('thinking'));
    assert.deepEqual(calls.map(told), [['user: thinking', 'assistant: ']]);
  });

  it('R-04: while the arguments of a call stream: it ends as an error, and its answer cannot be dropped', async () => {
    const arguing = turn('arguing');
    const before = ['prompt', 'text "arguing"', 'answer cut', 'text ""', 'bash pending'];
    assert.deepEqual(await stored(arguing), before);
    const { messageId } = await loose(arguing);
    await life.client.repair(arguing.sessionId, [{ kind: 'discard', messageId }]);
    assert.deepEqual(await stored(arguing), before);
    await life.client.repair(arguing.sessionId, await repairs(arguing));
    const calls = await goOn(arguing);
    assert.deepEqual(calls.map(told), [['user: arguing', 'assistant: I will. bash()', `tool: ${CUT}`]]);
  });

  it('R-04: while a command runs: its effect stays the only one, and the model is told', async () => {
    const running = turn('running');
    assert.deepEqual(await stored(running), [
      'prompt',
      'text "running"',
      'answer cut',
      'text "I run it."',
      'bash running',
    ]);
    await life.client.repair(running.sessionId, await repairs(running));
    const closed = (await loose(running)).tools[0]!;
    assert.deepEqual([closed.status, closed.error, closed.output], ['error', CUT, 'written\n']);
    assert.ok(closed.startedAt! <= closed.endedAt!);
    const calls = await goOn(running);
    assert.deepEqual(calls.map(told), [['user: running', 'assistant: I run it. bash()', `tool: ${CUT}`]]);
    assert.equal(await readLedger('running'), 'running\n');
  });

  it('while it waits for a permission: the request is gone, nothing ran, and it is asked for again', async () => {
    const asking = turn('asking');
    assert.deepEqual(await stored(asking), ['prompt', 'text "asking"', 'answer cut', 'bash running']);
    const isAsk = (event: EngineEvent): event is AskEvent => event.type === 'ask';
    const old = dead.events.find(isAsk)!;
    const once = { type: 'permission', reply: 'once' } as const;
    await assert.rejects(life.client.answer(old.ask, once), hasStatus(404));
    assert.equal(await readLedger('asking'), '');

    await life.client.repair(asking.sessionId, await repairs(asking));
    bench.model.script((request) => says(request.step === 1 ? bash(writes('asking')) : text('The end.')));
    const going = goOn(asking);
    const again = await life.until(isAsk);
    assert.ok(isAsk(again) && again.ask.id !== old.ask.id);
    await life.client.answer(again.ask, once);
    const calls = await going;
    bench.model.script(() => says(text('The end.')));
    assert.deepEqual(told(calls[0]!), ['user: asking', 'assistant:  bash()', `tool: ${CUT}`]);
    assert.equal(calls.length, 2);
    assert.equal(await readLedger('asking'), 'asking\n');
  });

  it('while a sub-agent works: the call ends as an error, the sub-agent stays as it is', async () => {
    const delegating = turn('delegating');
    assert.deepEqual(await stored(delegating), ['prompt', 'text "delegating"', 'answer cut', 'task running']);
    const child = (await loose(delegating)).tools[0]!.childSessionId!;
    await life.client.repair(delegating.sessionId, await repairs(delegating));
    const calls = await goOn(delegating);
    assert.deepEqual(calls.map(told), [['user: delegating', 'assistant:  task()', `tool: ${CUT}`]]);
    assert.equal((await life.client.snapshot(child)).status.type, 'idle');
  });

  it('C-15: between two steps: the one that ended is not run again', async () => {
    const between = turn('between');
    const first = ['prompt', 'text "between"', 'answer tool-calls', 'bash completed', 'read completed'];
    assert.deepEqual(await stored(between), [...first, 'answer cut']);
    const { messageId } = await loose(between);
    await life.client.repair(between.sessionId, [{ kind: 'discard', messageId }]);
    const calls = await goOn(between);
    assert.equal(calls.length, 1);
    const [prompt, call, ...results] = told(calls[0]!);
    assert.deepEqual([prompt, call], ['user: between', 'assistant:  bash() read()']);
    assert.match(results.join('\n'), /the notes/);
    assert.deepEqual(await stored(between), [...first, 'answer stop', 'text "The end."']);
    assert.equal(await readLedger('between'), 'between\n');
  });

  it('after its end: the same prompt again does nothing', async () => {
    const before = await stored(turn('ended'));
    assert.deepEqual(before, ['prompt', 'text "ended"', 'answer stop', 'text "All done."']);
    assert.deepEqual(await goOn(turn('ended')), []);
    assert.deepEqual(await stored(turn('ended')), before);
  });

  it('without repair: it goes on too, but the model misses what was seen and why a call ended', async () => {
    const talking = await goOn(turn('talking, not repaired'));
    assert.deepEqual(talking.map(told), [['user: talking, not repaired', 'assistant: ']]);
    const running = await goOn(turn('running, not repaired'));
    assert.deepEqual(running.map(told), [
      [
        'user: running, not repaired',
        'assistant: I run it. bash()',
        'tool: [Tool execution was interrupted]',
      ],
    ]);
    assert.equal(await readLedger('running, not repaired'), 'running, not repaired\n');
  });

  it('that was repaired is left alone by another repair, and so is what is gone or whole', async () => {
    const { sessionId } = turn('running, not repaired');
    const { events } = await life.client.snapshot(sessionId);
    const cut = events.find((event) => event.type === 'part' && event.part.type === 'tool')!;
    assert.ok(cut.type === 'part');
    const close = (error: string): Repair => ({
      kind: 'tool',
      messageId: cut.messageId,
      partId: cut.part.id,
      error,
    });
    await life.client.repair(sessionId, [close(CUT)]);
    const repaired = await life.client.snapshot(sessionId);

    const parts = repaired.events.flatMap((event) => (event.type === 'part' ? [event] : []));
    const gone = { messageId: `${cut.messageId}x`, partId: `${cut.part.id}x` };
    await life.client.repair(sessionId, [
      close('Something else.'),
      ...parts
        .filter(({ part }) => part.type === 'text')
        .map(({ messageId, part }): Repair => ({ kind: 'text', messageId, partId: part.id, text: 'Other.' })),
      ...parts.map(({ messageId }): Repair => ({ kind: 'discard', messageId })),
      { kind: 'text', messageId: cut.messageId, partId: gone.partId, text: 'Other.' },
      { kind: 'tool', ...gone, error: CUT },
      { kind: 'discard', messageId: gone.messageId },
    ]);
    assert.deepEqual(await life.client.snapshot(sessionId), repaired);
  });

  it('is not repaired while it is busy', async () => {
    bench.model.script(() => says(text('So '), hold('busy'), text('it goes.')));
    const { id } = await life.client.createSession({ title: 'busy' });
    const from = life.events.length;
    await life.client.send(id, { ...opencode.newPromptIds(), text: 'busy' });
    const delta = await life.until((event) => event.type === 'delta' && event.sessionId === id);
    assert.ok(delta.type === 'delta');
    const { messageId, partId } = delta;
    const repair: Repair = { kind: 'text', messageId, partId, text: 'Not what it says.' };
    await assert.rejects(life.client.repair(id, [repair]), hasStatus(409));
    bench.model.release('busy');
    await settled(id, from);
    assert.deepEqual((await stored({ sessionId: id } as Turn)).at(-1), 'text "So it goes."');
  });
});

const hasStatus = (status: number) => (error: unknown) => {
  assert.ok(error instanceof RequestError);
  assert.equal(error.status, status);
  return true;
};
