/** Putting text of others into Markdown so that it stays where it was put. */

/** Text as one line of Markdown that reads as it is written: no markup, no line breaks. */
export function plainInline(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]<|~&$]/g, '\\$&');
}

/** A fenced block whose fence is longer than any run of backticks inside. `language` only when it is a plain word. */
export function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${/^[a-z0-9]+$/.test(language) ? language : ''}\n${text.replace(/\n$/, '')}\n${fence}`;
}

/**
 * Markdown of others as a block quote. Emphasis, lists and code keep working; raw HTML, links and images become
 * text (a viewer may still make a link of a bare address, which then shows where it leads); fences are written anew and always closed; every line is quoted. So nothing in it reaches beyond the quote.
 */
export function quotedMarkdown(markdown: string): string {
  const blocks: string[] = [];
  let fence: { mark: string; language: string; lines: string[] } | undefined;
  const close = (): void => {
    if (fence) blocks.push(fenced(fence.lines.join('\n'), fence.language));
    fence = undefined;
  };
  for (const line of markdown.split(/\r\n|[\n\r]/)) {
    const trimmed = line.trim();
    if (fence) {
      if (trimmed.startsWith(fence.mark) && trimmed.replaceAll(fence.mark.charAt(0), '') === '') close();
      else fence.lines.push(line);
      continue;
    }
    const open = /^(`{3,}|~{3,})\s*([\w+-]*)[^`]*$/.exec(trimmed);
    if (open) fence = { mark: open[1] ?? '```', language: (open[2] ?? '').toLowerCase(), lines: [] };
    else blocks.push(harmlessLine(line));
  }
  close();
  return blocks
    .join('\n')
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}

/**
 * One line outside of fences: `<` and `[` lose their meaning except in code spans. Backticks without a partner on
 * their own line are escaped, so that no span can reach over lines and turn inside and outside around.
 */
function harmlessLine(line: string): string {
  let out = '';
  for (let at = 0; at < line.length;) {
    const char = line.charAt(at);
    if (char === '\\' && at + 1 < line.length) {
      out += line.slice(at, at + 2);
      at += 2;
    } else if (char === '`') {
      const run = /^`+/.exec(line.slice(at))?.[0] ?? char;
      const end = endOfSpan(line, at + run.length, run.length);
      out += end === undefined ? '\\`'.repeat(run.length) : line.slice(at, end);
      at = end ?? at + run.length;
    } else {
      out += char === '<' || char === '[' ? `\\${char}` : char;
      at += 1;
    }
  }
  return out;
}

/** Where the code span that began before `from` ends: after the next run of exactly `length` backticks. */
function endOfSpan(line: string, from: number, length: number): number | undefined {
  for (const run of line.slice(from).matchAll(/`+/g)) {
    if (run[0].length === length) return from + run.index + length;
  }
  return undefined;
}
