import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createSseDecoder, MAX_EVENT_CHARS } from '../../../src/node/http/sse-decoder.ts';

/** Cuts bytes at the given places (fractions of the whole), as a socket would. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((part) => Math.floor(part * bytes.length)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

function decode(chunks: readonly Buffer[]): string[] {
  const decoder = createSseDecoder();
  return chunks.flatMap((chunk) => decoder.push(chunk));
}

/** Data of one event: any text, several lines included. A lone surrogate has no bytes to be sent as. */
const data = fc
  .array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 4 })
  .map((lines) => lines.map((line) => line.replace(/[\r\n]/g, ' ')).join('\n'));

const splits = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

function encode(events: readonly string[], newline: string, comments: boolean): string {
  const lines = events.flatMap((event) => [
    ...(comments ? [': heartbeat'] : []),
    ...event.split('\n').map((line) => `data: ${line}`),
    '',
  ]);
  return lines.map((line) => line + newline).join('');
}

describe('server-sent events', () => {
  it('come out the same however the bytes are split, inside of characters and line ends too', () => {
    fc.assert(
      fc.property(
        fc.array(data, { maxLength: 8 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.boolean(),
        splits,
        (events, newline, comments, mark, at) => {
          // With CR alone, the end of the last line is certain only once something follows it.
          const closing = newline === '\r' ? ':\n' : '';
          const bytes = Buffer.from((mark ? '\ufeff' : '') + encode(events, newline, comments) + closing);
          assert.deepEqual(decode(cut(bytes, at)), events);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('come out byte by byte as well', () => {
    const text = encode(['{"a":"ä€😀"}', 'two\nlines', ''], '\r\n', true);
    const chunks = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    assert.deepEqual(decode(chunks), ['{"a":"ä€😀"}', 'two\nlines', '']);
  });

  it('are told all at once when one read holds many', () => {
    const decoder = createSseDecoder();
    const bytes = Buffer.from(encode(['1', '2', '3'], '\n', false) + 'data: 4');
    assert.deepEqual(decoder.push(bytes), ['1', '2', '3']);
    assert.deepEqual(decoder.push(Buffer.from('\n\n')), ['4']);
  });

  it('of several megabytes pass, in time that grows with their size alone', () => {
    const big = 'x'.repeat(8 * 1024 * 1024);
    const bytes = Buffer.from(`data: ${big}\n\ndata: after\n\n`);
    const chunks = Array.from({ length: Math.ceil(bytes.length / 4096) }, (_, i) =>
      bytes.subarray(i * 4096, (i + 1) * 4096),
    );
    const events = decode(chunks);
    assert.deepEqual([events[0]?.length, events[1]], [big.length, 'after']);
  });

  it('beyond every bound end the stream instead of the memory', () => {
    const decoder = createSseDecoder();
    const piece = Buffer.alloc(8 * 1024 * 1024, 'x');
    decoder.push(Buffer.from('data: '));
    assert.throws(() => {
      for (let sent = 0; sent <= MAX_EVENT_CHARS; sent += piece.length) decoder.push(piece);
    }, /max buffer size/);
  });

  it('ignore what the standard says to ignore', () => {
    const bytes = Buffer.from('retry: soon\nid: 7\nevent: x\nnonsense\n: comment\ndata:1\n\n\n\ndata: 2\n\n');
    assert.deepEqual(decode([bytes]), ['1', '2']);
  });
});
