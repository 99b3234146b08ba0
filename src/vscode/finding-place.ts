import { locateAnchor } from '../core/review/anchor.ts';
import type { Finding } from '../core/review/finding.ts';

/** A stretch of a text; lines and characters count from 0, the end is not included. */
export interface Place {
  start: { line: number; character: number };
  end: { line: number; character: number };
  /** What stands there, verbatim. */
  text: string;
}

/**
 * Where a finding stands in the text of its file as it is now; undefined when its anchor is not there any more, or
 * only as a part of what was suggested instead.
 */
export function placeOf(
  text: string,
  finding: Pick<Finding, 'anchor' | 'range' | 'suggestion'>,
): Place | undefined {
  const anchored = locateAnchor(text, finding.anchor, finding.range?.start);
  if (anchored.anchored === 'none') return undefined;
  const line = anchored.range.start - 1;
  const lines = text.split('\n');
  const lineStart = lines.slice(0, line).reduce((offset, before) => offset + before.length + 1, 0);
  const offset = text.indexOf(anchored.text, lineStart);
  if (standsWithin(text, offset, anchored.text, finding.suggestion)) return undefined;
  const character = offset - lineStart;
  const inside = anchored.text.split('\n');
  const last = inside.at(-1) ?? '';
  const end = inside.length === 1 ? character + last.length : last.length;
  return {
    start: { line, character },
    end: { line: line + inside.length - 1, character: end },
    text: anchored.text,
  };
}

/** The place without the white space of its first line's indent and at its end: what an underline should cover. */
export function underline(place: Place): Place {
  const indent = place.text.length - place.text.trimStart().length;
  if (indent === place.text.length || place.text.slice(0, indent).includes('\n')) return place;
  return { ...place, start: { line: place.start.line, character: place.start.character + indent } };
}

/** Whether a stretch of the text is the part of a suggestion that was taken over, as `f()` is of `await f()`. */
function standsWithin(text: string, offset: number, stretch: string, suggestion = ''): boolean {
  for (let at = suggestion.indexOf(stretch); at !== -1; at = suggestion.indexOf(stretch, at + 1)) {
    if (suggestion !== stretch && text.startsWith(suggestion, offset - at)) return true;
  }
  return false;
}
