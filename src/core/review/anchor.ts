/**
 * Finding the place that a finding is about. Lines come from where the anchor's text stands in the file, never
 * from the model's count; the count only chooses between several such places.
 */
import type { Finding, LineRange } from './finding.ts';

export type Anchored =
  | {
      anchored: Exclude<Finding['anchored'], 'none'>;
      range: LineRange;
      /** What stands there in the file, verbatim. */
      text: string;
    }
  | { anchored: 'none' };

/** A stretch of the file's text: offsets in UTF-16 units, `end` not included. */
interface Hit {
  start: number;
  end: number;
}

/**
 * Looks for `anchor` in the text of a file: verbatim first, then without regard to white space at both ends of
 * its lines (which covers CRLF), then both again with the signs of a diff or the line numbers of a listing taken
 * off. Among several places the one that begins nearest to line `near` wins, else the first.
 */
export function locateAnchor(text: string, anchor: string, near?: number): Anchored {
  for (const candidate of [anchor, ...withoutPrefixes(anchor)]) {
    const wanted = trimBlankLines(candidate);
    if (wanted === '') continue;
    const exact = exactHits(text, wanted);
    if (exact.length > 0) return place(text, 'exact', exact, near);
    const loose = looseHits(text, wanted);
    if (loose.length > 0) return place(text, 'whitespace', loose, near);
  }
  return { anchored: 'none' };
}

function exactHits(text: string, wanted: string): Hit[] {
  const hits: Hit[] = [];
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    hits.push({ start: at, end: at + wanted.length });
  }
  return hits;
}

/** Places where each line equals the wanted one but for white space at its ends; a single line may be part of one. */
function looseHits(text: string, wanted: string): Hit[] {
  const needles = wanted.split('\n').map((line) => line.trim());
  const [first = ''] = needles;
  if (needles.length === 1) return exactHits(text, first);
  const lines = text.split('\n');
  const hits: Hit[] = [];
  let offset = 0;
  lines.forEach((line, index) => {
    if (line.trim() === first && needles.every((needle, ahead) => lines[index + ahead]?.trim() === needle)) {
      const stretch = lines.slice(index, index + needles.length).join('\n');
      hits.push({
        start: offset + (stretch.length - stretch.trimStart().length),
        end: offset + stretch.trimEnd().length,
      });
    }
    offset += line.length + 1;
  });
  return hits;
}

function place(
  text: string,
  anchored: 'exact' | 'whitespace',
  hits: readonly Hit[],
  near?: number,
): Anchored {
  let best: { hit: Hit; line: number } | undefined;
  let line = 1;
  let seen = 0;
  for (const hit of hits) {
    line += countNewlines(text, seen, hit.start);
    seen = hit.start;
    if (!best || (near !== undefined && Math.abs(line - near) < Math.abs(best.line - near)))
      best = { hit, line };
  }
  if (!best) return { anchored: 'none' };
  const { start, end } = best.hit;
  return {
    anchored,
    range: { start: best.line, end: best.line + countNewlines(text, start, end) },
    text: text.slice(start, end),
  };
}

function countNewlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** Without empty lines at both ends, which models add and lose freely. White space beside text stays. */
function trimBlankLines(text: string): string {
  return text
    .replace(/^(?:[^\S\n]*\n)+/, '')
    .replace(/(?:\n[^\S\n]*)+$/, '')
    .replace(/^\s+$/, '');
}

/** The anchor as it would read in the file if it was copied from a listing with line numbers, or from a diff. */
function withoutPrefixes(anchor: string): string[] {
  const lines = trimBlankLines(anchor).split('\n');
  const candidates: string[] = [];
  // opencode 1.18.33's read tool lists lines as `12: text`; other tools use a bar or a tab.
  const numbered = lines.map((line) => /^\s*\d+(?:: ?|\| ?|\t)(.*)$/s.exec(line)?.[1]);
  if (numbered.every((line) => line !== undefined)) candidates.push(numbered.join('\n'));
  const signed =
    lines.every((line) => line === '' || /^[-+ ]/.test(line)) && lines.some((line) => /^[-+]/.test(line));
  if (signed) {
    // Removed lines are not in the file any more.
    const kept = lines.filter((line) => !line.startsWith('-'));
    candidates.push(kept.map((line) => line.slice(1)).join('\n'));
  }
  return candidates;
}
