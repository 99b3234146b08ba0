/** Which links of untrusted text may be followed, and where they lead. */

export type Link =
  | { readonly kind: 'web'; readonly url: string }
  | { readonly kind: 'file'; readonly file: string; readonly line?: number };

/** Longest address taken for a link, UTF-16 units; more is no address for people. */
const MAX_LINK = 2000;

/** No part of a portable file name; a colon would also begin a scheme or an alternate data stream. */
const NOT_IN_A_PATH = /[\\:*?"<>|]/;
/** A path with a folder or a line in running text: `src/pay.ts:42`. */
const MENTION = /(?<![\w/:.@-])((?:[\w@.+-]+\/)+[\w@.+-]*\.[A-Za-z]\w{0,9}):(\d{1,7})(?::\d+)?(?![\w/])/g;
/** What a code span must look like to be a file: a folder or a line, and an extension. */
const SPAN = /^((?:\.\/)?(?:[\w@.+-]+\/)*[\w@.+-]*\.[A-Za-z]\w{0,9})(?::(\d{1,7})(?:[:-]\d+)?)?$/;

/**
 * What a Markdown destination leads to: an `https:` address or a file of the workspace (relative, forward
 * slashes, no `..`). Undefined for anything else; its text is then shown without a link.
 */
export function classifyLink(href: string): Link | undefined {
  if (href.length > MAX_LINK || hasControlCharacter(href)) return undefined;
  if (/^https:\/\//i.test(href)) return webLink(href);
  if (/^[a-z][a-z0-9+.-]*:(?!\d)/i.test(href) || href.startsWith('//')) return undefined;
  const match = /^([^?#]*?)(?::(\d{1,7})(?:[:-]\d+)?)?(?:#L(\d{1,7})(?:[-:,].*)?)?$/.exec(href);
  if (match === null) return undefined;
  return fileLink(decode(match[1] ?? ''), match[3] ?? match[2]);
}

/** The file that a code span names, if it has a folder or a line and an extension. */
export function fileInSpan(text: string): Link | undefined {
  const match = text.length <= MAX_LINK ? SPAN.exec(text) : null;
  if (match === null) return undefined;
  const [, path = '', line] = match;
  return path.includes('/') || line !== undefined ? fileLink(path, line) : undefined;
}

/** Running text cut at mentions such as `src/pay.ts:42`. */
export function cutMentions(text: string): (string | { text: string; link: Link })[] {
  const parts: (string | { text: string; link: Link })[] = [];
  let end = 0;
  for (const match of text.matchAll(MENTION)) {
    const link = fileLink(match[1] ?? '', match[2]);
    if (link === undefined) continue;
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push({ text: match[0], link });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

function webLink(href: string): Link | undefined {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return undefined;
  }
  // `https://github.com@example.org` reads like another host than it is.
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined;
  return { kind: 'web', url: url.href };
}

function fileLink(path: string, line: string | undefined): Link | undefined {
  const file = path.replace(/^\.\//, '');
  if (NOT_IN_A_PATH.test(file) || file.split('/').some((part) => part === '' || part === '..'))
    return undefined;
  return line === undefined ? { kind: 'file', file } : { kind: 'file', file, line: Number(line) };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
