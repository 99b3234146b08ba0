import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { ToolRow } from '../../src/core/protocol.ts';
import { formatRunning, formatSpan } from '../time.ts';
import { useFold, useHostNow } from './context.ts';
import { Icon, Spinner } from './icons.tsx';
import { memo } from './memo.ts';

const STATUS_WORDS: Readonly<Record<ToolRow['status'], string>> = {
  pending: 'waiting',
  running: 'running',
  completed: 'done',
  error: 'failed',
  unknown: 'unknown whether it finished',
};

/** Tools that ran one after another share a box. */
export const ToolBox = memo(({ rows }: { rows: readonly ToolRow[] }): JSX.Element => {
  return (
    <ul class="row box tools" aria-label="Tools">
      {rows.map((row) => (
        <Tool key={row.id} row={row} />
      ))}
    </ul>
  );
});

const Tool = memo(({ row }: { row: ToolRow }): JSX.Element => {
  const [open, setOpen] = useFold(row.id);
  const region = useId();
  const hasOutput = row.output !== undefined && row.output !== '';
  const line = (
    <>
      <StatusIcon status={row.status} />
      <span class="tool-title">{row.title}</span>
      <span class="tool-summary" title={row.summary}>
        {row.summary}
      </span>
      <span class="visually-hidden">{STATUS_WORDS[row.status]}</span>
      <Duration row={row} />
    </>
  );
  return (
    <li
      class={`tool tool-${row.status}${row.nested === true ? ' tool-nested' : ''}`}
      data-row={row.id}
      data-kind="tool"
    >
      {hasOutput ? (
        <button
          type="button"
          class="tool-line"
          aria-expanded={open}
          aria-controls={region}
          onClick={() => setOpen(!open)}
        >
          {line}
          <Icon name="chevron" class="chevron" />
        </button>
      ) : (
        <div class="tool-line">{line}</div>
      )}
      {hasOutput && open && (
        <pre id={region} class="tool-output" tabIndex={0} aria-label={`Output of ${row.title}`}>
          {row.output}
        </pre>
      )}
    </li>
  );
});

function StatusIcon({ status }: { status: ToolRow['status'] }): JSX.Element {
  switch (status) {
    case 'pending':
      return <Icon name="circle" class="tool-icon" />;
    case 'running':
      return <Spinner />;
    case 'completed':
      return <Icon name="check" class="tool-icon" />;
    case 'error':
      return <Icon name="cross" class="tool-icon" />;
    case 'unknown':
      return <Icon name="unknown" class="tool-icon" />;
  }
}

function Duration({ row }: { row: ToolRow }): JSX.Element {
  const live = row.status === 'running' && row.startedAt !== undefined && row.endedAt === undefined;
  const now = useHostNow(live);
  let text = '';
  if (row.startedAt !== undefined) {
    if (row.endedAt !== undefined) text = formatSpan(row.endedAt - row.startedAt);
    else if (live) text = formatRunning(now - row.startedAt);
  }
  return <span class="tool-time">{text}</span>;
}
