import assert from 'node:assert/strict';
import fc from 'fast-check';
import { emptySplit, MAX_PROSE, splitBlocks, type Block, type Split } from '../../../media/blocks.ts';

const blocksOf = (split: Split): Block[] => [
  ...split.pages.flat(),
  ...split.tail,
  ...(split.open ? [split.open] : []),
];
const shape = (text: string): string[] =>
  blocksOf(splitBlocks(text)).map((block) =>
    block.kind === 'code' ? `<${block.language}>${block.text}` : block.text,
  );

describe('blocks of growing Markdown', () => {
  it('ends prose at a blank line that nothing continues', () => {
    assert.deepEqual(shape('one\ntwo\n\nthree'), ['one\ntwo', 'three']);
  });

  it('keeps a loose list with its continuations together', () => {
    const list = '1. one\n\n2. two\n\n   more\n\n   ```ts\n   x\n\n   y\n   ```\n\n3. three';
    assert.deepEqual(shape(list), [list]);
    assert.deepEqual(shape(`${list}\n\nafter`), [list, 'after']);
  });

  it('takes a fence as a block of its own, closed or not', () => {
    assert.deepEqual(shape('a\n```ts\nx\n\ny\n```\nb'), ['a', '<ts>x\n\ny', 'b']);
    assert.deepEqual(shape('~~~~\n```\n~~~\n~~~~'), ['<>```\n~~~']);
    assert.deepEqual(shape('```py\nstill'), ['<py>still']);
    assert.deepEqual(shape('```py'), ['<>'], 'the language may still grow');
    assert.deepEqual(shape('```\n```'), ['<>']);
  });

  it('reads text with CRLF line ends as well', () => {
    assert.deepEqual(shape('a\r\n\r\nb'), ['a', 'b']);
    assert.deepEqual(shape('```ts\r\nx\r\n```\r\nb'), ['<ts>x\r', 'b']);
  });

  it('bounds prose without blank lines', () => {
    const blocks = blocksOf(splitBlocks('word '.repeat(20_000)));
    assert.ok(blocks.every((block) => block.text.length <= MAX_PROSE));
    assert.ok(blocksOf(splitBlocks('x'.repeat(100_000))).every((block) => block.text.length <= MAX_PROSE));
  });

  it('gives the same blocks however the text arrives', () => {
    const piece = fc.constantFrom(
      'a',
      ' ',
      '\n',
      '\n\n',
      '```',
      '```ts\n',
      '- ',
      '1. ',
      '  ',
      '> ',
      '~~~',
      '|',
      '\r\n',
      '😀',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }),
        fc.array(fc.nat(8), { maxLength: 60 }),
        (pieces, cuts) => {
          const text = pieces.join('');
          let split = emptySplit;
          let end = 0;
          for (const cut of cuts) split = splitBlocks(text.slice(0, (end += cut)), split);
          assert.deepEqual(blocksOf(splitBlocks(text, split)), blocksOf(splitBlocks(text)));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reads at most one block anew per append: 10,000 appends cost 10,000 readings and not their square', () => {
    const seen = new Set<Block>();
    let split = emptySplit;
    let text = '';
    const appends = 10_000;
    for (let index = 0; index < appends; index++) {
      text += index % 20 === 19 ? '\n\n' : 'some words ';
      split = splitBlocks(text, split);
      for (const block of split.tail) seen.add(block);
      if (split.open !== undefined) seen.add(split.open);
    }
    assert.ok(split.pages.length > 10);
    // One per append, and one more for each block when it is found to be finished.
    assert.ok(seen.size <= appends + appends / 20 + 1, String(seen.size));
  });

  it('keeps finished blocks and pages as they are', () => {
    const before = splitBlocks('one\n\ntwo\n\nthr');
    const after = splitBlocks('one\n\ntwo\n\nthree\n\nfour', before);
    assert.equal(after.tail[0], before.tail[0]);
    assert.equal(after.tail[1], before.tail[1]);
    assert.equal(splitBlocks(after.text, after), after);
  });

  it('starts over when the text is another one', () => {
    assert.deepEqual(
      blocksOf(splitBlocks('new', splitBlocks('old\n\nold'))).map((block) => block.text),
      ['new'],
    );
  });
});
