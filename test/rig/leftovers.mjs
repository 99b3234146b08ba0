import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** An idle engine is given 10 s by its guardian; what is here later than that has outlived its purpose. */
const GRACE_MS = 10_000;
const POLL_MS = 50;

/** @typedef {{ pid: number, command: string }} Survivor */

/** Ourselves and everything above us: a parent may carry the mark when the rig is run inside a rig. */
function ownLine() {
  const line = new Set([process.pid, process.ppid]);
  if (process.platform !== 'linux') return line;
  for (let pid = process.ppid; pid > 1;) {
    pid = parentOf(pid);
    line.add(pid);
  }
  return line;
}

/** @param {string} pid @param {string} mark @returns {boolean | undefined} undefined where we may not look */
function hasInEnvironment(pid, mark) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/** @param {string} mark @returns {Survivor[]} */
function fromProc(mark) {
  const found = [];
  const closed = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const survivor = { pid: Number(entry), command };
      // some of the browser's processes overwrite their environment with a title, but their command line names a
      // folder of ours, whose name holds the mark
      const isMarked = command.includes(mark) || hasInEnvironment(entry, mark);
      if (isMarked) found.push(survivor);
      else if (isMarked === undefined) closed.push(survivor);
    } catch {
      // gone meanwhile
    }
  }
  // an owned server lets nobody read its environment, and is the child of a guardian that can be read
  const marked = new Set(found.map(({ pid }) => pid));
  return [...found, ...closed.filter(({ pid }) => marked.has(parentOf(pid)))];
}

/** @param {string} mark @returns {Survivor[]} */
function fromPs(mark) {
  const listing = spawnSync('ps', ['eww', '-axo', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return (listing.stdout ?? '').split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(.*)$/.exec(line);
    return match?.[1] && match[2]?.includes(mark)
      ? [{ pid: Number(match[1]), command: match[2].slice(0, 300) }]
      : [];
  });
}

/** Best effort: Windows does not show another process's environment, so only command lines are searched. */
function fromWindows(/** @type {string} */ mark) {
  const query = `Get-CimInstance Win32_Process | Where-Object { $_.CommandLine -like '*${mark}*' -and $_.ProcessId -ne $PID } | ForEach-Object { "$($_.ProcessId) $($_.CommandLine)" }`;
  const listing = spawnSync('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', query], {
    encoding: 'utf8',
  });
  return (listing.stdout ?? '').split(/\r?\n/).flatMap((line) => {
    const match = /^(\d+) (.*)$/.exec(line);
    return match?.[1] && match[2] ? [{ pid: Number(match[1]), command: match[2] }] : [];
  });
}

/**
 * Whether a process leads its group, as every server does. A child that has been forked and is not another program yet
 * shows the command line of its parent, for a moment.
 *
 * @param {number} pid
 */
export function leadsGroup(pid) {
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === pid;
  } catch {
    return false;
  }
}

/**
 * Living processes that carry a mark, except this one and those above it.
 *
 * @param {string} mark
 * @returns {Survivor[]}
 */
export function findMarked(mark) {
  const ours = ownLine();
  const all =
    process.platform === 'linux'
      ? fromProc(mark)
      : process.platform === 'win32'
        ? fromWindows(mark)
        : fromPs(mark);
  return all.filter(({ pid }) => !ours.has(pid));
}

/**
 * Waits until no process matches.
 *
 * @param {() => Survivor[]} find
 * @param {number} limitMs
 * @returns {Promise<Survivor[]>} those still there at the limit; empty when all went
 */
export async function waitUntilGone(find, limitMs) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const alive = find();
    if (alive.length === 0 || Date.now() >= deadline) return alive;
    await delay(POLL_MS);
  }
}

/**
 * The check at the end of a run: gives what carries the mark a little time to go by itself, then kills exactly those
 * pids and names them.
 *
 * @param {string} mark
 * @returns {Promise<Survivor[]>} what had to be killed
 */
export async function endLeftovers(mark, graceMs = GRACE_MS) {
  const survivors = await waitUntilGone(() => findMarked(mark), graceMs);
  for (const { pid } of survivors) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // went at the last moment
    }
  }
  // a killed parent's child could have been forked between listing and killing
  for (const { pid } of await waitUntilGone(() => findMarked(mark), 1_000)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone
    }
  }
  return survivors;
}
