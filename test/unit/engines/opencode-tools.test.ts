import assert from 'node:assert/strict';
import { makeId } from '../../../src/engines/opencode/ids.ts';
import { MAX_SUMMARY_CHARS, toolClass, toolSummary, toolTitle } from '../../../src/engines/opencode/tools.ts';

describe('tools of opencode', () => {
  it('R-04: a tool that is not in the table is unknown, also one named like a property of every object', () => {
    for (const name of ['mcp_delete_all', 'constructor', '__proto__', '']) {
      assert.equal(toolClass(name), 'unknown');
      assert.equal(toolTitle(name), name);
    }
  });

  it('that write, run or delegate are effectful; that look are read-only', () => {
    for (const name of ['bash', 'edit', 'write', 'apply_patch', 'task'])
      assert.equal(toolClass(name), 'effectful');
    for (const name of ['read', 'grep', 'glob', 'list']) assert.equal(toolClass(name), 'read-only');
  });

  it('are summed up in one line', () => {
    const sum = (tool: string, input: Record<string, unknown>, title = ''): string =>
      toolSummary(tool, input, title, '/w/ws');
    assert.equal(sum('read', { filePath: '/w/ws/src/a.ts' }), 'src/a.ts');
    assert.equal(sum('read', { filePath: '/etc/passwd' }), '/etc/passwd');
    assert.equal(sum('read', { filePath: '/w/ws/../secret' }), '/w/ws/../secret');
    assert.equal(sum('read', { filePath: '/w/wsx/a.ts' }), '/w/wsx/a.ts');
    assert.equal(sum('bash', { command: 'cd x &&\n\tmake' }), 'cd x && make');
    assert.equal(sum('grep', { pattern: 'foo.*', path: '/w/ws/src' }), 'foo.* in src');
    assert.equal(sum('todowrite', { todos: [1] }, '1 todos'), '1 to-do');
    assert.equal(sum('mystery', { secret: 'x' }, 'Did a thing'), 'Did a thing');
    assert.equal(sum('bash', {}), '');
    assert.equal(sum('bash', { command: 'x'.repeat(1e6) }).length, MAX_SUMMARY_CHARS);
    assert.equal(toolSummary('edit', { filePath: 'C:\\w\\ws\\src\\a.ts' }, '', 'C:\\w\\ws'), 'src/a.ts');
  });
});

describe('ids of prompts', () => {
  it('ascend with time and are never the same twice', () => {
    const now = 1_795_217_886_543;
    assert.match(makeId('msg', now), /^msg_[0-9a-f]{12}[0-9A-Za-z]{14}$/);
    assert.match(makeId('prt', now), /^prt_/);
    assert.ok(makeId('msg', now) < makeId('msg', now + 1));
    const many = new Set(Array.from({ length: 10_000 }, () => makeId('msg', now)));
    assert.equal(many.size, 10_000);
  });

  it('carry the time as the engine itself writes it', () => {
    // An id of a recording and the time that the engine noted beside it.
    const recorded = 'msg_1fba74113001l0s1fP6cfnO5RY';
    assert.equal(makeId('msg', 1_795_223_404_819).slice(0, 13), recorded.slice(0, 13));
  });
});
