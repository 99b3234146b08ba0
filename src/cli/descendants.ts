/** The processes below this one, for the end that waits for nobody. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';

/**
 * Ends everything that this process has started, at once. Not by process groups: opencode 1.18.33 gives every command
 * of its shell tool a group of its own, which outlives the server. On Windows the end of the server's tree does that.
 * @param held processes that others have started for us: they end as well, with everything below them.
 */
export function killDescendants(held: readonly number[]): void {
  if (process.platform === 'win32') return;
  const parents = process.platform === 'linux' ? fromProc() : fromPs();
  const doomed = [process.pid, ...held].flatMap((root) => below(root, parents));
  for (const pid of new Set([...doomed, ...held])) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }
}

type Parents = readonly (readonly [pid: number, parent: number])[];

/** All processes below `root`, those of sub-processes included. */
export function below(root: number, parents: Parents): number[] {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of parents) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found: number[] = [];
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    const own = children.get(pid) ?? [];
    children.delete(pid);
    found.push(...own);
    open.push(...own);
  }
  return found;
}

/** Without `ps`, which small container images lack. */
function fromProc(): Parents {
  return fs.readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, 'utf8');
      // `pid (name) state parent …`; the name may hold anything, brackets too.
      const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
      return [[Number(entry), Number(parent)] as const];
    } catch {
      return [];
    }
  });
}

function fromPs(): Parents {
  try {
    const text = execFileSync('ps', ['-axo', 'pid=,ppid='], { encoding: 'utf8', timeout: 1000 });
    return text.split('\n').flatMap((line) => {
      const match = /^\s*(\d+)\s+(\d+)/.exec(line);
      return match === null ? [] : [[Number(match[1]), Number(match[2])] as const];
    });
  } catch {
    return [];
  }
}
