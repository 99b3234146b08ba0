/** Reading and writing unified diffs as git prints them. Text in, text out; no git here. */

/** One file's part of a diff: its header lines (`diff --git` included) and its hunks. */
export interface FileDiff {
  /** Path after the change; before it, for a deleted file. */
  file: string;
  header: string[];
  hunks: Hunk[];
  /** All of it as it was printed. */
  text: string;
}

export interface Hunk {
  /** Line number in the new file of the first line that is not removed. */
  newStart: number;
  lines: HunkLine[];
}

export interface HunkLine {
  sign: '+' | '-' | ' ';
  /** Without the sign; a carriage return at its end is kept. */
  text: string;
}

const HUNK_HEAD = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/**
 * Parses a unified diff in git's format. The counts in a hunk's head decide where the hunk ends, so text that
 * looks like a header inside a hunk stays text. Lines that belong to no file are ignored.
 */
export function parseDiff(diff: string): FileDiff[] {
  const files: FileDiff[] = [];
  let file: FileDiff | undefined;
  let hunk: Hunk | undefined;
  let oldLeft = 0;
  let newLeft = 0;
  const lines = diff.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    const inHunk = hunk !== undefined && (oldLeft > 0 || newLeft > 0);
    if (!inHunk && line.startsWith('diff --git ')) {
      file = { file: '', header: [], hunks: [], text: '' };
      hunk = undefined;
      files.push(file);
    }
    if (!file) continue;
    file.text += `${line}\n`;
    const head = inHunk ? null : HUNK_HEAD.exec(line);
    if (head) {
      oldLeft = Number(head[1] ?? 1);
      newLeft = Number(head[3] ?? 1);
      hunk = { newStart: Number(head[2]), lines: [] };
      file.hunks.push(hunk);
    } else if (!hunk) {
      file.header.push(line);
    } else if (inHunk) {
      // Some tools strip the single blank of an empty context line.
      const sign = line === '' ? ' ' : line.charAt(0);
      if (sign !== '+' && sign !== '-' && sign !== ' ') continue;
      if (sign !== '+') oldLeft -= 1;
      if (sign !== '-') newLeft -= 1;
      hunk.lines.push({ sign, text: line.slice(1) });
    }
  }
  for (const each of files) each.file = pathOf(each.header);
  return files.filter((each) => each.file !== '');
}

/** Added and removed lines of a diff. */
export function countChanges(files: readonly FileDiff[]): { additions: number; deletions: number } {
  let additions = 0;
  let deletions = 0;
  for (const file of files) {
    for (const hunk of file.hunks) {
      for (const line of hunk.lines) {
        if (line.sign === '+') additions += 1;
        else if (line.sign === '-') deletions += 1;
      }
    }
  }
  return { additions, deletions };
}

/** The diff of a file that is wholly new, as `git diff` would print it. `mode` is git's, e.g. `100644`. */
export function addedFileDiff(file: string, text: string, mode: '100644' | '100755'): string {
  const before = quotePath(`a/${file}`);
  const after = quotePath(`b/${file}`);
  const head = `diff --git ${before} ${after}\nnew file mode ${mode}\n`;
  if (text === '') return head;
  const endsWithNewline = text.endsWith('\n');
  const lines = (endsWithNewline ? text.slice(0, -1) : text).split('\n');
  const range = lines.length === 1 ? '+1' : `+1,${lines.length}`;
  // git ends a name that holds a blank with a tab, for tools that look for one.
  const tab = file.includes(' ') ? '\t' : '';
  const body = lines.map((line) => `+${line}\n`).join('');
  const tail = endsWithNewline ? '' : '\\ No newline at end of file\n';
  return `${head}--- /dev/null\n+++ ${after}${tab}\n@@ -0,0 ${range} @@\n${body}${tail}`;
}

function pathOf(header: readonly string[]): string {
  const fromLine = (start: string): string | undefined => {
    const line = header.find((each) => each.startsWith(start));
    return line === undefined ? undefined : unquotePath(line.slice(start.length).replace(/\t$/, ''));
  };
  const renamed = fromLine('rename to ');
  if (renamed !== undefined) return renamed;
  const after = fromLine('+++ ');
  if (after !== undefined && after !== '/dev/null') return after.replace(/^b\//, '');
  const before = fromLine('--- ');
  if (before !== undefined && before !== '/dev/null') return before.replace(/^a\//, '');
  return pathOfFirstLine(header[0] ?? '');
}

/** `diff --git a/x b/x` without further lines: an empty file, or a change of mode. Both names are the same then. */
function pathOfFirstLine(line: string): string {
  const names = line.slice('diff --git '.length);
  if (names.startsWith('"')) return unquotePath(names.slice(0, (names.length - 1) / 2)).replace(/^a\//, '');
  return names.slice('a/'.length, (names.length - 1) / 2);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '"': '"',
  '\\': '\\',
};
const UNESCAPES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ESCAPES).map(([char, letter]) => [letter, char]),
);

/** A path as git writes it in headers with `core.quotepath=off`: quoted only when it holds control characters, `"` or `\`. */
export function quotePath(path: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what git quotes
  if (!/[\x00-\x1f\x7f"\\]/.test(path)) return path;
  // oxlint-disable-next-line no-control-regex -- same set
  const inner = path.replace(/[\x00-\x1f\x7f"\\]/g, (char) => {
    const letter = ESCAPES[char];
    return letter === undefined ? `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}` : `\\${letter}`;
  });
  return `"${inner}"`;
}

function unquotePath(path: string): string {
  if (!path.startsWith('"') || !path.endsWith('"')) return path;
  return path.slice(1, -1).replace(/\\([0-7]{3}|.)/g, (_, escape: string) => {
    return escape.length === 3 ? String.fromCharCode(parseInt(escape, 8)) : (UNESCAPES[escape] ?? escape);
  });
}
