import assert from 'node:assert/strict';
import { placeOf, underline } from '../../../src/vscode/finding-place.ts';

const TEXT = 'first\n  second();\nthird\n  second();\n';

describe('The place of a finding', () => {
  it('is where its text stands, to the character', () => {
    assert.deepEqual(placeOf(TEXT, { anchor: 'second()', range: { start: 2, end: 2 } }), {
      start: { line: 1, character: 2 },
      end: { line: 1, character: 10 },
      text: 'second()',
    });
  });

  it('follows the text to another line, to the nearest of several', () => {
    const moved = `new line\n${TEXT}`;
    assert.equal(placeOf(moved, { anchor: 'second()', range: { start: 5, end: 5 } })?.start.line, 4);
    assert.equal(placeOf(moved, { anchor: 'second()', range: { start: 2, end: 2 } })?.start.line, 2);
  });

  it('spans lines', () => {
    const place = placeOf(TEXT, { anchor: 'second();\nthird', range: { start: 2, end: 3 } });
    assert.deepEqual(
      [place?.start, place?.end],
      [
        { line: 1, character: 2 },
        { line: 2, character: 5 },
      ],
    );
  });

  it('is nowhere once the text is gone', () => {
    assert.equal(placeOf('something else\n', { anchor: 'second()', range: { start: 2, end: 2 } }), undefined);
  });

  it('is nowhere once the suggestion was taken over, though that contains the text', () => {
    const finding = { anchor: 'second()', range: { start: 2, end: 2 }, suggestion: 'await second()' };
    assert.equal(placeOf(TEXT, finding)?.start.line, 1);
    assert.equal(placeOf('first\n  await second();\n', finding), undefined);
  });

  it('underlines code and not its indent', () => {
    const place = placeOf(TEXT, { anchor: '  second();', range: { start: 4, end: 4 } });
    assert.ok(place);
    assert.equal(place.start.character, 0);
    assert.deepEqual(underline(place).start, { line: 3, character: 2 });
  });

  it('fits a file with CRLF', () => {
    const place = placeOf('one\r\n  two();\r\n  three();\r\n', {
      anchor: 'two();\n  three();',
      range: { start: 2, end: 3 },
    });
    assert.deepEqual(
      [place?.start, place?.end],
      [
        { line: 1, character: 2 },
        { line: 2, character: 10 },
      ],
    );
  });
});
