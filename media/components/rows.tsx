import type { JSX } from 'preact';
import type { Row } from '../../src/core/protocol.ts';
import { formatRunning, formatSpan } from '../time.ts';
import { CardRow } from './card.tsx';
import { useHostNow } from './context.ts';
import { Disclosure } from './disclosure.tsx';
import { FindingsRow } from './findings.tsx';
import { Icon } from './icons.tsx';
import { inlineCode } from './inline-code.tsx';
import { GrowingMarkdown } from './markdown.tsx';
import { memo } from './memo.ts';
import { PermissionRow } from './permission.tsx';
import { QuestionRow } from './question.tsx';

type RowOf<Kind extends Row['kind']> = Extract<Row, { kind: Kind }>;
/** Tools are drawn together, in a box of their own. */
export type SingleRow = Exclude<Row, { kind: 'tool' }>;

export const RowView = memo(({ row }: { row: SingleRow }): JSX.Element => {
  return (
    <div class={`row row-${row.kind}`} data-row={row.id} data-kind={row.kind}>
      {drawRow(row)}
    </div>
  );
});

function drawRow(row: SingleRow): JSX.Element {
  switch (row.kind) {
    case 'you':
      return <You row={row} />;
    case 'text':
      return <Text row={row} />;
    case 'thinking':
      return <Thinking row={row} />;
    case 'notice':
      return <Notice row={row} />;
    case 'card':
      return <CardRow row={row} />;
    case 'permission':
      return <PermissionRow row={row} />;
    case 'question':
      return <QuestionRow row={row} />;
    case 'findings':
      return <FindingsRow row={row} />;
  }
}

/** Longer prompts are folded to their beginning, UTF-16 units and lines. */
const LONG_PROMPT = 600;
const LONG_PROMPT_LINES = 8;

function You({ row }: { row: RowOf<'you'> }): JSX.Element {
  if (row.label !== undefined) {
    return (
      <Disclosure id={row.id} class="you" label={<span class="you-label">{row.label}</span>}>
        {() => <pre class="you-text">{row.text}</pre>}
      </Disclosure>
    );
  }
  const lines = row.text.split('\n');
  if (row.text.length <= LONG_PROMPT && lines.length <= LONG_PROMPT_LINES) {
    return <div class="you you-text">{row.text}</div>;
  }
  return (
    <Disclosure
      id={row.id}
      class="you"
      label={<span class="you-label">{(lines[0] ?? '').slice(0, 200)}</span>}
    >
      {() => <div class="you-text">{row.text}</div>}
    </Disclosure>
  );
}

function Text({ row }: { row: RowOf<'text'> }): JSX.Element {
  return (
    <>
      <GrowingMarkdown text={row.text} />
      {row.gap === true && <p class="gap">Part of this text was never received.</p>}
    </>
  );
}

function Thinking({ row }: { row: RowOf<'thinking'> }): JSX.Element {
  const now = useHostNow(!row.done);
  const label = <span class="thinking-label">{thinkingLabel(row, now)}</span>;
  if (row.text === '') return <div class="thinking thinking-bare">{label}</div>;
  return (
    <Disclosure id={row.id} class="thinking" label={label}>
      {() => <GrowingMarkdown text={row.text} />}
    </Disclosure>
  );
}

function thinkingLabel(row: RowOf<'thinking'>, now: number): string {
  if (!row.done)
    return row.startedAt === undefined ? 'Thinking…' : `Thinking… ${formatRunning(now - row.startedAt)}`;
  if (row.startedAt === undefined || row.endedAt === undefined) return 'Thought';
  return `Thought for ${formatSpan(row.endedAt - row.startedAt)}`;
}

function Notice({ row }: { row: RowOf<'notice'> }): JSX.Element {
  return (
    <div class={`notice notice-${row.tone}`}>
      <span>
        {row.tone !== 'quiet' && <Icon name={row.tone === 'warn' ? 'warning' : 'error'} />}
        {inlineCode(row.text)}
      </span>
    </div>
  );
}
