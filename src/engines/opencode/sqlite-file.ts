/** What the first bytes of an SQLite file tell of it, without opening it as a database. https://sqlite.org/fileformat2.html */
import { open } from 'node:fs/promises';

/** `damaged` is certain for a database of another format or cut short; `good` means that nothing is seen from here. */
export type Health = 'absent' | 'empty' | 'damaged' | 'good';

const DATABASE_HEADER_BYTES = 100;
const WAL_HEADER_BYTES = 32;
/** The last bit tells the byte order of its checksums. */
const WAL_MAGIC = 0x377f0682;

/** @throws the error of the system, other than that there is no such file. */
export function databaseHealth(file: string): Promise<Health> {
  return health(file, DATABASE_HEADER_BYTES, (header, size) => {
    if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') return false;
    const stored = header.readUInt16BE(16);
    const pageBytes = stored === 1 ? 65_536 : stored;
    if (pageBytes < 512 || (pageBytes & (pageBytes - 1)) !== 0 || size % pageBytes !== 0) return false;
    // The number of pages counts only where the same version of SQLite wrote it as wrote the file last.
    const isCounted = header.readUInt32BE(24) === header.readUInt32BE(92);
    return !isCounted || header.readUInt32BE(28) * pageBytes <= size;
  });
}

/** The write-ahead log beside a database: what was written last. @throws like `databaseHealth` */
export function walHealth(file: string): Promise<Health> {
  return health(file, WAL_HEADER_BYTES, (header) => header.readUInt32BE(0) >>> 1 === WAL_MAGIC >>> 1);
}

async function health(
  file: string,
  headerBytes: number,
  isGood: (header: Buffer, size: number) => boolean,
): Promise<Health> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size === 0) return 'empty';
    const header = Buffer.alloc(headerBytes);
    const { bytesRead } = await handle.read(header, 0, headerBytes, 0);
    return bytesRead === headerBytes && isGood(header, size) ? 'good' : 'damaged';
  } finally {
    await handle.close();
  }
}
