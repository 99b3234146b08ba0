import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOG_FILE_BYTES, LOG_PENDING_CHARS, ProcessLog } from '../../../src/node/process/process-log.ts';

describe('the log of a process', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-log-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('keeps lines in order, for our own user alone', async () => {
    const log = new ProcessLog(join(folder, 'log', 'server.log'));
    for (let n = 0; n < 100; n += 1) log.line(`line ${n}`);
    await log.flush();
    const lines = (await readFile(log.path, 'utf8')).split('\n');
    assert.deepEqual(lines.slice(0, 2), ['line 0', 'line 1']);
    assert.equal(lines.length, 101);
    assert.equal((await stat(log.path)).mode & 0o077, 0);
  });

  it('never grows without bound: two files, the older one replaced', async () => {
    const log = new ProcessLog(join(folder, 'server.log'));
    const line = 'x'.repeat(1023);
    for (let round = 0; round < 40; round += 1) {
      for (let n = 0; n < 200; n += 1) log.line(line);
      await log.flush();
    }
    assert.deepEqual((await readdir(folder)).sort(), ['server.log', 'server.log.1']);
    for (const name of await readdir(folder)) {
      assert.ok((await stat(join(folder, name))).size <= LOG_FILE_BYTES);
    }
  });

  it('says how many lines it lost when they came faster than the disk takes them', async () => {
    const log = new ProcessLog(join(folder, 'server.log'));
    const line = 'x'.repeat(1024);
    const written = (2 * LOG_PENDING_CHARS) / line.length;
    for (let n = 0; n < written; n += 1) log.line(line);
    await log.flush();
    const lines = (await readFile(log.path, 'utf8')).trimEnd().split('\n');
    const lost = Number(/^\[holdfast\] (\d+) lines were not written/.exec(lines.pop() ?? '')?.[1]);
    assert.ok(lost > 0);
    assert.equal(lines.length + lost, written);
  });

  it('a log that cannot be written fails nobody', async () => {
    await writeFile(join(folder, 'not-a-folder'), '');
    const log = new ProcessLog(join(folder, 'not-a-folder', 'server.log'));
    log.line('lost');
    await log.flush();
  });
});
