import type { ComponentChildren } from 'preact';

/** Plain text of ours in which only `code` between single backticks is marked. */
export function inlineCode(text: string): ComponentChildren {
  if (!text.includes('`')) return text;
  return text
    .split(/(`[^`\n]+`)/)
    .map((part, index) =>
      part.length > 2 && part.startsWith('`') && part.endsWith('`') ? (
        <code key={index}>{part.slice(1, -1)}</code>
      ) : (
        part
      ),
    );
}
