import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { JournalRecord } from '../../../src/core/journal/record.ts';
import { readFirstRecord, readJournal } from '../../../src/node/journal/journal-reader.ts';
import {
  JournalWriter,
  MAX_FILE_BYTES,
  MAX_WAITING_BYTES,
} from '../../../src/node/journal/journal-writer.ts';

describe('journal', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-journal-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const note = (seq: number, text = `note ${seq}`): JournalRecord => ({
    seq,
    at: 1000 + seq,
    kind: 'note',
    level: 'info',
    text,
  });
  const write = (...records: JournalRecord[]): void => {
    const writer = new JournalWriter(folder);
    writer.append(records);
    writer.close();
  };
  const file = (index = 1): string => path.join(folder, `journal-00000${index}.jsonl`);
  const seqs = (): number[] => readJournal(folder).records.map((record) => record.seq);

  it('reads back what was written, over several openings', () => {
    write(note(1), note(2));
    write(note(3));
    assert.deepEqual(readJournal(folder), { records: [note(1), note(2), note(3)], problems: [], unknown: 0 });
    assert.deepEqual(readFirstRecord(folder), note(1));
  });

  it('is readable by its owner alone', () => {
    write(note(1));
    assert.equal(fs.statSync(file()).mode & 0o077, 0);
  });

  it('survives a line that a crash tore, and goes on behind it', () => {
    write(note(1), note(2));
    fs.truncateSync(file(), fs.statSync(file()).size - 10);
    write(note(3));
    const { records, problems } = readJournal(folder);
    assert.deepEqual(
      records.map((record) => record.seq),
      [1, 3],
    );
    assert.deepEqual(problems, ['journal-000001.jsonl line 2: not JSON']);
  });

  it('names what is broken, by line and field, and reads the rest', () => {
    write(note(1));
    fs.appendFileSync(file(), '{"seq":2,"at":1,"kind":"note","level":"loud","text":"x"}\n\0\0\0\n');
    write(note(4));
    const { problems } = readJournal(folder);
    assert.deepEqual(seqs(), [1, 4]);
    assert.match(problems[0] ?? '', /journal-000001\.jsonl line 2: level: /);
    assert.match(problems[1] ?? '', /line 3: not JSON/);
  });

  it('counts records of kinds that it does not know', () => {
    write(note(1));
    fs.appendFileSync(file(), '{"seq":2,"at":1,"kind":"from-the-future","x":1}\n');
    assert.equal(readJournal(folder).unknown, 1);
    assert.deepEqual(readJournal(folder).problems, []);
  });

  it('refuses to write what a reader would refuse', () => {
    const writer = new JournalWriter(folder);
    assert.throws(() => writer.append([{ ...note(1), level: 'loud' } as unknown as JournalRecord]));
    writer.close();
  });

  it('begins a new file when one is full, and reads them in order', () => {
    const big = 'x'.repeat(MAX_FILE_BYTES / 2);
    write(note(1, big), note(2, big));
    write(note(3));
    assert.ok(fs.existsSync(file(2)));
    assert.deepEqual(seqs(), [1, 2, 3]);
  });

  it('says in a sentence that the disk is full, and keeps what was written', function () {
    if (process.platform !== 'linux') return;
    write(note(1));
    // The kernel's own full disk.
    fs.symlinkSync('/dev/full', file(2));
    const writer = new JournalWriter(folder);
    assert.throws(() => writer.append([note(2)]), /cannot be written: the disk is full\. Free some space/);
    writer.close();
    fs.unlinkSync(file(2));
    assert.deepEqual(seqs(), [1]);
  });

  describe('on a disk that fills up', () => {
    /** Takes so many bytes more, and then none. */
    const disk = (room: number) => {
      const full = (): Error => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      const state = { room };
      const write = (fd: number, bytes: Buffer): number => {
        if (state.room === 0) throw full();
        const part = bytes.subarray(0, Math.min(bytes.length, state.room));
        state.room -= part.length;
        return fs.writeSync(fd, part);
      };
      return { state, write };
    };
    const fill = (writer: JournalWriter, ...records: JournalRecord[]): void => {
      assert.throws(() => writer.append(records), /cannot be written: the disk is full\. Free some space/);
    };

    it('goes on at the very byte where the disk stopped: no hole, no torn line', () => {
      const { state, write } = disk(100);
      const writer = new JournalWriter(folder, write);
      fill(writer, note(1), note(2), note(3));
      const before = fs.readFileSync(file(), 'utf8');
      assert.equal(before.length, 100);
      fill(writer, note(4));
      state.room = 30;
      fill(writer, note(5));
      // Nothing that was there is ever touched.
      assert.ok(fs.readFileSync(file(), 'utf8').startsWith(before));
      state.room = Infinity;
      writer.append([note(6)]);
      writer.close();
      assert.deepEqual(readJournal(folder), {
        records: [1, 2, 3, 4, 5, 6].map((seq) => note(seq)),
        problems: [],
        unknown: 0,
      });
    });

    it('and whose writer dies is gone on with on a fresh line by the next', () => {
      fill(new JournalWriter(folder, disk(100).write), note(1), note(2));
      assert.equal(readJournal(folder).problems.join(), 'journal-000001.jsonl line 2: torn line');
      write(note(3));
      assert.deepEqual(seqs(), [1, 3]);
    });

    it('writes at the end what waited, when it is closed and there is room', () => {
      const { state, write } = disk(0);
      const writer = new JournalWriter(folder, write);
      fill(writer, note(1));
      state.room = Infinity;
      writer.close();
      assert.deepEqual(seqs(), [1]);
    });

    it('loses whole records beyond a bound, and counts them', () => {
      const { state, write } = disk(0);
      const writer = new JournalWriter(folder, write);
      const big = 'x'.repeat(MAX_WAITING_BYTES / 2);
      fill(writer, note(1, big));
      fill(writer, note(2, big));
      fill(writer, note(3));
      state.room = Infinity;
      writer.flush();
      assert.equal(writer.takeLost(), 2);
      writer.append([note(4)]);
      writer.close();
      assert.deepEqual(seqs(), [1, 4]);
      assert.deepEqual(readJournal(folder).problems, []);
    });

    it('mixes nothing with what another process writes from then on', () => {
      const { state, write: writeSome } = disk(100);
      const writer = new JournalWriter(folder, writeSome);
      fill(writer, note(1), note(2));
      writer.forget();
      write(note(5));
      state.room = Infinity;
      writer.close();
      assert.deepEqual(seqs(), [1, 5]);
      assert.deepEqual(readJournal(folder).problems, ['journal-000001.jsonl line 2: not JSON']);
    });
  });

  it('says what else keeps it from being written, and goes on when that is gone', () => {
    const writer = new JournalWriter(folder);
    fs.mkdirSync(file());
    assert.throws(() => writer.append([note(1)]), /cannot be written: something else is in its place/);
    fs.rmdirSync(file());
    writer.append([note(2)]);
    writer.close();
    assert.deepEqual(seqs(), [1, 2]);
  });

  it('says that its folder cannot be made', () => {
    fs.writeFileSync(path.join(folder, 'storage'), '');
    assert.throws(
      () => new JournalWriter(path.join(folder, 'storage', 'runs', 'r1')),
      /^JournalError: The journal in .* cannot be written: something else is in its place\./,
    );
  });

  it('says where there is no journal', () => {
    assert.throws(() => readJournal(path.join(folder, 'nowhere')), /There is no journal at .*nowhere/);
    assert.throws(() => readJournal(folder), /There is no journal in/);
  });
});
