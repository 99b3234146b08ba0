import assert from 'node:assert/strict';
import * as v from 'valibot';
import { ANSWER_JSON_SCHEMA, AnswerFindingSchema, parseAnswer } from '../../../src/core/review/answer.ts';
import { answerOf, entry } from './scopes.ts';

function problemsOf(structured: unknown): string[] {
  const parsed = parseAnswer({ structured, text: '' });
  return parsed.ok ? [] : parsed.problems;
}

describe('the answer of a model', () => {
  it('is taken from the structured object before the text', () => {
    const parsed = parseAnswer({ structured: answerOf(entry()), text: JSON.stringify(answerOf()) });
    assert.equal(parsed.ok && parsed.answer.findings[0]?.title, 'Wrong sum');
  });

  it('is taken from the last fenced block of the text', () => {
    const fence = (value: unknown) => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\`\n`;
    const text = `First I thought:\n${fence(answerOf())}but then:\n${fence(answerOf(entry({ body: '```js\nx\n```' })))}So much.`;
    const parsed = parseAnswer({ text });
    assert.equal(parsed.ok && parsed.answer.findings[0]?.body, '```js\nx\n```');
  });

  it('is taken from a text that is nothing but the object', () => {
    assert.ok(parseAnswer({ text: `\n${JSON.stringify(answerOf())}\n` }).ok);
  });

  it('C-20: may hold no finding at all', () => {
    const parsed = parseAnswer({ structured: answerOf(), text: '' });
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
    assert.deepEqual(problemsOf([]), ['summary is missing.', 'findings is missing.']);
    assert.deepEqual(problemsOf('none'), ['an object is needed here, not "none".']);
    assert.deepEqual(
      problemsOf(
        answerOf(
          entry(),
          entry({ severity: 'major', title: '  ', startLine: 1.5 }),
          entry({ anchor: undefined }),
          'x',
        ),
      ),
      [
        'findings[1]: severity must be one of critical, high, medium, low, info, not "major".',
        'findings[1]: title must not be empty.',
        'findings[1]: startLine must be a whole number.',
        'findings[2]: anchor must be text.',
        'findings[3]: an object is needed here, not "x".',
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
      const parsed = parseAnswer({ text });
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
    const parsed = parseAnswer({
      structured: answerOf(entry(), entry({ title: 'Odd', severity: 'awful' })),
      text: '',
    });
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
