import assert from 'node:assert/strict';
import { request } from 'node:http';
import { parseAnswer, type ReviewAnswer } from '../../../src/core/review/answer.ts';
import { addedFileDiff } from '../../../src/core/review/diff.ts';
import type { ReviewTarget } from '../../../src/core/review/finding.ts';
import { inspectPrompt, repairPrompt } from '../../../src/core/review/prompt.ts';
import { startDemoModel, type DemoModel } from '../../../src/node/demo-model/server.ts';

const TARGET: ReviewTarget = {
  scope: {
    target: 'uncommitted',
    title: 'Uncommitted changes on main',
    root: '/w/shop',
    files: [],
    skipped: [],
  },
  diff: ['a.ts', 'b.ts', 'c.ts'].map((file) => addedFileDiff(file, 'eval(x);\n', '100644')).join(''),
};
const PROMPT = inspectPrompt(TARGET);
const TOOLS = ['read', 'grep'].map((name) => ({ type: 'function', function: { name } }));
const user = (content: unknown) => ({ role: 'user', content });
const toolResult = { role: 'tool', tool_call_id: 'x', content: '1: eval(x);' };

interface Said {
  text: string;
  reasoning: string;
  calls: { name: string; args: unknown }[];
  finish: string | undefined;
}

function answerIn({ text }: { text: string }): ReviewAnswer {
  const parsed = parseAnswer(text);
  assert.ok(parsed.ok, text);
  return parsed.answer;
}

describe('the demo model', () => {
  let demo: DemoModel;
  let key: string;
  before(async () => {
    demo = await startDemoModel();
    const provider = demo.config['provider'] as Record<string, { options: { apiKey: string } }>;
    key = provider['holdfast-demo']?.options.apiKey ?? '';
  });
  after(() => demo.close());

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${demo.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  /** Asks with streaming and puts the pieces together as a client does. */
  async function ask(messages: unknown[], tools: unknown[] = []): Promise<Said> {
    const response = await post({
      model: 'rules',
      messages,
      stream: true,
      ...(tools.length === 0 ? {} : { tools }),
    });
    assert.equal(response.status, 200);
    const said: Said = { text: '', reasoning: '', calls: [], finish: undefined };
    const args: string[] = [];
    const events = (await response.text())
      .trimEnd()
      .split('\n\n')
      .map((event) => event.replace(/^data: /, ''));
    assert.equal(events.pop(), '[DONE]');
    for (const { choices } of events.map((event) => JSON.parse(event) as StreamChunk)) {
      const [choice] = choices;
      if (!choice) continue;
      const { content, reasoning_content, tool_calls = [] } = choice.delta;
      said.text += content ?? '';
      said.reasoning += reasoning_content ?? '';
      for (const call of tool_calls) {
        if (call.function.name !== undefined) said.calls.push({ name: call.function.name, args: undefined });
        args[call.index] = (args[call.index] ?? '') + call.function.arguments;
      }
      said.finish = choice.finish_reason ?? said.finish;
    }
    said.calls.forEach((call, index) => (call.args = JSON.parse(args[index] ?? '')));
    return said;
  }

  it('opens the files it found something in, when it may, and says what it is', async () => {
    const said = await ask([user(PROMPT)], TOOLS);
    assert.deepEqual(said.calls, [
      { name: 'read', args: { filePath: '/w/shop/a.ts' } },
      { name: 'read', args: { filePath: '/w/shop/b.ts' } },
    ]);
    assert.match(said.reasoning, /^This is the demo model/);
    assert.match(said.text, /^Demo model/);
    assert.equal(said.finish, 'tool_calls');
  });

  it('then gives its answer: one short sentence and a fenced block', async () => {
    const said = await ask(
      [user(PROMPT), { role: 'assistant', content: '', tool_calls: [] }, toolResult],
      TOOLS,
    );
    assert.deepEqual([said.calls, said.finish], [[], 'stop']);
    assert.match(said.text, /^Demo model: 3 findings by fixed rules\.\n\n```json\n[^]*\n```$/);
    assert.deepEqual(
      answerIn(said).findings.map(({ file, anchor }) => [file, anchor]),
      [
        ['a.ts', 'eval(x);'],
        ['b.ts', 'eval(x);'],
        ['c.ts', 'eval(x);'],
      ],
    );
  });

  it('answers at once without the tool to read', async () => {
    const said = await ask([user([{ type: 'text', text: PROMPT }])]);
    assert.deepEqual([said.calls, said.finish], [[], 'stop']);
    assert.equal(answerIn(said).findings.length, 3);
  });

  it('C-16: gives the whole answer again on a repair prompt, without reading again', async () => {
    const said = await ask(
      [user(PROMPT), { role: 'assistant', content: 'x' }, user(repairPrompt(['findings is missing.']))],
      TOOLS,
    );
    assert.deepEqual([said.calls, said.finish], [[], 'stop']);
    assert.equal(answerIn(said).findings.length, 3);
  });

  it('C-20: has nothing to say about a harmless change', async () => {
    const harmless = inspectPrompt({ ...TARGET, diff: addedFileDiff('a.ts', 'done();\n', '100644') });
    const said = await ask([user(harmless)], TOOLS);
    assert.match(said.text, /^Demo model: no findings by fixed rules\.\n/);
    assert.deepEqual([said.calls, answerIn(said).findings], [[], []]);
  });

  it('is honest about what it cannot do', async () => {
    assert.match(
      (await ask([user('Write me a poem')], TOOLS)).text,
      /^I am the demo model of Holdfast\. I only check/,
    );
    const title = await ask([
      { role: 'system', content: 'You are a title generator.' },
      user('Write me a poem'),
    ]);
    assert.equal(title.text, 'Demo session');
  });

  it('answers without streaming too', async () => {
    const whole = async (tools: unknown[]) => {
      const response = await post({ model: 'rules', messages: [user(PROMPT)], tools });
      const { choices } = (await response.json()) as {
        choices: {
          message: { content: string; tool_calls?: { function: { name: string } }[] };
          finish_reason: string;
        }[];
      };
      return choices[0]!;
    };
    const reading = await whole(TOOLS);
    assert.deepEqual(
      [reading.message.tool_calls?.map((call) => call.function.name), reading.finish_reason],
      [['read', 'read'], 'tool_calls'],
    );
    const { message, finish_reason } = await whole([]);
    assert.deepEqual([message.tool_calls, finish_reason], [undefined, 'stop']);
    assert.equal(answerIn({ text: message.content }).findings.length, 3);
  });

  it('refuses everybody without its key', async () => {
    for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Basic ${key}`, key]) {
      const response = await post({ model: 'rules', messages: [user('hi')] }, { authorization });
      assert.equal(response.status, 401, authorization);
    }
    assert.equal((await fetch(`${demo.baseUrl}/models`)).status, 401);
    const models = await fetch(`${demo.baseUrl}/models`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(models.status, 200);
    assert.ok(key.length >= 43, 'the key is long');
  });

  for (const [name, body, message] of [
    ['no JSON', 'nonsense', 'The request is not JSON.'],
    ['no object', '3', /^The request: /],
    ['no messages', { model: 'rules' }, /^messages: /],
    ['an empty conversation', { model: 'rules', messages: [] }, /^messages: /],
    [
      'a message of a wrong form',
      { model: 'rules', messages: [{ role: 'user', content: 3 }] },
      /^messages\.0\.content: /,
    ],
  ] as const) {
    it(`answers ${name} with an error that says so`, async () => {
      const response = await post(body);
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as { error: { message: string } };
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
    });
  }

  it('answers a wrong path with an error, and a request beyond its bound without reading it to the end', async () => {
    const wrong = await fetch(`${demo.baseUrl}/completions`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(wrong.status, 404);
    const status = await new Promise((resolve, reject) => {
      const sent = request(
        `${demo.baseUrl}/chat/completions`,
        { method: 'POST', headers: { authorization: `Bearer ${key}` } },
        (response) => {
          resolve(response.statusCode);
          sent.destroy();
        },
      );
      sent.on('error', reject);
      sent.write('x'.repeat(8 * 1024 * 1024 + 1));
    });
    assert.equal(status, 413);
  });

  it('is the only model of its configuration, on loopback', () => {
    assert.match(demo.baseUrl, /^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const { model, small_model, enabled_providers, autoupdate } = demo.config;
    assert.deepEqual(
      { model, small_model, enabled_providers, autoupdate },
      {
        model: 'holdfast-demo/rules',
        small_model: 'holdfast-demo/rules',
        enabled_providers: ['holdfast-demo'],
        autoupdate: false,
      },
    );
    assert.equal(demo.model, 'holdfast-demo/rules');
  });

  it('ends answers under way when it is closed', async () => {
    const other = await startDemoModel();
    const provider = other.config['provider'] as Record<string, { options: { apiKey: string } }>;
    const response = await fetch(`${other.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${provider['holdfast-demo']?.options.apiKey}` },
      body: JSON.stringify({ model: 'rules', messages: [user(PROMPT)], stream: true }),
    });
    await other.close();
    await assert.rejects(response.text());
    await assert.rejects(fetch(other.baseUrl));
  });
});

interface StreamChunk {
  choices: {
    delta: {
      content?: string;
      reasoning_content?: string;
      tool_calls?: { index: number; function: { name?: string; arguments: string } }[];
    };
    finish_reason: string | null;
  }[];
}
