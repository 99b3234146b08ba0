import assert from 'node:assert/strict';
import * as v from 'valibot';
import { ANSWER_JSON_SCHEMA, AnswerFindingSchema, parseAnswer } from '../../../src/core/review/answer.ts';
import { answerOf, answerText, entry, fencedJson } from './scopes.ts';

function problemsOf(value: unknown): string[] {
  const parsed = parseAnswer(fencedJson(value));
  return parsed.ok ? [] : parsed.problems;
}

function titlesIn(text: string): string[] | undefined {
  const parsed = parseAnswer(text);
  return parsed.ok ? parsed.answer.findings.map(({ title }) => title) : undefined;
}

describe('the answer of a model', () => {
  it('is taken from the last fenced block of the text', () => {
    const text = `First I thought:\n${fencedJson(answerOf())}but then:\n${fencedJson(answerOf(entry({ body: '```js\nx\n```' })))}So much.`;
    const parsed = parseAnswer(text);
    assert.equal(parsed.ok && parsed.answer.findings[0]?.body, '```js\nx\n```');
  });

  it('is found next to blocks of code, before and after it, and behind a fence left open', () => {
    const code = '```ts\n{ return; }\n```\n';
    const answer = answerText(entry());
    for (const text of [`${code}${answer}`, `${answer}${code}`, `\`\`\`ts\nleft open\n${answer}`])
      assert.deepEqual(titlesIn(text), ['Wrong sum'], text);
  });

  it('is found however the block is fenced', () => {
    const json = JSON.stringify(answerOf(entry()));
    for (const [open, close] of [
      ['```JSON', '```'],
      ['```', '```'],
      ['~~~~ json', '~~~~'],
      ['  ```json\r', '  ```\r'],
    ])
      assert.deepEqual(titlesIn(`Text.\n${open}\n${json}\n${close}\n`), ['Wrong sum'], open);
  });

  it('is taken from a text that is nothing but the object', () => {
    assert.deepEqual(titlesIn(`\n${JSON.stringify(answerOf(entry()))}\n`), ['Wrong sum']);
  });

  it('C-20: may hold no finding at all', () => {
    const parsed = parseAnswer(answerText());
    assert.deepEqual(parsed, { ok: true, answer: { summary: 'A small change.', findings: [] } });
  });

  it('may leave out or null what is optional, and hold more than was asked for', () => {
    assert.deepEqual(
      problemsOf(answerOf(entry({ startLine: null, endLine: 3, suggestion: null, mood: 'good' }))),
      [],
    );
  });

  it('C-20: is refused with sentences that name each field and what is wrong with it', () => {
    assert.deepEqual(problemsOf({ findings: {} }), ['summary is missing.', 'findings must be a list.']);
    assert.deepEqual(problemsOf({}), ['summary is missing.', 'findings is missing.']);
    for (const value of [[], 'none', null])
      assert.deepEqual(problemsOf(value), ['The answer holds no JSON object of the asked-for form.']);
    assert.deepEqual(
      problemsOf(
        answerOf(
          entry(),
          entry({ severity: 'major', title: '  ', startLine: 1.5 }),
          entry({ anchor: undefined }),
          entry({ anchor: 7 }),
          'x',
        ),
      ),
      [
        'findings[1]: severity must be one of critical, high, medium, low, info, not "major".',
        'findings[1]: title must not be empty.',
        'findings[1]: startLine must be a whole number.',
        'findings[2]: anchor is missing.',
        'findings[3]: anchor must be text.',
        'findings[4]: an object is needed here, not "x".',
      ],
    );
  });

  it('is bounded in every part', () => {
    const long = (length: number) => 'x'.repeat(length);
    assert.deepEqual(
      problemsOf(
        answerOf(entry({ title: long(201), body: long(8001), anchor: long(4001), suggestion: long(8001) })),
      ),
      [
        'findings[0]: title must be at most 200 characters long.',
        'findings[0]: body must be at most 8000 characters long.',
        'findings[0]: anchor must be at most 4000 characters long.',
        'findings[0]: suggestion must be at most 8000 characters long.',
      ],
    );
    assert.deepEqual(
      problemsOf(answerOf(entry({ title: long(200), body: long(8000), anchor: long(4000) }))),
      [],
    );
    assert.deepEqual(problemsOf(answerOf(...Array.from({ length: 201 }, () => entry()))), [
      'findings must hold at most 200 entries.',
    ]);
    assert.match(problemsOf(answerOf(...Array.from({ length: 30 }, () => 1))).at(-1) ?? '', /and 10 more/);
  });

  it('that is no JSON is refused with the reason', () => {
    const problem = (text: string) => {
      const parsed = parseAnswer(text);
      return parsed.ok ? [] : parsed.problems;
    };
    assert.deepEqual(problem('All is well.'), ['The answer holds no JSON object of the asked-for form.']);
    assert.match(problem('```json\n{"summary": }\n```')[0] ?? '', /^The JSON of the answer cannot be read: /);
    assert.deepEqual(problem('```json\n{"summary": "x",'), [
      'The answer holds no JSON object of the asked-for form.',
    ]);
    assert.match(problem(`{${' '.repeat(6_000_000)}}`)[0] ?? '', /longer than 6000000/);
  });

  it('keeps what can be used of a list with some bad entries', () => {
    const parsed = parseAnswer(answerText(entry(), entry({ title: 'Odd', severity: 'awful' })));
    assert.ok(!parsed.ok);
    assert.deepEqual(
      parsed.usable?.answer.findings.map(({ title }) => title),
      ['Wrong sum'],
    );
    assert.deepEqual(
      parsed.usable?.malformed.map(({ title }) => title),
      ['Odd'],
    );
  });

  it('is asked for in JSON schema by the same fields that are then checked', () => {
    const { properties } = ANSWER_JSON_SCHEMA as {
      properties: { findings: { items: { properties: object; required: string[] } } };
    };
    const { items } = properties.findings;
    assert.deepEqual(
      Object.keys(items.properties).toSorted(),
      Object.keys(AnswerFindingSchema.entries).toSorted(),
    );
    const minimal = Object.fromEntries(
      Object.entries(entry()).filter(([key]) => items.required.includes(key)),
    );
    assert.ok(v.is(AnswerFindingSchema, minimal));
    for (const key of items.required)
      assert.ok(!v.is(AnswerFindingSchema, { ...minimal, [key]: undefined }), key);
  });
});
