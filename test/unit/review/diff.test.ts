import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addedFileDiff, countChanges, parseDiff } from '../../../src/core/review/diff.ts';
import { DIFF } from './scopes.ts';

describe('a unified diff', () => {
  it('is read into files, hunks and lines of the new file', () => {
    const [file] = parseDiff(DIFF);
    assert.equal(file?.file, 'src/a.ts');
    assert.deepEqual(
      file?.hunks.map(({ newStart, lines }) => [newStart, lines.map(({ sign, text }) => sign + text)]),
      [[1, ['-const a = 1;', '+const a = 2;', '+const b = 3;', '+use(a, b);', ' done();']]],
    );
    assert.deepEqual(countChanges(parseDiff(DIFF)), { additions: 3, deletions: 1 });
  });

  it('keeps text that looks like a header as text', () => {
    const evil = addedFileDiff('a.txt', 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n', '100644');
    const files = parseDiff(evil + DIFF);
    assert.deepEqual(
      files.map(({ file }) => file),
      ['a.txt', 'src/a.ts'],
    );
    assert.equal(files[0]?.text, evil);
    assert.equal(files[0]?.hunks[0]?.lines.length, 4);
  });

  it('names files by their new path, whatever their header lacks', () => {
    const header = (...lines: string[]) => parseDiff(`${lines.join('\n')}\n`).map(({ file }) => file);
    assert.deepEqual(
      header('diff --git a/x.ts b/y z.ts', 'similarity index 100%', 'rename from x.ts', 'rename to y z.ts'),
      ['y z.ts'],
    );
    assert.deepEqual(header('diff --git a/b/x b/b/x', 'old mode 100644', 'new mode 100755'), ['b/x']);
    assert.deepEqual(header('diff --git "a/q\\"\\t.ts" "b/q\\"\\t.ts"', 'new file mode 100644'), ['q"\t.ts']);
    assert.deepEqual(
      header(
        'diff --git a/x b/x',
        'deleted file mode 100644',
        '--- a/x',
        '+++ /dev/null',
        '@@ -1 +0,0 @@',
        '-x',
      ),
      ['x'],
    );
  });

  it('of a new file gives back its name and text, whatever they hold', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !text.includes('\0') && !/\uFFFD/.test(text));
    fc.assert(
      fc.property(name, fc.array(fc.stringMatching(/^[^\n]*$/)), fc.boolean(), (file, lines, newline) => {
        const text = lines.join('\n') + (newline && lines.length > 0 ? '\n' : '');
        const [part, ...others] = parseDiff(addedFileDiff(file, text, '100644'));
        assert.equal(others.length, 0);
        assert.equal(part?.file, file);
        const added = part.hunks.flatMap((hunk) => hunk.lines.map((line) => line.text)).join('\n');
        assert.equal(added, text.endsWith('\n') ? text.slice(0, -1) : text);
      }),
    );
  });
});
