/** Colours for closed code blocks, as nested spans of known classes rather than HTML. */
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import json from 'highlight.js/lib/languages/json';
import markdown from 'highlight.js/lib/languages/markdown';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

/** Text, or text of a token class such as `keyword`. */
export type Span = string | { readonly token: string; readonly children: readonly Span[] };

/** Longest code that is coloured, UTF-16 units: about 10 ms of work. Longer code stays plain. */
export const MAX_HIGHLIGHTED = 30_000;

const LANGUAGES = {
  bash,
  css,
  diff,
  go,
  java,
  json,
  markdown,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
};

let registered = false;

/** Grammars are compiled when first used; registering them is cheap, but not free at start. */
function languageNamed(name: string): string | undefined {
  if (!registered) {
    registered = true;
    for (const [key, grammar] of Object.entries(LANGUAGES)) hljs.registerLanguage(key, grammar);
    // The TypeScript grammar holds the JavaScript one; a second copy would only weigh.
    hljs.registerAliases(['javascript', 'js', 'jsx', 'mjs', 'cjs'], { languageName: 'typescript' });
  }
  return name !== '' && hljs.getLanguage(name) !== undefined ? name : undefined;
}

/** Coloured code, or the code as one string if its language is unknown or it is too long. */
export function highlight(code: string, language: string): readonly Span[] {
  if (code.length > MAX_HIGHLIGHTED) return [code];
  const name = languageNamed(language);
  if (name === undefined) return [code];
  return parseSpans(hljs.highlight(code, { language: name, ignoreIllegals: true }).value);
}

interface Frame {
  readonly token: string;
  readonly children: Span[];
}

/** Reads the only HTML that the highlighter writes: spans with a class, and five character references. */
function parseSpans(html: string): readonly Span[] {
  const root: Frame = { token: '', children: [] };
  const stack: Frame[] = [root];
  for (const part of html.split(/(<span class="[^"]*">|<\/span>)/)) {
    const top = stack.at(-1) ?? root;
    const token = /^<span class="hljs-([a-z_]+)[^"]*">$/.exec(part)?.[1];
    if (part.startsWith('<span class="')) {
      const frame: Frame = { token: token ?? 'other', children: [] };
      top.children.push(frame);
      stack.push(frame);
    } else if (part === '</span>') {
      if (stack.length > 1) stack.pop();
    } else if (part !== '') {
      top.children.push(unescape(part));
    }
  }
  return root.children;
}

const REFERENCES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x27;': "'",
};

function unescape(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#x27);/g, (reference) => REFERENCES[reference] ?? reference);
}
