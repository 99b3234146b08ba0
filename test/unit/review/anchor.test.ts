import assert from 'node:assert/strict';
import fc from 'fast-check';
import { locateAnchor } from '../../../src/core/review/anchor.ts';

const FILE = [
  'import x;',
  '',
  'function f() {',
  '  return 1;',
  '}',
  '',
  'function g() {',
  '  return 1;',
  '}',
  '',
].join('\n');

/** Lines as code has them: some blank, some alike, indented. */
const codeLine = fc.constantFrom('', '  a();', 'b(c);', '\treturn;', '}', 'x + y', '  if (z) {');
const unlike = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 3, maxLength: 20 });

function stretch(lines: readonly string[], from: number, length: number) {
  const start = from % lines.length;
  const chosen = lines.slice(start, start + 1 + (length % 4));
  return { chosen, range: { start: start + 1, end: start + chosen.length } };
}

describe('the lines of a finding', () => {
  it('come from where the anchor stands, not from the count of the model', () => {
    assert.deepEqual(locateAnchor(FILE, 'function g() {', 400), {
      anchored: 'exact',
      range: { start: 7, end: 7 },
      text: 'function g() {',
    });
  });

  it('are those nearest to the count when the anchor stands in several places', () => {
    const lineOf = (near?: number) => {
      const place = locateAnchor(FILE, '  return 1;', near);
      return place.anchored === 'none' ? undefined : place.range.start;
    };
    assert.deepEqual([lineOf(), lineOf(1), lineOf(5), lineOf(7), lineOf(99)], [4, 4, 4, 8, 8]);
  });

  it('are found though indentation and line ends differ, and the text is then that of the file', () => {
    const crlf = FILE.replaceAll('\n', '\r\n');
    assert.deepEqual(locateAnchor(crlf, '\tfunction g() {\nreturn 1;\n}\n'), {
      anchored: 'whitespace',
      range: { start: 7, end: 9 },
      text: 'function g() {\r\n  return 1;\r\n}',
    });
  });

  it('are found when the anchor was copied with the signs of a diff', () => {
    const place = locateAnchor(FILE, ' function g() {\n-  return 0;\n+  return 1;\n }');
    assert.deepEqual(place.anchored === 'none' ? undefined : place.range, { start: 7, end: 9 });
  });

  for (const [listing, anchor] of [
    ['`7: text`', '7: function g() {\n8:   return 1;\n9: }'],
    ['`00007| text`', '00007| function g() {\n00008|   return 1;'],
    ['a tab', '     7\tfunction g() {\n     8\t  return 1;'],
  ] as const) {
    it(`are found when the anchor was copied from a listing with ${listing}`, () => {
      const place = locateAnchor(FILE, anchor);
      assert.deepEqual([place.anchored, place.anchored === 'none' ? 0 : place.range.start], ['exact', 7]);
    });
  }

  it('prefer the text as it is to the text without prefixes', () => {
    const place = locateAnchor('1: a\na\n', '1: a');
    assert.deepEqual(place.anchored === 'none' ? undefined : place.range, { start: 1, end: 1 });
  });

  for (const anchor of ['', ' \n\t\n', 'function h() {', '-  return 0;', 'return 1;\nfunction g() {']) {
    it(`are none for ${JSON.stringify(anchor)}`, () => {
      assert.deepEqual(locateAnchor(FILE, anchor, 3), { anchored: 'none' });
    });
  }

  it('are exactly those copied, for any verbatim copy and a true count', () => {
    fc.assert(
      fc.property(
        fc.array(codeLine, { minLength: 1, maxLength: 30 }),
        fc.nat(),
        fc.nat(),
        (lines, from, length) => {
          const { chosen, range } = stretch(lines, from, length);
          fc.pre(chosen[0]?.trim() !== '' && chosen.at(-1)?.trim() !== '');
          const place = locateAnchor(lines.join('\n'), chosen.join('\n'), range.start);
          assert.deepEqual(place, { anchored: 'exact', range, text: chosen.join('\n') });
        },
      ),
    );
  });

  it('survive new indentation, CRLF, diff signs and line numbers', () => {
    const disguises: ((line: string, n: number) => string)[] = [
      (line) => `\t  ${line}  `,
      (line) => `${line}\r`,
      (line) => `+${line}`,
      (line) => `+  ${line}`,
      (line, n) => `${n}: ${line}`,
      (line, n) => `${n}:\t${line}`,
    ];
    fc.assert(
      fc.property(
        unlike,
        fc.nat(),
        fc.nat(),
        fc.constantFrom(...disguises),
        (lines, from, length, disguise) => {
          const { chosen, range } = stretch(lines, from, length);
          // One short word may stand inside another; two lines in a row stand once.
          fc.pre(chosen.length > 1);
          const anchor = chosen.map((line, index) => disguise(line, range.start + index)).join('\n');
          const place = locateAnchor(`${lines.join('\n')}\n`, anchor);
          assert.deepEqual(place.anchored === 'none' ? undefined : place.range, range);
        },
      ),
    );
  });

  it('lie inside of the file, and hold the text they say, for anything at all', () => {
    const soup = fc.string({
      unit: fc.constantFrom('a', 'b', ' ', '\n', '\r', '\t', '+', '-', '1', ':', '|'),
      maxLength: 40,
    });
    fc.assert(
      fc.property(soup, soup, fc.option(fc.integer(), { nil: undefined }), (text, anchor, near) => {
        const place = locateAnchor(text, anchor, near);
        if (place.anchored === 'none') return;
        const lines = text.split('\n');
        assert.ok(
          place.range.start >= 1 && place.range.start <= place.range.end && place.range.end <= lines.length,
        );
        assert.ok(
          lines
            .slice(place.range.start - 1, place.range.end)
            .join('\n')
            .includes(place.text),
        );
        assert.notEqual(place.text.trim(), '');
      }),
      { numRuns: 2000 },
    );
  });
});
