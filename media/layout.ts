import type { ToolRow } from '../src/core/protocol.ts';
import type { Entry } from './store.ts';

/** What is drawn as one piece: a row, or tools in a row that share a box. `key` is stable while it exists. */
export type Group =
  | { readonly kind: 'row'; readonly key: number; readonly entry: Entry }
  | { readonly kind: 'tools'; readonly key: number; readonly rows: readonly ToolRow[] };

/** A run of groups that is skipped as a whole when it is out of sight or unchanged. */
export interface Section {
  readonly key: number;
  readonly groups: readonly Group[];
}

/** Rows per section: few enough to draw one at once, many enough that thousands of rows are few sections. */
const SECTION_ROWS = 64;

/**
 * Rows in sections. Sections and groups that did not change keep their identity, so that drawing again costs
 * what changed. A row's section follows from its ordinal: dropping rows at the top moves no others.
 */
export function layout(entries: readonly Entry[], previous: readonly Section[] = []): readonly Section[] {
  const before = new Map(previous.map((section) => [section.key, section]));
  const sections: Section[] = [];
  let key = -1;
  let groups: Group[] = [];
  let box: ToolRow[] | undefined;
  const close = (): void => {
    if (groups.length === 0) return;
    const old = before.get(key);
    sections.push(
      old !== undefined && sameGroups(old.groups, groups) ? old : { key, groups: reuse(groups, old) },
    );
  };
  for (const entry of entries) {
    if (entry.row.kind === 'tool' && box !== undefined) {
      // A box of tools belongs where it began, even across the border of a section.
      box.push(entry.row);
      continue;
    }
    const section = Math.floor(entry.ordinal / SECTION_ROWS);
    if (section !== key) {
      close();
      key = section;
      groups = [];
    }
    if (entry.row.kind === 'tool') {
      box = [entry.row];
      groups.push({ kind: 'tools', key: entry.ordinal, rows: box });
    } else {
      box = undefined;
      groups.push({ kind: 'row', key: entry.ordinal, entry });
    }
  }
  close();
  return sections;
}

function reuse(groups: readonly Group[], old: Section | undefined): readonly Group[] {
  if (old === undefined) return groups;
  const before = new Map(old.groups.map((group) => [group.key, group]));
  return groups.map((group) => {
    const same = before.get(group.key);
    return same !== undefined && sameGroup(same, group) ? same : group;
  });
}

function sameGroups(a: readonly Group[], b: readonly Group[]): boolean {
  return a.length === b.length && a.every((group, index) => sameGroup(group, b[index]));
}

function sameGroup(a: Group, b: Group | undefined): boolean {
  if (b === undefined || a.key !== b.key) return false;
  if (a.kind === 'row') return b.kind === 'row' && a.entry.row === b.entry.row;
  return (
    b.kind === 'tools' &&
    a.rows.length === b.rows.length &&
    a.rows.every((row, index) => row === b.rows[index])
  );
}
