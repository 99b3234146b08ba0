import { Fragment, h, type ComponentChildren, type JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { emptySplit, splitBlocks, type Block, type Split } from '../blocks.ts';
import type { Link } from '../links.ts';
import { parseMarkdown, type MarkdownNode } from '../markdown.ts';
import { CodeBlock } from './code-block.tsx';
import { useRun } from './context.ts';
import { memo } from './memo.ts';

/** Markdown that may still grow: finished blocks are not read or drawn again. */
export function GrowingMarkdown({ text }: { text: string }): JSX.Element {
  const split = useRef<Split>(emptySplit);
  split.current = splitBlocks(text, split.current);
  const { pages, tail, open } = split.current;
  // A block stays in the page it began in: moved to another place in the tree it would be built anew, and a
  // selection in it would be lost.
  const last = open === undefined ? tail : [...tail, open];
  return (
    <div class="markdown">
      {[...pages, last].map((page) => (
        <Page key={page[0]?.at ?? text.length} blocks={page} />
      ))}
    </div>
  );
}

const Page = memo(({ blocks }: { blocks: readonly Block[] }): JSX.Element => {
  return (
    <>
      {blocks.map((block) => (
        <BlockView key={block.at} block={block} />
      ))}
    </>
  );
});

const BlockView = memo(({ block }: { block: Block }): JSX.Element => {
  if (block.kind === 'code')
    return <CodeBlock text={block.text} language={block.language} closed={block.closed} />;
  return <Prose text={block.text} />;
});

function Prose({ text }: { text: string }): JSX.Element {
  const nodes = useMemo(() => parseMarkdown(text), [text]);
  return <>{drawAll(nodes)}</>;
}

function drawAll(nodes: readonly MarkdownNode[]): ComponentChildren {
  return nodes.map((node, index) => <Fragment key={index}>{draw(node)}</Fragment>);
}

function draw(node: MarkdownNode): ComponentChildren {
  if (typeof node === 'string') return node;
  switch (node.tag) {
    case 'br':
      return <br />;
    case 'hr':
      return <hr />;
    case 'task':
      return <input type="checkbox" checked={node.done} disabled aria-label={node.done ? 'done' : 'to do'} />;
    case 'code-block':
      return <CodeBlock text={node.text} language={node.language} closed />;
    case 'link':
      return <LinkView link={node.link}>{drawAll(node.children)}</LinkView>;
    case 'ol':
      return <ol start={node.start}>{drawAll(node.children)}</ol>;
    case 'table':
      return (
        <div class="table-scroll" tabIndex={0} role="group" aria-label="Table">
          <table>{drawAll(node.children)}</table>
        </div>
      );
    default:
      return h(node.tag, null, drawAll(node.children));
  }
}

function LinkView({ link, children }: { link: Link; children: ComponentChildren }): JSX.Element {
  const { host } = useRun();
  const follow = (event: Event): void => {
    event.preventDefault();
    // The page around the panel follows links too; this one is followed by the host's leave alone.
    event.stopPropagation();
    if (link.kind === 'web') host.post({ type: 'open-link', url: link.url });
    else
      host.post({ type: 'open-file', file: link.file, ...(link.line !== undefined && { line: link.line }) });
  };
  if (link.kind === 'web') {
    return (
      <a href={link.url} title={link.url} onClick={follow}>
        {children}
      </a>
    );
  }
  const place = link.line === undefined ? link.file : `${link.file}:${link.line}`;
  return (
    <a href="#" class="file-link" title={`Open ${place}`} onClick={follow}>
      {children}
    </a>
  );
}
