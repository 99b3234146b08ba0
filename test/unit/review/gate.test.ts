import assert from 'node:assert/strict';
import { checkAnswer, namedFiles, type GivenAnswer, type Verdict } from '../../../src/core/review/gate.ts';
import { answerText, entry, SCOPE } from './scopes.ts';

const TEXTS = new Map([['src/a.ts', 'const a = 2;\nconst b = 3;\nuse(a, b);\ndone();\n']]);

function check(given: Partial<GivenAnswer>, lastTry = false): Verdict {
  return checkAnswer({ finish: 'stop', text: '', ...given }, { scope: SCOPE, texts: TEXTS, lastTry });
}

function kindsOf(findings: unknown[], lastTry = false) {
  const verdict = check({ text: answerText(...findings) }, lastTry);
  return verdict.verdict === 'accept' ? 'accept' : verdict.problems;
}

describe('the gate of the inspect step', () => {
  it('C-20: lets findings through with lines taken from their anchors', () => {
    const verdict = check({
      text: answerText(entry({ startLine: 77 }), entry({ anchor: 'done()', suggestion: '' })),
    });
    assert.ok(verdict.verdict === 'accept');
    assert.deepEqual(
      verdict.findings.map(({ id, range, anchored, suggestion }) => ({ id, range, anchored, suggestion })),
      [
        { id: 'f1', range: { start: 3, end: 3 }, anchored: 'exact', suggestion: undefined },
        { id: 'f2', range: { start: 4, end: 4 }, anchored: 'exact', suggestion: '' },
      ],
    );
    assert.deepEqual(verdict.dropped, []);
  });

  it('C-20: takes zero findings for a valid result', () => {
    const verdict = check({ text: answerText() });
    assert.deepEqual(verdict, { verdict: 'accept', summary: 'A small change.', findings: [], dropped: [] });
  });

  for (const [finish, ends] of [
    ['stop', true],
    ['unknown', true],
    ['tool-calls', false],
    [undefined, false],
    ['length', false],
    ['content-filter', false],
    ['error', false],
  ] as const) {
    it(`C-20: finish ${String(finish)} ${ends ? 'ends the step' : 'fails it, however whole the answer looks'}`, () => {
      const verdict = check({ finish, text: answerText() });
      assert.equal(verdict.verdict, ends ? 'accept' : 'fail');
    });
  }

  it('fails on an error of the model call, however whole the answer looks', () => {
    const failed = check({ text: answerText(), error: { name: 'APIError', message: 'Overloaded' } });
    assert.deepEqual(failed, { verdict: 'fail', message: 'The model call failed: Overloaded', problems: [] });
  });

  it('C-20: names what is wrong, for the repair prompt', () => {
    assert.deepEqual(kindsOf([entry({ file: 'src/b.ts' })]), [
      'Finding "Wrong sum": the file src/b.ts is not one of the files under review.',
    ]);
    assert.deepEqual(kindsOf([entry({ file: 'logo.png' })]), [
      'Finding "Wrong sum": the file logo.png is not under review (binary).',
    ]);
    assert.deepEqual(kindsOf([entry({ anchor: ' ' })]), ['Finding "Wrong sum": the anchor is empty.']);
    assert.deepEqual(kindsOf([entry({ anchor: 'never()' })]), [
      'Finding "Wrong sum": the anchor does not stand in src/a.ts.',
    ]);
    assert.deepEqual(kindsOf([entry({ severity: 1 }), entry()]), [
      'findings[0]: severity must be one of critical, high, medium, low, info, not 1.',
    ]);
    assert.equal(check({ text: 'Looks fine to me.' }).verdict, 'repair');
  });

  it('C-20: on the last try keeps what is right, drops the rest by name and reason, and asks no more', () => {
    const verdict = check(
      {
        text: answerText(
          entry({ title: 'No such file', file: 'src/b.ts' }),
          entry({ title: 'Bad form', confidence: 'sure' }),
          entry({ title: 'Nowhere', anchor: 'never()' }),
          entry({ title: 'Right' }),
        ),
      },
      true,
    );
    assert.ok(verdict.verdict === 'accept');
    assert.deepEqual(
      verdict.findings.map(({ id, title, anchored, range }) => ({ id, title, anchored, range })),
      [
        { id: 'f1', title: 'Nowhere', anchored: 'none', range: undefined },
        { id: 'f2', title: 'Right', anchored: 'exact', range: { start: 3, end: 3 } },
      ],
    );
    assert.deepEqual(verdict.dropped, [
      { title: 'Bad form', reason: 'confidence must be one of high, medium, low, not "sure"' },
      { title: 'No such file', reason: 'the file src/b.ts is not one of the files under review' },
    ]);
    assert.equal(check({ text: 'Looks fine to me.' }, true).verdict, 'fail');
  });

  it('knows a file by the ways in which models write it', () => {
    for (const file of ['./src/a.ts', '/w/shop/src/a.ts', 'b/src/a.ts', 'src\\a.ts', ' src/a.ts']) {
      const verdict = check({ text: answerText(entry({ file })) });
      assert.equal(verdict.verdict === 'accept' && verdict.findings[0]?.file, 'src/a.ts', file);
    }
    assert.equal(check({ text: answerText(entry({ file: '/etc/src/a.ts' })) }).verdict, 'repair');
  });

  it('asks no line of a deleted file, nor of one that cannot be read', () => {
    const verdict = check({ text: answerText(entry({ file: 'src/old.ts', anchor: 'gone();' })) });
    assert.equal(verdict.verdict === 'accept' && verdict.findings[0]?.anchored, 'none');
    const unread = checkAnswer(
      { finish: 'stop', text: answerText(entry()) },
      { scope: SCOPE, texts: new Map(), lastTry: false },
    );
    assert.equal(unread.verdict === 'accept' && unread.findings[0]?.anchored, 'none');
  });

  it('says which files it needs to see', () => {
    const text = answerText(
      entry(),
      entry({ file: '/w/shop/src/a.ts' }),
      entry({ file: 'src/old.ts' }),
      entry({ file: '../x' }),
    );
    assert.deepEqual(namedFiles({ text }, SCOPE), ['src/a.ts']);
    assert.deepEqual(namedFiles({ text: 'nothing' }, SCOPE), []);
  });
});
