import assert from 'node:assert/strict';
import { parseAnswer } from '../../../src/core/review/answer.ts';
import { addedFileDiff } from '../../../src/core/review/diff.ts';
import { inspectDiff } from '../../../src/node/demo-model/inspect.ts';

/** Titles found in a file that is wholly new. */
function titles(file: string, ...lines: string[]): string[] {
  return inspectDiff(addedFileDiff(file, `${lines.join('\n')}\n`, '100644')).findings.map(
    ({ title }) => title,
  );
}

// Put together here so that no scanner takes this file for a leak.
const KEY = ['sk', 'live', 'EXAMPLE0000notARealKey0000'].join('_');

const SLIPS: readonly [title: string, file: string, ...lines: string[]][] = [
  ['Secret in the source', 'a.ts', `const key = '${KEY}';`],
  ['Secret in the source', 'a.py', `API_KEY = "${'a1b2c3d4'.repeat(2)}"`],
  ['Certificate check is switched off', 'a.ts', 'agent({ rejectUnauthorized: false });'],
  ['Certificate check is switched off', 'a.py', 'requests.get(url, verify=False)'],
  ['Text is run as code', 'a.js', 'const x = eval(input);'],
  ['Text is run as code', 'a.js', 'const f = new Function(input);'],
  ['Text is run as code', 'a.py', 'x = eval(text)'],
  ['Value is put into SQL text', 'a.ts', 'db.query(`SELECT * FROM t WHERE id = ${id}`);'],
  ['Value is put into a shell command', 'a.ts', 'execSync(`rm -r ${folder}`);'],
  ['Text is put into the page as HTML', 'a.ts', 'node.innerHTML = text;'],
  ['Promise is not awaited', 'a.ts', 'async function save() {', '}', 'save();'],
  ['Promise is not awaited', 'a.ts', 'this.store.flushAsync();'],
  ['Promise is not awaited', 'a.ts', 'if (isAllowedAsync(user)) {'],
  ['`forEach` does not wait for an async callback', 'a.ts', 'all.forEach(async (one) => go(one));'],
  ['Assignment where a comparison is expected', 'a.ts', 'if (state = 3) {'],
  ['Loop runs one past the end', 'a.ts', 'for (let i = 0; i <= list.length; i++) {'],
  ['Error is swallowed', 'a.ts', '} catch (error) {}'],
  ['Error is swallowed', 'a.ts', '} catch {', '}'],
  ['Error is swallowed', 'a.ts', 'go().catch(() => {});'],
  ['Error is swallowed', 'a.py', 'except Exception:', '    pass'],
  ['Predictable random number for something secret', 'a.ts', 'const token = Math.random().toString(36);'],
  ['All other tests are switched off', 'a.test.ts', "it.only('works', () => {});"],
  ['Leftover `debugger`', 'a.ts', '  debugger;'],
  ['Debug output left in', 'a.ts', "console.log('here');"],
  ['Debug output left in', 'a.py', '    print(x)'],
  ['Unencrypted address', 'a.ts', "const url = 'http://api.acme.test/v1';"],
  ['Loose comparison', 'a.ts', 'if (a == b) {'],
  ['Work left open', 'a.ts', '// TODO: mend this'],
];

const HARMLESS: readonly [file: string, ...lines: string[]][] = [
  ['a.ts', "const key = process.env['API_KEY'];"],
  ['a.ts', "const password = '<your password>';"],
  ['a.ts', '// console.log(eval(x));'],
  ['a.ts', 'evaluate(x); retrieval(y); this.eval(z);'],
  ['a.ts', "node.innerHTML = '';"],
  [
    'a.ts',
    'async function save() {',
    '}',
    'await save();',
    'void save();',
    'return save();',
    'save().catch(report);',
  ],
  ['a.ts', 'class A {', '  async save() {', '  }', '  save(x: number) {', '  }', '}'],
  ['a.ts', 'const jobs = list.map((one) => oneAsync(one));'],
  ['a.ts', 'if (a === b || a !== c || a <= b || (a) => b) {'],
  ['a.ts', "say('a == b');"],
  ['a.ts', '} catch (error) {', '  report(error);', '}'],
  ['a.ts', "const schema = 'http://www.w3.org/2000/svg', here = 'http://localhost:80';"],
  ['a.ts', 'const todo = list.TODO;'],
  ['README.md', "console.log(eval('1')); // TODO"],
];

describe('the rules of the demo model', () => {
  for (const [title, file, ...lines] of SLIPS) {
    it(`see ${title}: ${lines.join(' ⏎ ')}`, () => assert.deepEqual(titles(file, ...lines), [title]));
  }

  for (const [file, ...lines] of HARMLESS) {
    it(`let pass: ${lines.join(' ⏎ ')}`, () => assert.deepEqual(titles(file, ...lines), []));
  }

  it('look at added lines alone, but know from the others what is async', () => {
    const diff = `diff --git a/a.ts b/a.ts
--- a/a.ts
+++ b/a.ts
@@ -10,4 +10,3 @@
 eval(old);
-  await this.deliver(job);
-debugger;
+  this.deliver(job);
 console.log(old);
`;
    const { findings } = inspectDiff(diff);
    assert.deepEqual(
      findings.map(({ title, startLine, anchor, suggestion }) => ({ title, startLine, anchor, suggestion })),
      [
        {
          title: 'Promise is not awaited',
          startLine: 11,
          anchor: '  this.deliver(job);',
          suggestion: '  await this.deliver(job);',
        },
      ],
    );
  });

  it('put the worst first, and do not say the same thing of one file over and over', () => {
    const found = titles('a.ts', ...Array.from({ length: 9 }, (_, n) => `console.log(${n});`), 'eval(x);');
    assert.deepEqual(found, [
      'Text is run as code',
      'Debug output left in',
      'Debug output left in',
      'Debug output left in',
    ]);
  });

  it('give an answer of the asked-for form, also for a huge or a broken diff', () => {
    const many = Array.from({ length: 300 }, (_, n) =>
      addedFileDiff(`${n}.ts`, 'eval(x);\r\n', '100644'),
    ).join('');
    for (const diff of [
      '',
      'nonsense\n@@ -1 +1 @@\n+x',
      many,
      addedFileDiff('a.ts', `eval(${'('.repeat(100_000)}`, '100644'),
    ]) {
      const answer = inspectDiff(diff);
      assert.ok(parseAnswer(JSON.stringify(answer)).ok);
      assert.match(answer.summary, /^Demo model: /);
      assert.ok(answer.findings.length <= 50);
    }
    assert.equal(inspectDiff(many).findings[0]?.anchor, 'eval(x);');
  });
});
