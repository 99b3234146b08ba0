import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LINE_CHARS, LineSplitter, redact, Tail, TAIL_CHARS } from '../../../src/node/process/output.ts';

function linesOf(chunks: Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('the output of a process', () => {
  it('S-09: gives the same lines wherever the chunks are cut', () => {
    const text = 'prêt\r\nopencode server listening on http://127.0.0.1:4096\n\n日本\nno end';
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const edges = [0, ...cuts, bytes.length].sort((a, b) => a - b);
        const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
        assert.deepEqual(linesOf(chunks), [
          'prêt',
          'opencode server listening on http://127.0.0.1:4096',
          '',
          '日本',
          'no end',
        ]);
      }),
    );
  });

  it('S-09: does not take a part of a line for a line', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    splitter.push(Buffer.from('listening on http://127.0.0.1:40'));
    assert.deepEqual(lines, []);
    splitter.push(Buffer.from('96\n'));
    assert.deepEqual(lines, ['listening on http://127.0.0.1:4096']);
  });

  it('a flood without line ends is cut', () => {
    const lines = linesOf([Buffer.alloc(3 * LINE_CHARS + 5, 'x')]);
    assert.deepEqual(
      lines.map((line) => line.length),
      [LINE_CHARS, LINE_CHARS, LINE_CHARS, 5],
    );
  });

  it('S-09: the tail holds the last 64 KiB', () => {
    const tail = new Tail();
    for (let n = 0; n < 20_000; n += 1) tail.push(`line ${n}`);
    const lines = tail.text().split('\n');
    assert.equal(lines.at(-1), 'line 19999');
    assert.ok(tail.text().length <= TAIL_CHARS);
    assert.ok(tail.text().length > TAIL_CHARS - 20);
  });

  it('secrets and credentials are replaced, nothing else', () => {
    assert.equal(redact('password=hunter2 hunter2!', ['hunter2']), 'password=[secret] [secret]!');
    assert.equal(redact('authorization: Basic b3BlbmNvZGU6c2VjcmV0', []), 'authorization: Basic [secret]');
    assert.equal(redact('GET /event?auth_token=b3BlbmNvZGU6c2VjcmV0', []), 'GET /event?auth_token=[secret]');
    assert.equal(redact('Basic example of a config', ['']), 'Basic example of a config');
  });
});
