import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { highlight, type Span } from '../highlight.ts';
import { memo } from './memo.ts';

/** Lines per piece of code that is still arriving: only the last piece is laid out again. */
const PIECE_LINES = 40;

/** How long the copy button says that it worked. */
const COPIED_MS = 1500;

interface CodeBlockProps {
  text: string;
  language: string;
  /** Whether the fence has ended; colours wait for that. */
  closed: boolean;
}

export const CodeBlock = memo(({ text, language, closed }: CodeBlockProps): JSX.Element => {
  return (
    <div class="code-block">
      <div class="code-head">
        <span class="code-language">{language}</span>
        <CopyButton text={text} />
      </div>
      <pre tabIndex={0} aria-label={language === '' ? 'Code' : `Code, ${language}`}>
        <code>{closed ? <Coloured text={text} language={language} /> : <Arriving text={text} />}</code>
      </pre>
    </div>
  );
});

function Coloured({ text, language }: { text: string; language: string }): JSX.Element {
  const spans = useMemo(() => highlight(text, language), [text, language]);
  return <>{spans.map(drawSpan)}</>;
}

function drawSpan(span: Span, index: number): ComponentChildren {
  if (typeof span === 'string') return span;
  return (
    <span key={index} class={`token-${span.token}`}>
      {span.children.map(drawSpan)}
    </span>
  );
}

function Arriving({ text }: { text: string }): JSX.Element {
  const lines = text.split('\n');
  const pieces: string[] = [];
  for (let at = 0; at < lines.length; at += PIECE_LINES)
    pieces.push(lines.slice(at, at + PIECE_LINES).join('\n'));
  return (
    <>
      {pieces.map((piece, index) => (
        <Piece key={index} text={piece} />
      ))}
    </>
  );
}

const Piece = memo(({ text }: { text: string }): JSX.Element => {
  return <span class="code-piece">{text}</span>;
});

function CopyButton({ text }: { text: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = window.setTimeout(() => setCopied(false), COPIED_MS);
    return () => window.clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    // Refused only where the page has no focus; the code can still be selected then.
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <button type="button" class="code-copy" onClick={copy}>
      {copied ? 'Copied' : 'Copy'}
    </button>
  );
}
