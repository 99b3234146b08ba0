import { randomBytes } from 'node:crypto';

const TAIL_CHARS = 14;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** opencode counts ids made within one millisecond in the low 12 bits of the time field. */
const IDS_PER_MS = 4096n;
const TIME_MASK = (1n << 48n) - 1n;

/**
 * An id as opencode 1.18.33 makes them: prefix, 12 hex digits of time, 14 random characters. The tail is fresh
 * every time because message and part ids are keys of the whole database: one that is used again in another
 * session writes into the first session's message.
 *
 * @param prefix `msg` or `prt`
 * @param nowMs wall clock; nothing in the engine depends on the order of ids that others made
 */
export function makeId(prefix: 'msg' | 'prt', nowMs: number): string {
  const time = (BigInt(Math.trunc(nowMs)) * IDS_PER_MS) & TIME_MASK;
  let tail = '';
  for (const byte of randomBytes(TAIL_CHARS)) tail += BASE62.charAt(byte % BASE62.length);
  return `${prefix}_${time.toString(16).padStart(12, '0')}${tail}`;
}
