/**
 * Untrusted Markdown to a tree of a few known nodes. There is no HTML string on the way: what is not in
 * `MarkdownNode` cannot be drawn, and HTML in the source is text. Links are limited by `classifyLink`, images
 * become links to themselves.
 */
import { Marked, type MarkedToken, type Token, type Tokens } from 'marked';
import { decodeEntities } from './entities.ts';
import { classifyLink, cutMentions, fileInSpan, type Link } from './links.ts';

type PlainTag =
  | 'p'
  | 'strong'
  | 'em'
  | 'del'
  | 'code'
  | 'blockquote'
  | 'ul'
  | 'li'
  | 'h3'
  | 'h4'
  | 'h5'
  | 'h6'
  | 'table'
  | 'thead'
  | 'tbody'
  | 'tr'
  | 'th'
  | 'td'
  | 'span';

export type MarkdownNode =
  | string
  | { readonly tag: PlainTag; readonly children: readonly MarkdownNode[] }
  | { readonly tag: 'ol'; readonly start: number; readonly children: readonly MarkdownNode[] }
  | { readonly tag: 'link'; readonly link: Link; readonly children: readonly MarkdownNode[] }
  | { readonly tag: 'code-block'; readonly language: string; readonly text: string }
  | { readonly tag: 'task'; readonly done: boolean }
  | { readonly tag: 'br' }
  | { readonly tag: 'hr' };

/** Deeper nesting is shown as its source: nobody writes it, and each level costs stack. */
const MAX_DEPTH = 16;

const marked = new Marked({ gfm: true });

/** Reads Markdown. Never throws: what the parser cannot take is shown as text. */
export function parseMarkdown(source: string): MarkdownNode[] {
  // The parser recurses into nested quotes and lists; nesting far beyond MAX_DEPTH would exhaust its stack.
  if (/^[ \t>*+-]{200}/m.test(source)) return [{ tag: 'p', children: [source] }];
  try {
    return blocks(marked.lexer(source), 0);
  } catch {
    return [{ tag: 'p', children: [source] }];
  }
}

/** Markdown without its marks, on one line, for titles and for reading out. */
export function plainText(source: string): string {
  return parseMarkdown(source).map(textOf).join(' ').replace(/\s+/g, ' ').trim();
}

function textOf(node: MarkdownNode): string {
  if (typeof node === 'string') return node;
  if (node.tag === 'code-block') return node.text;
  if (!('children' in node)) return ' ';
  const isBlock = node.tag === 'li' || node.tag === 'p' || node.tag === 'td' || node.tag === 'th';
  return node.children.map(textOf).join('') + (isBlock ? ' ' : '');
}

function blocks(tokens: readonly Token[], depth: number): MarkdownNode[] {
  return tokens.flatMap((token) => block(token as MarkedToken, depth));
}

function block(token: MarkedToken, depth: number): MarkdownNode[] {
  if (depth > MAX_DEPTH) return [token.raw];
  switch (token.type) {
    case 'space':
    case 'def':
      return [];
    case 'hr':
      return [{ tag: 'hr' }];
    case 'heading':
      return [{ tag: headingTag(token.depth), children: inline(token.tokens, depth + 1) }];
    case 'paragraph':
      return [{ tag: 'p', children: inline(token.tokens, depth + 1) }];
    case 'blockquote':
      return [{ tag: 'blockquote', children: blocks(token.tokens, depth + 1) }];
    case 'code':
      return [{ tag: 'code-block', language: languageOf(token.lang), text: token.text }];
    case 'list':
      return [list(token, depth)];
    case 'table':
      return [table(token, depth)];
    case 'html':
      return [{ tag: 'p', children: [token.raw.trimEnd()] }];
    default:
      return inlineToken(token, depth);
  }
}

function headingTag(level: number): 'h3' | 'h4' | 'h5' | 'h6' {
  // The panel's own title stands above everything that an answer can hold.
  if (level <= 1) return 'h3';
  return level === 2 ? 'h4' : level === 3 ? 'h5' : 'h6';
}

function languageOf(info: string | undefined): string {
  return /^\S*/.exec(info ?? '')?.[0].toLowerCase() ?? '';
}

function list(token: Tokens.List, depth: number): MarkdownNode {
  const children = token.items.map((item): MarkdownNode => ({
    tag: 'li',
    children: blocks(item.tokens, depth + 1),
  }));
  return token.ordered ? { tag: 'ol', start: Number(token.start) || 1, children } : { tag: 'ul', children };
}

function table(token: Tokens.Table, depth: number): MarkdownNode {
  const row = (tag: 'th' | 'td', cells: readonly Tokens.TableCell[]): MarkdownNode => ({
    tag: 'tr',
    children: cells.map((cell) => ({ tag, children: inline(cell.tokens, depth + 1) })),
  });
  return {
    tag: 'table',
    children: [
      { tag: 'thead', children: [row('th', token.header)] },
      { tag: 'tbody', children: token.rows.map((cells) => row('td', cells)) },
    ],
  };
}

function inline(tokens: readonly Token[], depth: number): MarkdownNode[] {
  return tokens.flatMap((token) => inlineToken(token as MarkedToken, depth));
}

function inlineToken(token: MarkedToken, depth: number): MarkdownNode[] {
  if (depth > MAX_DEPTH) return [token.raw];
  switch (token.type) {
    case 'text':
      return token.tokens === undefined ? mentions(decodeEntities(token.text)) : inline(token.tokens, depth);
    case 'escape':
      return [decodeEntities(token.text)];
    case 'strong':
    case 'em':
    case 'del':
      return [{ tag: token.type, children: inline(token.tokens, depth + 1) }];
    case 'codespan':
      return [codespan(token.text)];
    case 'br':
      return [{ tag: 'br' }];
    case 'checkbox':
      return [{ tag: 'task', done: token.checked }];
    case 'link':
      return [
        linked(token.autolink === true ? token.href : decodeEntities(token.href), linkText(token, depth)),
      ];
    case 'image': {
      const href = decodeEntities(token.href);
      return [linked(href, [token.text === '' ? href : decodeEntities(token.text)])];
    }
    case 'html':
      // Tables have no other way to break a line; all other HTML is text.
      return /^<br\s*\/?>$/i.test(token.raw) ? [{ tag: 'br' }] : [token.raw];
    default:
      return [token.raw];
  }
}

function linkText(token: Tokens.Link, depth: number): MarkdownNode[] {
  // A link inside a link has no meaning; the mentions in its text are the text of this one.
  return [withoutLinks({ tag: 'span', children: inline(token.tokens, depth + 1) })];
}

function withoutLinks(node: MarkdownNode): MarkdownNode {
  if (typeof node === 'string' || !('children' in node)) return node;
  const children = node.children.map(withoutLinks);
  return node.tag === 'link' ? { tag: 'span', children } : { ...node, children };
}

function linked(href: string, children: MarkdownNode[]): MarkdownNode {
  const link = classifyLink(href);
  return link === undefined ? { tag: 'span', children } : { tag: 'link', link, children };
}

function codespan(text: string): MarkdownNode {
  const code: MarkdownNode = { tag: 'code', children: [text] };
  const link = fileInSpan(text);
  return link === undefined ? code : { tag: 'link', link, children: [code] };
}

function mentions(text: string): MarkdownNode[] {
  return cutMentions(text).map((part) =>
    typeof part === 'string' ? part : { tag: 'link', link: part.link, children: [part.text] },
  );
}
