import type { ToolClass } from '../../core/engine.ts';

export const MAX_SUMMARY_CHARS = 300;

interface ToolKind {
  class: ToolClass;
  /** For people. */
  title: string;
  /** The key of its input that says best what it does. */
  says?: string;
}

/**
 * The tools of opencode 1.18.33. Read-only is what may run twice without anybody noticing: to-do lists and
 * questions live in the session, a fetch is an HTTP GET. Everything absent here is unknown, and so unsafe.
 */
const KINDS: Readonly<Record<string, ToolKind>> = {
  read: { class: 'read-only', title: 'Read', says: 'filePath' },
  grep: { class: 'read-only', title: 'Search', says: 'pattern' },
  glob: { class: 'read-only', title: 'Find files', says: 'pattern' },
  list: { class: 'read-only', title: 'List', says: 'path' },
  lsp: { class: 'read-only', title: 'Look up', says: 'operation' },
  codesearch: { class: 'read-only', title: 'Search code', says: 'query' },
  websearch: { class: 'read-only', title: 'Search the web', says: 'query' },
  webfetch: { class: 'read-only', title: 'Fetch', says: 'url' },
  skill: { class: 'read-only', title: 'Load skill', says: 'name' },
  todoread: { class: 'read-only', title: 'Read to-dos' },
  todowrite: { class: 'read-only', title: 'Update to-dos' },
  question: { class: 'read-only', title: 'Ask' },
  // What a call of a tool that does not exist, or with broken arguments, is renamed to. Nothing ran.
  invalid: { class: 'read-only', title: 'Invalid call', says: 'error' },
  bash: { class: 'effectful', title: 'Run', says: 'command' },
  edit: { class: 'effectful', title: 'Edit', says: 'filePath' },
  multiedit: { class: 'effectful', title: 'Edit', says: 'filePath' },
  write: { class: 'effectful', title: 'Write', says: 'filePath' },
  patch: { class: 'effectful', title: 'Patch' },
  apply_patch: { class: 'effectful', title: 'Patch' },
  task: { class: 'effectful', title: 'Delegate', says: 'description' },
};
/** As a map, where a tool named `constructor` finds nothing. */
const TOOLS: ReadonlyMap<string, ToolKind> = new Map(Object.entries(KINDS));

export function toolClass(tool: string): ToolClass {
  return TOOLS.get(tool)?.class ?? 'unknown';
}

/** A word or two for people, or the engine's own name of a tool that is not known. */
export function toolTitle(tool: string): string {
  return TOOLS.get(tool)?.title ?? tool;
}

/**
 * One line that says what a call does: a path (relative to the workspace where it is inside), a command, a
 * pattern; else the engine's own title of the call.
 *
 * @param input the arguments as far as they are known; empty while they stream
 */
export function toolSummary(
  tool: string,
  input: Readonly<Record<string, unknown>>,
  title: string,
  directory: string,
): string {
  const key = TOOLS.get(tool)?.says;
  const said = key === undefined ? undefined : input[key];
  if (typeof said !== 'string' || said === '') return oneLine(countOf(input) || title);
  if (key === 'filePath' || key === 'path') return oneLine(inWorkspace(said, directory));
  const where =
    key === 'pattern' && typeof input['path'] === 'string' ? inWorkspace(input['path'], directory) : '';
  return oneLine(where === '' ? said : `${said} in ${where}`);
}

/** "3 to-dos", "1 question": the summary of a call whose input is one list. */
function countOf(input: Readonly<Record<string, unknown>>): string {
  for (const [key, one] of [
    ['todos', 'to-do'],
    ['questions', 'question'],
  ] as const) {
    const list = input[key];
    if (Array.isArray(list)) return `${list.length} ${one}${list.length === 1 ? '' : 's'}`;
  }
  return '';
}

/** Relative to the workspace, with forward slashes; a path outside of it stays as it is. */
export function inWorkspace(path: string, directory: string): string {
  const slashed = path.replaceAll('\\', '/');
  const root = directory.replaceAll('\\', '/').replace(/\/$/, '');
  if (slashed === root) return '.';
  return slashed.startsWith(`${root}/`) && !slashed.includes('/../') ? slashed.slice(root.length + 1) : path;
}

function oneLine(text: string): string {
  // Cut before the white space is folded: a command can be a script of megabytes.
  const line = text
    .slice(0, 4 * MAX_SUMMARY_CHARS)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= MAX_SUMMARY_CHARS ? line : `${line.slice(0, MAX_SUMMARY_CHARS - 1)}…`;
}
