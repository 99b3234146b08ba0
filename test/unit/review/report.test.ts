import assert from 'node:assert/strict';
import { marked } from 'marked';
import fc from 'fast-check';
import type { Finding } from '../../../src/core/review/finding.ts';
import { fenced, plainInline, quotedMarkdown } from '../../../src/core/review/markdown.ts';
import { markdownReport, type ReportInput } from '../../../src/core/review/report.ts';
import { SCOPE } from './scopes.ts';

const FINDING: Finding = {
  id: 'f1',
  severity: 'low',
  confidence: 'high',
  title: 'Loop runs *one* past the end',
  body: 'Use `<`.',
  file: 'src/a b(1).ts',
  anchor: 'for (;;) {}',
  range: { start: 3, end: 5 },
  anchored: 'exact',
};

function report(changes: Partial<ReportInput> = {}): string {
  return markdownReport({
    scope: SCOPE,
    findings: [FINDING],
    dropped: [],
    summary: 'Fine.',
    outcome: 'ok',
    engine: 'opencode 1.18.33',
    model: 'acme/large',
    demo: false,
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    endedAt: Date.UTC(2026, 0, 2, 3, 5, 5),
    ...changes,
  });
}

describe('the report', () => {
  it('says what was covered, what was not, against which commit, and by whom', () => {
    const text = report();
    for (const part of [
      '# Review: Uncommitted changes on main',
      '- Coverage: 2 files reviewed, 1 skipped (2 files, +3 −5)',
      '- Base: commit `0123456789abcdef0123456789abcdef01234567`',
      '- Model: acme/large on opencode 1.18.33',
      '- When: 2026-01-02T03:04:05.000Z, 60 s',
      '- src/a.ts (modified; staged, unstaged; +3 −1)',
      '- logo.png: binary',
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.ok(!text.includes('Demo'));
  });

  it('shows findings by severity, the worst first, with place and code', () => {
    const text = report({
      findings: [FINDING, { ...FINDING, id: 'f2', severity: 'critical', title: 'Worse', suggestion: '' }],
    });
    assert.ok(text.indexOf('### Critical') < text.indexOf('### Low'));
    assert.ok(
      text.includes(
        '[src/a b(1).ts:3-5](src/a%20b%281%29.ts#L3), confidence high\n\n```ts\nfor (;;) {}\n```\n',
      ),
    );
    assert.ok(text.includes('Suggested: take it out.'));
    assert.ok(text.includes('#### Loop runs \\*one\\* past the end'));
  });

  it('says plainly that a finding has no line', () => {
    const { range: _, ...nowhere } = FINDING;
    assert.match(
      report({ findings: [{ ...nowhere, anchored: 'none' }] }),
      /was not found in the file, so there is no line/,
    );
  });

  it('C-20: says plainly that nothing was found, and in what', () => {
    assert.ok(
      report({ findings: [] }).includes(
        '0 findings: nothing was found in what was covered (2 files reviewed, 1 skipped).',
      ),
    );
    assert.ok(
      report({ findings: [], scope: { ...SCOPE, files: [] } }).includes('There was nothing to review.'),
    );
    const stopped = report({ findings: [], outcome: 'interrupted' });
    assert.ok(stopped.includes('**Stopped.**') && !stopped.includes('nothing was found'));
  });

  it('names what the model reported and could not be used', () => {
    const text = report({
      dropped: [{ title: 'Odd <b>', reason: 'the file x is not one of the files under review' }],
    });
    assert.ok(text.includes('- Odd \\<b>: the file x is not one of the files under review'));
  });

  it('is marked as a demo when the demo model answered', () => {
    assert.ok(report({ demo: true }).includes('**Demo.** The embedded demo model answered.'));
  });

  it('keeps what the model wrote in its place', () => {
    const evil =
      '# Not covered\n<script>alert(1)</script>\n![x](https://evil.test/p.png)\n`unclosed\n```js\nlet x = "<b>";\n';
    const html = marked.parse(
      report({ summary: evil, findings: [{ ...FINDING, title: evil, body: evil, anchor: '```\n# x\n```' }] }),
      { async: false },
    );
    assert.ok(!/<script|<img/.test(html));
    assert.equal(html.match(/<h1/g)?.length, 3, 'our own title, and one inside of each quote');
    const outside = html.replace(/<blockquote>[\s\S]*?<\/blockquote>/g, '');
    assert.equal(outside.match(/<h1/g)?.length, 1);
    assert.deepEqual(
      [...outside.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map(([, title]) => title),
      ['Summary', 'Findings', 'Covered', 'Not covered'],
    );
  });
});

describe('text of others in Markdown', () => {
  const soup = fc.string({
    unit: fc.constantFrom(
      '`',
      '`',
      '~',
      '<',
      'b>',
      '[',
      '](',
      ')',
      '!',
      '\\',
      '\n',
      ' ',
      '    ',
      '> ',
      '- ',
      '# ',
      'x',
      '\r',
      '|',
      '*',
      '&lt;',
    ),
    maxLength: 60,
  });
  const blocks = (html: string) =>
    html.match(
      /<(?!\/?(?:p|em|strong|code|pre|ul|ol|li|h[1-6]|hr|blockquote|br|del|table|thead|tbody|tr|th|td)\b)[a-z/!?][^>]*>/gi,
    );

  it('never becomes raw HTML, a link or an image, nor leaves its quote', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const html = marked.parse(`${quotedMarkdown(text)}\n\nend`, { async: false });
        assert.equal(blocks(html), null, html);
        assert.ok(html.endsWith('<p>end</p>\n'), html);
      }),
      { numRuns: 3000 },
    );
  });

  it('stays in its fence', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const html = marked.parse(`${fenced(text, 'ts')}\n\nend`, { async: false });
        assert.equal(html.match(/<pre>/g)?.length, 1);
        assert.ok(html.endsWith('</code></pre>\n<p>end</p>\n'), html);
      }),
      { numRuns: 2000 },
    );
  });

  it('stays on its line', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const html = marked.parse(`# a ${plainInline(text)}\n\nend`, { async: false });
        assert.equal(blocks(html), null, html);
        assert.match(html, /^<h1>[^\n]*<\/h1>\n<p>end<\/p>\n$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps code, also with angle brackets', () => {
    assert.equal(quotedMarkdown('Use `Array<T>` for a < b.'), '> Use `Array<T>` for a \\< b.');
    assert.equal(quotedMarkdown('```ts\na<b>\n```\nx'), '> ```ts\n> a<b>\n> ```\n> x');
  });
});
